"""docs/first-session.md, command by command, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hardware.ports import free_port
from tests.collector.running import noon
from tests.end_to_end.installation import Installation
from tests.support import local_http
from tests.support.waiting import until
from wire.parent import bound

PAGE = Path(__file__).resolve().parents[2] / "docs" / "first-session.md"


def commands() -> list[str]:
    return re.findall(r"^    (gleaner .+)$", PAGE.read_text(encoding="utf-8"), re.M)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[dict[str, str], int]]:
    """The first command runs; the environment of all others: another port, a participant who needs no hands."""
    port = free_port()
    environment = {
        **os.environ,
        "GLEANER_COLLECTOR_PORT": str(port),
        "GLEANER_PARTICIPANT": "simulated",
        "GLEANER_PAGE_PORT": "0",
        "TZ": noon(),
    }
    with (tmp_path / "collector.log").open("w") as log:
        service = subprocess.Popen(
            words(commands()[0]), cwd=tmp_path, stdout=log, stderr=log, text=True, **bound(environment)
        )
    try:
        until(lambda: _answers(port), why=(tmp_path / "collector.log").read_text())
        yield environment, port
    finally:
        Installation.kill(service)


def _answers(port: int) -> bool:
    try:
        return local_http.get(f"http://127.0.0.1:{port}/api/ready", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def words(command: str) -> list[str]:
    return [sys.executable, "-m", *shlex.split(command)]


def test_the_commands_of_the_page(serving: tuple[dict[str, str], int], tmp_path: Path) -> None:
    environment, port = serving
    assert commands()[0] == "gleaner collector serve --data collector-data"
    code, said = "", {}
    for command in commands()[1:]:
        command = command.replace("CODE", code).replace(":8700", f":{port}")
        done = subprocess.run(
            words(command), cwd=tmp_path, capture_output=True, text=True, timeout=180, **bound(environment)
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said[command] = done.stdout
        if "join-code" in command:
            found = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", done.stdout)
            assert found, done.stdout
            code = found[0]
    link = next(text for command, text in said.items() if "user link" in command).strip().splitlines()[-1]
    page = local_http.get(link, timeout=30)
    assert page.status_code == 200 and local_http.get(link, timeout=30).status_code == 200  # a prefetch uses nothing up
    report = next(text for command, text in said.items() if "report today" in command)
    assert "6" in report
    assert (tmp_path / "export-jsonl" / "labels.jsonl").exists()
    book = json.loads((tmp_path / "export-coco" / "annotations.json").read_text())
    assert book["images"] == [] and (tmp_path / "export-coco" / "prelabels.json").exists()

"""docs/client.md says what happens: its code runs against a real collector and prints what the page shows."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from pathlib import Path
from typing import Any

import pytest

from collector.client import Client
from tests.collector.client.kitchen import in_kitchen
from tests.collector.running import Collector, DeviceClient
from tests.support.waiting import until
from wire.capture import CaptureManifest
from wire.labels import Box, LabelsDocument, Source
from wire.session import SessionRecord

PAGE = (Path(__file__).parents[3] / "docs/client.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", PAGE, re.M | re.S)
TABLE = dict(re.findall(r"^\| `?(\w+)`? \| (`\w+`(?:, `\w+`)*) \|$", PAGE, re.M))


@pytest.fixture
def names(
    collector: Collector, device: DeviceClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What the page takes for granted: a lead's token, a finished still, an open one, something that was recorded."""
    monkeypatch.chdir(tmp_path)
    collector.ask("user-add", name="rita", role="lead")
    monkeypatch.setenv("GLEANER_TOKEN", collector.ask("user-token", name="rita")["token"])
    me = Source(kind="person", name="rita")
    with (
        Client(collector.url, token=device.token) as sender,
        Client(collector.url, token=collector.ask("user-token", name="rita")["token"]) as rita,
    ):
        for step in ("show-cup", "show-plate"):
            record, made = in_kitchen(device.id, step, f"ses-{step}")
            sender.uploads.put_session(record)
            sender.uploads.send_capture(made.manifest, made.parts)
            if step == "show-cup":
                task = until(lambda: next(iter(rita.tasks.next()), None))
                label = Box(id="b1", label="cup", x=50, y=30, width=60, height=60)
                rita.tasks.submit(task, [LabelsDocument(capture=made.id, source=me, labels=[label])])
        until(lambda: list(rita.tasks.list(state="open")))

    def recorded_by(device: str) -> tuple[SessionRecord, CaptureManifest, dict[str, bytes]]:
        record, made = in_kitchen(device, "show-bowl", "ses-bowl")
        return record, made.manifest, made.parts

    return {"join_code": collector.ask("join-code")["code"], "recorded_by": recorded_by}


def test_the_page_prints_what_it_shows(collector: Collector, names: dict[str, Any]) -> None:
    assert len(BLOCKS) == 7 and all(shown for _, shown in BLOCKS)
    for code, shown in BLOCKS:
        here = re.sub(r',\s*trust="[A-Z0-9-]+"', "", code).replace("https://collector.example:8700", collector.url)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(here, "docs/client.md", "exec"), names)
        wanted = ".*".join(re.escape(part) for part in shown.split("…"))
        assert re.fullmatch(wanted, printed.getvalue(), re.S), printed.getvalue()
    for name in ("gleaner", "sender"):
        names[name].close()


def test_the_page_lists_every_method() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name, one in inspect.getmembers(kind, callable) if not name.startswith("_")}

    with Client("http://127.0.0.1:1") as client:
        parts = {name: methods(type(one)) for name, one in vars(client).items() if not name.startswith("_")}
    listed = {name: set(re.findall(r"\w+", row)) for name, row in TABLE.items()}
    assert listed == parts | {"itself": methods(Client)}

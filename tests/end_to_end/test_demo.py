"""`gleaner demo`: once with its JSON line, again on the same data, with real files, and until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from hardware.ports import free_port
from prelabel.models.catalogue import Catalogue, ModelUnavailable, fetch
from tests import needs
from tests.end_to_end.installation import SHORT
from tests.support import local_http
from tests.support.demo import demo_once
from tests.support.waiting import until
from wire.parent import bound

MEMBERS = {
    "session", "takes", "captures", "bytes", "prelabels", "tasks", "lost", "seconds", "playing_seconds",
    "first_task_seconds", "frames_dropped", "agent_peak_mib", "url",
}  # fmt: skip


def once(data: Path, *more: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    return told_once(data, *more, env=env)[0]


def told_once(data: Path, *more: str, env: dict[str, str] | None = None) -> tuple[dict[str, Any], str]:
    """The facts of a demo run once, and what it printed for people."""
    done = subprocess.run(
        demo_once(data, *more),
        capture_output=True,
        text=True,
        timeout=280,
        **bound({**os.environ, **(env or {})}),
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return facts, done.stderr


def labels_by_model(data: Path) -> dict[str, list[dict[str, Any]]]:
    import sqlite3

    with sqlite3.connect(f"file:{next((data / 'collector').glob('*.db'))}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT source_name, body FROM labels_document").fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for name, body in rows:
        found.setdefault(name, []).extend(json.loads(body)["labels"])
    return found


def test_once_and_with_your_own_script_on_the_same_data(tmp_path: Path) -> None:
    first = once(tmp_path)
    assert set(first) == MEMBERS
    assert (first["takes"], first["tasks"], first["lost"]) == (6, 6, 0)
    assert first["prelabels"]["interval"] >= 3 and first["prelabels"]["track"] >= 1
    truth = tmp_path / "device" / "sessions" / first["session"] / "truth.jsonl"
    assert {json.loads(line)["kind"] for line in truth.read_text().splitlines()} >= {"say", "walk", "hold_up"}
    second = once(tmp_path, "--script", str(SHORT))
    assert second["session"] != first["session"] and (second["tasks"], second["lost"]) == (5, 0)


def test_real_media_and_real_models(tmp_path: Path) -> None:
    video = needs.testdata("media/one-by-one-person-detection.mp4")
    sound = needs.testdata("media/silero_test_speech.wav")
    models = needs.testdata("models")
    facts = once(tmp_path, "--camera", str(video), "--microphone", str(sound), env={"GLEANER_MODELS": str(models)})
    assert (facts["tasks"], facts["lost"]) == (6, 0)
    assert facts["prelabels"]["track"] >= 1 and facts["prelabels"]["interval"] >= 1
    by_model = labels_by_model(tmp_path)
    assert {"yolox-nano", "silero-vad"} <= set(by_model)
    assert any(label["kind"] == "track" and label["label"] == "person" for label in by_model["yolox-nano"])
    assert all("text" not in label for label in by_model["silero-vad"])


def test_without_the_address_of_the_best_model_the_next_one_finds_person_and_cup(tmp_path: Path) -> None:
    shelves = Catalogue(environ={"GLEANER_CACHE": str(tmp_path / "cache")})
    for name in ("ssd-mobilenet", "silero-vad", "photo-person", "photo-cup"):
        try:
            shelves.adopt(name, fetch(name))
        except ModelUnavailable as error:
            needs.need(False, str(error))
            raise
    nowhere = {"GLEANER_CACHE": str(tmp_path / "cache"), "GLEANER_MODELS": "", "HTTPS_PROXY": "http://127.0.0.1:9"}
    facts, said = told_once(tmp_path / "data", env=nowhere)
    assert (facts["tasks"], facts["lost"]) == (6, 0)
    assert said.count("yolox-nano is not on this machine and cannot be fetched") == 1
    assert "`gleaner prelabel pull yolox-nano` tries again" in said and "ssd-mobilenet" not in said
    found = {(label["kind"], label["label"]) for label in labels_by_model(tmp_path / "data")["ssd-mobilenet"]}
    assert {("track", "person"), ("box", "person"), ("box", "cup")} <= found
    assert shelves.locate("centerface") is None


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def staying(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], Path, int]]:
    """A demo that stays up, its output as a file, and the collector's port; every process is gone afterwards."""
    port, said = free_port(), folder / "demo.log"
    with said.open("w") as log:
        demo = subprocess.Popen(
            [
                sys.executable, "-m", "gleaner", "demo", "--port", str(port), "--page-port", "0", "--no-browser",
                "--data", str(folder / "data"), *more,
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **bound(),
        )  # fmt: skip
    try:
        yield demo, said, port
    finally:
        if demo.poll() is None:
            for one in [*psutil.Process(demo.pid).children(recursive=True), psutil.Process(demo.pid)]:
                one.kill()
            demo.wait()


def child_of(demo: subprocess.Popen[bytes], verb: str) -> psutil.Process | None:
    for one in psutil.Process(demo.pid).children():
        if verb in one.cmdline() and lives(one):
            return one
    return None


def test_links_come_before_the_session_which_waits_for_the_page(tmp_path: Path) -> None:
    """And a demo that is killed takes its processes with it."""
    with staying(tmp_path) as (demo, said, _port):
        until(lambda: "Stop           Ctrl-C" in said.read_text(), 90, "no links came")
        address = re.search(r"Session page +(http://127\.0\.0\.1:\d+/)\?key=(\S+)", said.read_text())
        assert address, said.read_text()
        with local_http.Client(base_url=address[1], headers={"Authorization": f"Bearer {address[2]}"}) as page:
            # The consent page is up when the links are: nothing of the session has been missed.
            assert page.get("/api/snapshot").json()["state"] == "consent"
            with page.stream("GET", "/api/stream", timeout=60) as stream:
                states = (json.loads(row[5:])["state"] for row in stream.iter_lines() if row.startswith("data:"))
                assert next(state for state in states if state != "consent") == "ready"
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) >= 2
        demo.kill()
        demo.wait()
        until(lambda: not [one for one in family if lives(one)], 90, "processes outlive the demo")


def test_a_killed_device_and_a_killed_collector_are_started_again(tmp_path: Path) -> None:
    with staying(tmp_path, "--script", str(SHORT)) as (demo, said, _):
        until(lambda: "first task is in the queue" in said.read_text(), 120, "no task came")
        for verb in ("agent", "collector"):
            process = child_of(demo, verb)
            if process is None:
                assert verb == "agent"  # the session was faster than the kill
                until(lambda: "session is over" in said.read_text(), 60, "the device ended before its session")
                continue
            process.kill()
            name = "device" if verb == "agent" else "collector"
            told = f"The {name} process was ended from outside (SIGKILL). Starting it again"
            until(lambda told=told: told in said.read_text(), 60, f"the end of the {name} was not told")
        until(lambda: "The session is over: " in said.read_text(), 180, "the session did not go on")
        assert ", 0 lost, " in said.read_text()
        assert "inside Gleaner" not in said.read_text()


def test_a_device_that_cannot_start_ends_the_demo_with_its_own_sentence_and_exit_code(tmp_path: Path) -> None:
    with staying(tmp_path, "--camera", str(tmp_path / "no-such-film.mp4")) as (demo, said, _):
        until(lambda: "no-such-film.mp4" in said.read_text() or demo.poll() is not None, 90, "nothing was said")
        assert demo.wait(60) == 3
        sentence = said.read_text().strip().splitlines()[-1]
        assert sentence.count("[") == 1 and sentence.endswith("[sensor-file-missing]"), sentence


def test_ctrl_c_ends_every_process_and_keeps_the_data(tmp_path: Path) -> None:
    with staying(tmp_path) as (demo, said, port):
        until(lambda: "first task is in the queue" in said.read_text(), 90, "no task came")
        text = said.read_text()
        assert "Session page" in text and "Review page" in text and f"ssh -L {port}:127.0.0.1:{port}" in text
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) >= 2
        os.kill(demo.pid, signal.SIGINT)
        assert demo.wait(60) == 0
        assert not [one for one in family if lives(one)]
        assert "Data kept in" in said.read_text().replace("\n", " ")
        assert list((tmp_path / "data" / "collector").glob("*.db"))

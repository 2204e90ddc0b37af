"""When a recording really ends after PAUSE and STOP, on a disk whose every fsync takes 700 ms longer.

One agent process with the simulated camera and microphone and no collector; a small library of C, preloaded, slows the
disk from the moment a take records until the page says that it is paused. The device time of the last frame and of
the last sample of every take is held against the moment before the press was sent.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx

from benchmarks.figure import Figure
from device_agent.record.times import read_points, read_stamps
from device_agent.sensors.clock import monotonic_us
from device_agent.spool.header import CaptureHeader
from device_agent.uplink.pairing import Credentials, save
from hardware.processes import Child, gleaner
from wire.capture import sample_time_us

PRESSES = 100
LIMIT_MS = 100.0
STALL_SECONDS = 0.7  # of each fsync, by slowsync.c
RECORD_SECONDS = 1.2  # twice the time after which the spool syncs: the disk stalls already when the press comes
WAIT_SECONDS = 120.0
SOURCE = Path(__file__).with_name("slowsync.c")
SCRIPT = """\
id: pause
version: "1"
title: Pause
language: en
study: kitchen
consent:
  text: We record you.
  uses: [video, audio]
steps:
  - id: walk
    kind: do
    prompt: Walk through the picture.
    record: [video, audio]
    countdown_seconds: 0
    seconds: 600
"""


@dataclass(frozen=True)
class Press:
    """Device times in microseconds: just before the press was sent, when the page said that the recording had ended,
    and when it showed what the press did.
    """

    pressed_us: int
    said_us: int
    shown_us: int


class Page:
    """The session page of an agent, as its buttons use it."""

    def __init__(self, address: str) -> None:
        base, _, key = address.partition("?key=")
        headers = {"Authorization": f"Bearer {key}", "X-Gleaner-Page": "1"}
        self._http = httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=30)

    def post(self, event: str, **members: Any) -> None:
        self._http.post("/api/events", json={"event": event, **members}).raise_for_status()

    def until(self, *states: str, elapsed: float = 0.0) -> None:
        """Wait for one of these states; `elapsed`: and until the recording has run for so long."""
        until = time.monotonic() + WAIT_SECONDS
        while (seen := self._seen())["state"] not in states or seen["elapsed_seconds"] < elapsed:
            if time.monotonic() > until:
                raise TimeoutError(f"The session is {seen['state']} and not {' or '.join(states)}.")
            time.sleep(0.01)

    def _seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = self._http.get("/api/snapshot").raise_for_status().json()
        return seen


def measure() -> list[Figure]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        sys.stderr.write("pause: a C compiler is missing (gcc)\n")
        return []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        library = root / "slowsync.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        with agent(root, library) as page:
            presses = [press(page, root / "slow", "pause") for _ in range(PRESSES)]
            presses.append(press(page, root / "slow", "stop"))
        return figures(presses, root / "state" / "spool" / "captures")


@contextlib.contextmanager
def agent(root: Path, library: Path) -> Iterator[Page]:
    """An agent after consent; its collector does not answer, so that its spool keeps every take."""
    state, script = root / "state", root / "pause.yaml"
    state.mkdir(mode=0o700)
    save(
        Credentials(device="dev-pause", token="none", url="http://127.0.0.1:1", verify_key="0" * 64, collector="none"),
        state,
    )
    script.write_text(SCRIPT, encoding="utf-8")
    variables = [f"LD_PRELOAD={library}", f"SLOW_SYNC={root / 'slow'}"]
    words = ["agent", "run", str(script), "--state", str(state), "--page-port", "0", "--no-models"]
    child = Child("agent", ["env", *variables, *gleaner(*words, "--deliver-seconds", "0")], root / "agent.log")
    try:
        child.wait_until(lambda: "?key=" in child.logged(), WAIT_SECONDS)
        found = re.search(r"http://\S+\?key=\S+", child.logged())
        assert found is not None
        page = Page(found.group())
        page.post("consent", granted=["video", "audio"])
        yield page
        child.process.wait(WAIT_SECONDS)
    finally:
        child.end()


def press(page: Page, slow: Path, event: str) -> Press:
    """Record, slow the disk down, press, and go on once the page shows what was pressed."""
    page.until("ready")
    page.post("start")
    page.until("recording", elapsed=0.1)
    slow.touch()
    time.sleep(RECORD_SECONDS)
    pressed_us = monotonic_us()
    page.post(event)
    page.until("saving", "paused", "stopped")
    said_us = monotonic_us()
    page.until("paused", "stopped")
    shown_us = monotonic_us()
    slow.unlink()
    if event == "pause":
        page.post("resume")
    return Press(pressed_us, said_us, shown_us)


def figures(presses: list[Press], captures: Path) -> list[Figure]:
    """`captures`: the folders of the takes in the spool, a press each and in its order."""
    ends: dict[str, list[int]] = {"video": [], "audio": []}
    for folder in captures.iterdir():
        header = CaptureHeader.read((folder / "header.json").read_bytes())
        ends[header.medium].append(end_us(folder, header))
    found = []
    for medium, what in (("video", "frame"), ("audio", "sample")):
        late = [(end - one.pressed_us) / 1000 for end, one in zip(sorted(ends[medium]), presses, strict=True)]
        found.append(Figure(f"last {what} after PAUSE, worst of {PRESSES}", round(max(late[:-1]), 1), "ms", LIMIT_MS))
        found.append(Figure(f"last {what} after STOP", round(late[-1], 1), "ms", LIMIT_MS))
    said = [(one.said_us - one.pressed_us) / 1000 for one in presses]
    found.append(Figure(f"page says that nothing is recorded, worst of {PRESSES}", round(max(said), 1), "ms", LIMIT_MS))
    shown = [(one.shown_us - one.pressed_us) / 1e6 for one in presses]
    assert min(shown) >= STALL_SECONDS, "the library does not slow the disk down"
    print(f"The page shows it {statistics.median(shown):.1f} s after the press, {max(shown):.1f} s at worst.")
    return found


def end_us(folder: Path, header: CaptureHeader) -> int:
    """Device time of the last frame, or of the end of the last sample, that lies in a capture's media."""
    log = (folder / "times").read_bytes()
    with av.open(str(folder / "media")) as container:
        if header.medium == "video":
            return read_stamps(log)[sum(1 for _ in container.decode(video=0)) - 1]
        samples = sum(frame.samples for frame in container.decode(audio=0))
    rate = header.format.sample_rate
    assert rate is not None
    media_us, device_us = read_points(log, rate)[-1]
    return device_us + sample_time_us(samples, rate) - media_us

"""PAUSE, STOP and Done end a recording before a disk is touched; a sensor that came back is used again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device_agent.events import ConsentAnswered, Done, Event, Pause, Resume, Snapshot, Start, Stop
from device_agent.sensors.base import Frame, SensorLost
from device_agent.session import machine
from device_agent.session.journal import Header
from device_agent.session.runner import SessionRunner
from device_agent.session.snapshot import snapshot_of
from device_agent.takes.maker import Origin, TakeMaker
from device_agent.takes.streams import VideoStream
from device_agent.uplink.uplink import UplinkState
from tests.support.take_bench import Bench, HandCamera
from tests.support.waiting import until
from wire.capture import Medium
from wire.errors import GleanerError
from wire.script import ConsentText, Plan, PlanStep

PLAN = Plan(
    id="walk",
    version="1",
    title="Walk",
    language="en",
    study="kitchen",
    consent=ConsentText(text="We record you.", uses=["video", "audio"]),
    steps=[
        PlanStep(id=name, kind="do", title=name, prompt="Walk", record=["video", "audio"], countdown_seconds=0)
        for name in ("first", "second")
    ],
)


class Sensors:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def open_sensors(self, media: tuple[Medium, ...], origin: Origin) -> TakeMaker:
        return self.bench.maker


def recording(bench: Bench, folder: Path) -> SessionRunner:
    """A session in the middle of its first take."""
    header = Header(session="ses-1", device="dev-1", participant="p", home="h", started_at=datetime.now(UTC), plan=PLAN)
    runner = SessionRunner(header, folder / "journal.jsonl", Sensors(bench), lambda _: None, lambda _: None)
    runner.handle(ConsentAnswered(("video", "audio"), (), "p"))
    runner.handle(Start())
    drain(runner)
    assert runner.replayed.state.phase == "recording"
    return runner


def shown(runner: SessionRunner) -> Snapshot:
    """What the page shows."""
    return snapshot_of(runner.replayed, runner.phase, runner.deadline, UplinkState(), pending=0, set_aside=0)


def drain(runner: SessionRunner) -> None:
    """Handle what was posted, as the session's thread does."""
    while not runner._queue.empty():
        runner.handle(runner._queue.get())


@pytest.mark.parametrize("press", [Pause(), Stop(), Done()], ids=["pause", "stop", "done"])
def test_a_press_ends_the_recording_while_the_disk_stalls(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, press: Event
) -> None:
    monkeypatch.setattr(machine, "MIN_TAKE_SECONDS", 0.0)
    runner = recording(bench, tmp_path)
    for _ in range(3):
        bench.video.deliver(bench.camera.frame(now=False))
        bench.audio.deliver(bench.microphone.block())
    bench.settle()
    stalled, disk_works = threading.Event(), threading.Event()

    def stalling(sync: Callable[[int], None]) -> Callable[[int], None]:
        def stall(handle: int) -> None:
            stalled.set()
            assert disk_works.wait(120)
            sync(handle)

        return stall

    monkeypatch.setattr(os, "fsync", stalling(os.fsync))
    monkeypatch.setattr(os, "fdatasync", stalling(os.fdatasync))
    handling = threading.Thread(target=drain, args=(runner,))
    try:
        runner.post(press)
        handling.start()
        assert stalled.wait(60)
        assert shown(runner).state == "saving", "detached first, then said, then written"
        for _ in range(5):  # the room goes on; nothing of it may be kept
            bench.video.deliver(bench.camera.frame(now=False))
            bench.audio.deliver(bench.microphone.block())
    finally:
        disk_works.set()
        handling.join(60)
    manifest = bench.manifests()["video"]
    assert manifest.frames == 3
    assert manifest.complete is isinstance(press, Done)


def test_while_paused_nothing_is_shown_measured_or_looked_at(bench: Bench, tmp_path: Path) -> None:
    runner = recording(bench, tmp_path)
    bench.video.deliver(bench.camera.frame())
    newest, level = bench.video.newest, bench.audio.level_dbfs
    runner.post(Pause())
    for seen in (False, True):  # as soon as it is posted, and after it is handled
        if seen:
            drain(runner)
        bench.video.deliver(bench.camera.frame())
        bench.audio.deliver(bench.microphone.block())
        assert bench.video.suspended and bench.audio.suspended
        assert (bench.video.newest, bench.audio.level_dbfs) == (newest, level)
        assert bench.labeller.detections == ()
    runner.post(Resume())
    drain(runner)
    frame = bench.camera.frame()
    bench.video.deliver(frame)
    assert bench.video.newest is frame


def test_a_press_right_after_the_start_keeps_no_take(bench: Bench, tmp_path: Path) -> None:
    """A double tap: the second tap falls on what Start has become."""
    runner = recording(bench, tmp_path)
    bench.video.deliver(bench.camera.frame())
    bench.audio.deliver(bench.microphone.block())
    runner.post(Done())
    drain(runner)
    state = runner.replayed.state
    assert (state.phase, state.index, state.takes_closed, state.failures) == ("ready", 0, 0, 0)
    assert "record it again" in (state.message or "")
    assert not any(manifest.complete for manifest in bench.manifests().values())
    (take,) = runner.replayed.takes
    assert take.state == "torn" and "[take-too-short]" in (take.reason or "")


class FailingCamera(HandCamera):
    """Gives up from its own thread before `start` returns, as an unplugged camera does, until it is `back`."""

    back = False

    def start(self, deliver: Callable[[Frame], None], failed: Callable[[GleanerError], None]) -> None:
        super().start(deliver, failed)
        if not self.back:
            failed(SensorLost("The camera gives no picture."))


def test_a_camera_that_came_back_is_used_again() -> None:
    camera = FailingCamera()
    stream = VideoStream(camera, lambda frame, taken: None, lambda error: None)
    try:
        stream.sensor_failed(SensorLost("The camera gives no picture."))
        for tries in (1, 2, 3):
            stream.revive()
            assert (stream.lost, camera.started) == (True, tries)
        camera.back = True
        stream.revive()
        assert not stream.lost
        stream.revive()
        assert camera.started == 4
        until(lambda: not stream.lost)
    finally:
        stream.close()

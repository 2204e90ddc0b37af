"""The device's own work on the bench: sensors, encoders, spool and models together, and what then lies on the disk.

A take is recorded as in a session, in a spool of its own. What it holds is decoded again and counted against the clock:
nothing here rests on what a camera, a microphone or a manifest reports.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av
import numpy as np

from device_agent.labelling.labeller import Labeller
from device_agent.labelling.models import Models
from device_agent.sensors import Camera, monotonic_us, open_camera, open_microphone
from device_agent.sensors.base import Microphone
from device_agent.spool.spool import Spool
from device_agent.takes.maker import Origin, TakeMaker
from device_agent.takes.streams import AudioStream, VideoStream
from hardware.checks.base import Check, CheckOutcome, Limit, Measurement, ReportProgress, measured
from hardware.checks.camera import RATE_TOLERANCE, Wanted
from wire.capture import CaptureManifest, Medium
from wire.errors import GleanerError
from wire.script import PlanStep, ScriptRef

FIRST_SECONDS = 10.0
SYNC_EVERY_SECONDS = 0.5  # as the spool syncs
SYNC_BYTES = 256 * 1024  # what half a second of film and sound comes to
MAX_SYNC_MS = 500.0  # slower than the spool syncs, and what is durable falls behind what is recorded
SOUND_TOLERANCE = 0.01
VIDEO = (("frames on the disk", "frames/s"), ("frames dropped", "frames"))
SOUND = (("sound on the disk", "%"), ("sound lost", "times"))
DISK = (("slowest sync", "ms"),)


class NothingRecorded(GleanerError):
    """A camera or microphone was opened for the bench and gave nothing."""

    code = "bench-nothing-came"
    status = 503
    exit_code = 3
    hint = "Check its cable, and that no other program uses it."


def work_check(
    camera: str, microphone: str, wanted: Wanted | None, folder: Path, seconds: float, *, models: bool = True
) -> Check:
    """Record for `seconds` into a spool under `folder`, which lies on the disk of the device's state."""
    measures = ((*VIDEO,) if camera != "none" else ()) + ((*SOUND,) if microphone != "none" else ()) + DISK
    return Check(
        "work",
        "A session's work",
        measures,
        lambda report: _measure(camera, microphone, wanted, folder, seconds, models, report),
    )


def _measure(
    camera: str,
    microphone: str,
    wanted: Wanted | None,
    folder: Path,
    seconds: float,
    models: bool,
    report: ReportProgress,
) -> CheckOutcome:
    lost: list[GleanerError] = []
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gleaner-bench-", dir=_existing(folder))))
        eyes, ears = open_camera(camera), open_microphone(microphone)
        spool = Spool(root / "spool", on_full=lost.append)
        stack.callback(spool.close)
        labeller = Labeller(Models.open() if models else Models(), lost.append)
        stack.callback(labeller.close)
        video = VideoStream(eyes, labeller.push_frame, lost.append) if eyes is not None else None
        audio = AudioStream(ears, labeller.push_audio, lost.append) if ears is not None else None
        for stream in (video, audio):
            if stream is not None:
                stack.callback(stream.close)
        if video is not None and eyes is not None:
            eyes.start(video.deliver, video.sensor_failed)
            stack.callback(eyes.stop)
        if audio is not None and ears is not None:
            labeller.set_sample_rate(ears.sample_rate)
            ears.start(audio.deliver, audio.sensor_failed)
            stack.callback(ears.stop)
        _wait_for_first(video, audio, lost)
        maker = TakeMaker(spool, labeller, video, audio, ORIGIN, lost.append)
        media: tuple[Medium, ...] = (*(("video",) if video else ()), *(("audio",) if audio else ()))
        with _syncing(root) as syncs:
            maker.open("take-bench", STEP, 1, media, lambda _: None)
            began_us = monotonic_us()
            while (spent := (monotonic_us() - began_us) / 1e6) < seconds and not lost:
                report(spent / seconds, "recording as in a session")
                time.sleep(0.05)
            spent_us = maker.close(None) - began_us
        rows = _evaluate(spool, spent_us, eyes, ears, wanted, lost)
        slowest = max(syncs) if syncs else np.nan
        rows = (*rows, measured("slowest sync", round(slowest, 1), "ms", Limit(most=MAX_SYNC_MS)))
        return CheckOutcome(rows, {"camera": camera, "microphone": microphone, "seconds": round(spent_us / 1e6, 2)})


ORIGIN = Origin(
    "ses-bench", "bench", "dev-bench", "con-bench", ScriptRef(id="bench", version="1", sha256="0" * 64), "en"
)
STEP = PlanStep(id="bench", kind="do", title="Bench", prompt="Bench", record=["video", "audio"])


def _wait_for_first(video: VideoStream | None, audio: AudioStream | None, lost: list[GleanerError]) -> None:
    until = time.monotonic() + FIRST_SECONDS
    while time.monotonic() < until and not lost:
        if (video is None or video.newest is not None) and (audio is None or audio.newest_us is not None):
            return
        time.sleep(0.02)
    raise lost[0] if lost else NothingRecorded("The camera or the microphone gave nothing.")


@contextmanager
def _syncing(folder: Path) -> Iterator[list[float]]:
    """Write and sync during the work as often as the spool does; the times of it in milliseconds."""
    times: list[float] = []
    over = threading.Event()

    def sync() -> None:
        handle = os.open(folder / "sync", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            while True:
                os.write(handle, bytes(SYNC_BYTES))
                began = time.monotonic()
                os.fdatasync(handle)
                times.append((time.monotonic() - began) * 1000)
                if over.wait(SYNC_EVERY_SECONDS):
                    return
        finally:
            os.close(handle)

    thread = threading.Thread(target=sync, name="bench-sync", daemon=True)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join(30)


def _evaluate(
    spool: Spool, spent_us: int, camera: Camera | None, microphone: Microphone | None, wanted: Wanted | None,
    lost: list[GleanerError],
) -> tuple[Measurement, ...]:  # fmt: skip
    """What lies on the disk, decoded and counted against the clock."""
    detail = str(lost[0]) if lost else None
    rows: list[Measurement] = []
    for row in spool.pending():
        assert row.manifest is not None
        manifest = CaptureManifest.read(row.manifest)
        path = spool.layout.capture(row.capture) / "media"
        if manifest.medium == "video" and camera is not None:
            rate = wanted.rate if wanted is not None else camera.frame_rate
            per_second = count(path, "video") * 1_000_000 / max(1, spent_us)
            rows.append(
                measured(
                    VIDEO[0][0],
                    round(per_second, 2),
                    VIDEO[0][1],
                    Limit(least=round(rate * (1 - RATE_TOLERANCE), 2)),
                    detail,
                )
            )
            rows.append(measured(VIDEO[1][0], manifest.counts.frames_dropped, VIDEO[1][1], Limit(most=0)))
        elif manifest.medium == "audio" and microphone is not None:
            expected = spent_us * microphone.sample_rate / 1_000_000
            part = 100 * count(path, "audio") / max(1.0, expected)
            limit = Limit(least=100 * (1 - SOUND_TOLERANCE), most=100 * (1 + SOUND_TOLERANCE))
            rows.append(measured(SOUND[0][0], round(part, 2), SOUND[0][1], limit, detail))
            rows.append(measured(SOUND[1][0], manifest.counts.audio_overruns, SOUND[1][1], Limit(most=0)))
    return tuple(rows)


def count(path: Path, kind: str) -> int:
    """Frames, or samples, that a file gives when it is decoded."""
    with av.open(str(path)) as container:
        if kind == "video":
            return sum(1 for _ in container.decode(video=0))
        return sum(frame.samples for frame in container.decode(audio=0))


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())

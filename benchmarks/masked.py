"""What masking costs a device: the same simulated session with and without it, killed in the middle of a take.

1280x720 at 25 frames a second, the catalogue's detectors of people and of faces, the default margin of 2 s. Each run is
a process of its own that is killed (SIGKILL); what is lost is the time from the last frame that decodes to the kill.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import av
import psutil

from benchmarks.figure import Figure
from device_agent.agent import Agent
from device_agent.labelling.models import Models
from device_agent.record.times import read_stamps
from device_agent.sensors.clock import monotonic_us
from device_agent.settings import AgentSettings
from device_agent.uplink.pairing import Credentials
from prelabel.models import catalogue
from scripts import load
from wire.parent import bound, end_with_parent

RUNS = 3
MARGIN_SECONDS = 2.0  # of a script that says nothing else
FIRST_FRAMES, FRAMES = 50, 250  # measured from the one to the other, 8 s
WAIT_SECONDS = 120.0
MIB = 1 << 20
NEEDED = ("yolox-nano", "centerface", "silero-vad", "photo-person")
SCRIPT = """\
id: masked
version: "1"
title: Masked
language: en
study: kitchen
consent:
  text: We record you.
  uses: [video, audio]
{redaction}steps:
  - id: walk
    kind: do
    prompt: Walk through the picture.
    record: [video, audio]
    countdown_seconds: 0
    seconds: 30
"""
REDACTION = "redaction:\n  faces: everyone\n  speech: outside-prompts\n"


@dataclass(frozen=True)
class Run:
    """`cores` used while recording, most memory (resident), and seconds of pictures a kill cost."""

    cores: float
    peak_mib: float
    lost_seconds: float


def measure() -> list[Figure]:
    """Medians of three runs each way."""
    missing = [name for name in NEEDED if not catalogue.available(name)]
    if missing:
        sys.stderr.write(f"masked: {', '.join(missing)} missing: gleaner prelabel pull {' '.join(missing)}\n")
        return []
    plain, masked = ([one_run(way) for _ in range(RUNS)] for way in ("plain", "masked"))

    def median(runs: list[Run], name: str) -> float:
        return round(float(statistics.median(getattr(run, name) for run in runs)), 2)

    print(
        f"Without masks {median(plain, 'cores')} cores, {median(plain, 'peak_mib')} MiB,"
        f" {median(plain, 'lost_seconds')} s lost by a kill"
    )
    return [
        Figure("cores of a masked session", median(masked, "cores"), "", 1),
        Figure("memory of a masked session", median(masked, "peak_mib"), "MiB", 512),
        Figure("pictures a kill costs a masked session", median(masked, "lost_seconds"), "s", MARGIN_SECONDS + 0.5),
        Figure("pictures a kill costs without masks", median(plain, "lost_seconds"), "s", 0.5),
    ]


def one_run(way: str) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redaction = REDACTION if way == "masked" else ""
        (folder / "script.yaml").write_text(SCRIPT.format(redaction=redaction), encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.masked", name], **bound())
        try:
            watched = psutil.Process(process.pid)
            began, used = _when(folder, FIRST_FRAMES, process), sum(watched.cpu_times()[:2])
            ended = _when(folder, FRAMES, process)
            used = sum(watched.cpu_times()[:2]) - used
            memory = _peak_mib(process.pid)
        finally:
            process.kill()
            killed_us = monotonic_us()
            process.wait()
        return Run(used / (ended - began), memory, (killed_us - _last_us(folder)) / 1e6)


def _when(folder: Path, frames: int, process: subprocess.Popen[bytes]) -> float:
    """Waits until so many frames are on the disk; the time then."""
    until = time.monotonic() + WAIT_SECONDS
    while len(_stamps(folder)) < frames:
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the session recorded {len(_stamps(folder))} frames, {frames} were waited for")
        time.sleep(0.02)
    return time.monotonic()


def _capture(folder: Path) -> Path | None:
    found = [path.parent for path in folder.glob("state/spool/captures/*/times") if len(read_stamps(path.read_bytes()))]
    return next((path for path in found if _is_video(path / "media")), None)


def _is_video(media: Path) -> bool:
    with media.open("rb") as file:
        return file.read(4) == b"\x1a\x45\xdf\xa3"  # EBML: Matroska; sound is FLAC


def _stamps(folder: Path) -> list[int]:
    capture = _capture(folder)
    return [] if capture is None else read_stamps((capture / "times").read_bytes())


def _last_us(folder: Path) -> int:
    """Device time of the last frame on the disk that decodes."""
    capture = _capture(folder)
    assert capture is not None
    count = 0
    with contextlib.suppress(av.error.FFmpegError), av.open(io.BytesIO((capture / "media").read_bytes())) as container:
        for _ in container.decode(video=0):
            count += 1
    return _stamps(folder)[count - 1]


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024 / MIB


def session(folder: Path) -> None:
    """Run the script beside FOLDER until killed; the collector it has joined is not there."""
    nowhere = Credentials(
        device="dev-1", token="none", url="http://127.0.0.1:9", verify_key="00" * 32, collector="nowhere"
    )
    settings = AgentSettings(state=folder / "state", script="masked", participant="simulated", page_port=0)
    agent = Agent(settings, nowhere, load(str(folder / "script.yaml")), Models.open(), lambda _: None)
    agent.start()
    agent.run()


if __name__ == "__main__":
    end_with_parent()
    session(Path(sys.argv[1]))

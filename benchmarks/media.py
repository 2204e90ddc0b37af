"""What an hour of media costs the collector's worker: 48 kHz sound, and 1080p video that is torn.

Each runs in a fresh worker process, with the jobs that the collector runs for it: open (hashes, index, decoding, the
blob), then derive (peaks or thumbnail, what browsers play). The bytes come from the device's own recorders; of the
video a few seconds are encoded and their packets are written again and again. It needs 17 GB of disk for a while.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.figure import Figure
from collector.app import WORKER_MODULES
from collector.ingest.derive import WORK as DERIVE_WORK
from collector.ingest.open import WORK as OPEN_WORK
from collector.settings import Settings
from collector.store.open_blobs import BlobsLocation
from device_agent.record.audio import AudioRecorder, audio_format
from device_agent.record.recorded import Recorded
from device_agent.record.video import CLUSTER_MS, VideoRecorder, video_format
from prelabel.labelling.worker import Worker
from wire.capture import CaptureFormat, CaptureManifest, FrameTable, Medium, Part, Wall
from wire.files import file_sha256

HOUR = 3_600
SAMPLE_RATE = 48_000
WIDTH, HEIGHT, FRAME_RATE = 1920, 1080, 25
FRAME_MS = 1_000 // FRAME_RATE
CLIP_SECONDS = 4
DECODED_SECONDS = 60
CLUSTER_ID = b"\x1f\x43\xb6\x75"
TAIL_BYTES = 8 << 20
PATIENCE_SECONDS = 600
MAX_PEAK_MIB = 200
# The bytes are hashed four times, read through four times and copied twice; a job of a minute holds up others little.
MAX_CPU_SECONDS = 60
CAPTURE = "cap-hour"


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        sound = _hour_of_sound(Path(name))
    with tempfile.TemporaryDirectory() as name:
        return [*sound, *_torn_hour_of_video(Path(name))]


def _hour_of_sound(folder: Path) -> list[Figure]:
    path = folder / "media"
    recorded = record_sound(path)
    used, opened, kinds = _open_and_derive(folder, _manifest("audio", audio_format(SAMPLE_RATE, 1), path, recorded))
    if opened["duration_us"] != HOUR * 1_000_000 or kinds != {"peaks", "play"}:
        raise SystemExit(f"The hour of sound was opened as {opened['duration_us']} us with {sorted(kinds)}.")
    name = f"an hour of 48 kHz sound, {path.stat().st_size / 1e6:.0f} MB of FLAC: "
    return [
        Figure(f"{name}the worker's peak memory", round(used["peak_mib"]), "MiB", MAX_PEAK_MIB),
        Figure("… CPU", round(used["cpu_seconds"], 1), "s", MAX_CPU_SECONDS),
    ]


def _torn_hour_of_video(folder: Path) -> list[Figure]:
    path = folder / "media"
    write_hour_of_video(folder / "clip", path)
    tear(path)
    times_us = [number * FRAME_MS * 1_000 for number in range(HOUR * FRAME_RATE)]
    frames = folder / "frames"
    frames.write_text(json.dumps(FrameTable(capture=CAPTURE, times_us=times_us).to_json()), encoding="ascii")
    size, whole = path.stat().st_size, decoding_cpu_seconds(path) * HOUR / DECODED_SECONDS
    used, opened, kinds = _open_and_derive(
        folder, _manifest("video", video_format(WIDTH, HEIGHT, FRAME_RATE), path, None, frames)
    )
    lost = len(times_us) - opened["frames"]
    if not 0 < lost <= 2 * CLUSTER_MS // FRAME_MS or kinds != {"play", "thumbnail"}:
        raise SystemExit(f"The torn hour was opened with {lost} frames less and {sorted(kinds)}.")
    return [
        Figure(
            f"a torn hour of 1080p25, {size / 1e9:.1f} GB of Matroska: the worker's CPU"
            f" (decoding all of it: {whole:.0f} s, from a minute of it)",
            round(used["cpu_seconds"], 1), "s", MAX_CPU_SECONDS,
        ),
        Figure("… the worker's peak memory", round(used["peak_mib"]), "MiB", MAX_PEAK_MIB),
    ]  # fmt: skip


class FileSink:
    """The recorders' sink: a file that is only ever appended to."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        self._file.close()


def record_sound(path: Path) -> Recorded:
    """An hour as a microphone gives it: a voice-like tone that comes and goes, in noise."""
    rng, second = np.random.default_rng(7), np.arange(SAMPLE_RATE) / SAMPLE_RATE
    voice = 6_000 * np.sin(2 * np.pi * 180 * second) * np.sin(2 * np.pi * 3 * second)
    blocks = [
        (voice * (number % 3 > 0) + rng.normal(0, 120, SAMPLE_RATE)).astype(np.int16)[:, None] for number in range(20)
    ]
    recorder = AudioRecorder(FileSink(path), SAMPLE_RATE, 1)
    for number, block in zip(range(HOUR), itertools.cycle(blocks), strict=False):
        recorder.write(block, number * 1_000_000)
    return recorder.close()


def write_hour_of_video(clip: Path, path: Path) -> None:
    """Encode CLIP_SECONDS of moving grain, then write their packets with rising times until an hour is full."""
    rng = np.random.default_rng(7)
    still = rng.integers(60, 180, (HEIGHT * 3 // 2, WIDTH)).astype(np.uint8)
    still[HEIGHT:] = 128
    recorder = VideoRecorder(FileSink(clip), WIDTH, HEIGHT, FRAME_RATE)
    for number in range(CLIP_SECONDS * FRAME_RATE):
        frame = still.copy()
        frame[:HEIGHT] = np.roll(still[:HEIGHT], 4 * number, axis=1)
        recorder.write(frame, number * FRAME_MS * 1_000)
    recorder.close()
    options = {"flush_packets": "1", "cluster_time_limit": str(CLUSTER_MS)}
    with av.open(str(clip)) as source, av.open(str(path), "w", format="matroska", options=options) as output:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        stream = output.add_stream_from_template(source.streams.video[0])
        bodies = [(bytes(packet), packet.is_keyframe) for packet in packets]
        for number, (body, is_key) in zip(range(HOUR * FRAME_RATE), itertools.cycle(bodies), strict=False):
            packet = av.Packet(body)
            packet.stream, packet.time_base = stream, Fraction(1, 1_000)
            packet.pts = packet.dts = number * FRAME_MS
            packet.duration, packet.is_keyframe = FRAME_MS, is_key
            output.mux(packet)


def tear(path: Path) -> None:
    """Cut the file in the middle of its last whole cluster, as a killed process leaves it."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(max(0, size - TAIL_BYTES))
        begin, tail = file.tell(), file.read()
        last = tail.rindex(CLUSTER_ID)
        before = tail.rindex(CLUSTER_ID, 0, last)
        file.truncate(begin + (before + last) // 2)


def decoding_cpu_seconds(path: Path) -> float:
    """CPU time that decoding the first DECODED_SECONDS takes."""
    begin = time.process_time()
    with av.open(str(path)) as container:
        for _ in itertools.islice(container.decode(video=0), DECODED_SECONDS * FRAME_RATE):
            pass
    return time.process_time() - begin


def _manifest(
    medium: Medium, form: CaptureFormat, path: Path, recorded: Recorded | None, frames: Path | None = None
) -> CaptureManifest:
    """The manifest of what lies at `path`; without `recorded` it is a torn capture's."""
    paths = {"media": path} | ({} if frames is None else {"frames": frames})
    return CaptureManifest(
        capture=CAPTURE, take="take-1", session="ses-1", study="study-1", step="step-1", attempt=1, device="dev-1",
        sensor=f"{medium}-0", medium=medium, format=form, consent="con-1", complete=recorded is not None,
        sha256=None if recorded is None else recorded.sha256, bytes=None if recorded is None else recorded.bytes,
        duration_us=None if recorded is None else recorded.duration_us, opened_us=0,
        wall=Wall(at=datetime.now(UTC)), clock_map=[(0, 0)],
        parts=[
            Part(name=name, sealed_sha256=file_sha256(part), sealed_bytes=part.stat().st_size)
            for name, part in paths.items()
        ],
    )  # fmt: skip


def _open_and_derive(folder: Path, manifest: CaptureManifest) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """What a fresh worker uses for both jobs, what it opened, and the kinds of files that it made."""
    where = BlobsLocation(folder / "blobs")
    parts = {part.name: str(folder / part.name) for part in manifest.parts}
    worker = Worker(WORKER_MODULES, memory_bytes=Settings().worker_memory_bytes)
    try:
        before = worker.run("benchmarks.worker_usage:usage", {}, PATIENCE_SECONDS)
        inputs = {"manifest": json.dumps(manifest.to_json()), "parts": parts, "blobs": where.to_json()}
        opened = worker.run(OPEN_WORK, inputs, PATIENCE_SECONDS)["opened"]
        table = opened["frame_table"]
        derived = worker.run(
            DERIVE_WORK,
            {
                "medium": manifest.medium, "container": manifest.format.container,
                "media_type": manifest.format.media_type, "original": opened["original"],
                "blobs": where.to_json(), "frames": None if table is None else table["blob"],
            },
            PATIENCE_SECONDS,
        )["derived"]  # fmt: skip
        used = worker.run("benchmarks.worker_usage:usage", {}, PATIENCE_SECONDS)
    finally:
        worker.stop()
    used["cpu_seconds"] -= before["cpu_seconds"]
    return used, opened, {row["kind"] for row in derived}

"""Media work in a worker process with a limit of memory."""

from __future__ import annotations

import os
import resource
import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from collector.ingest.open_work import MAX_DOCUMENT_BYTES
from collector.settings import Settings
from collector.store.blobs_local import LocalBlobs
from collector.store.open_blobs import BlobsLocation
from prelabel.labelling.worker import Worker, WorkFailed
from tests.collector.samples import Sample, sample
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest, Medium

WORK = "tests.collector.working"
MEDIA = ("collector.ingest.open_work", "collector.ingest.derive_work")
MIB = 2**20


@pytest.fixture
def small() -> Iterator[Worker]:
    """A worker that may use little more than what its libraries need."""
    worker = Worker([WORK, *MEDIA], memory_bytes=256 * MIB)
    yield worker
    worker.stop()


def crc(data: bytes, bits: int, polynomial: int) -> int:
    value, top, mask = 0, 1 << (bits - 1), (1 << bits) - 1
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = ((value << 1) ^ polynomial if value & top else value << 1) & mask
    return value


def silent_flac(blocks: int, rate: int = 48_000, block: int = 65_535) -> bytes:
    """FLAC of constant blocks: 15 bytes stand for 65,535 samples."""
    info = struct.pack(">HH", block, block) + bytes(6) + ((rate << 44) | (15 << 36)).to_bytes(8, "big") + bytes(16)
    pieces = [b"fLaC\x80" + (34).to_bytes(3, "big") + info]
    for number in range(blocks):
        head = b"\xff\xf8\x7a\x08" + chr(number).encode() + struct.pack(">H", block - 1)
        frame = head + bytes([crc(head, 8, 0x07)]) + bytes(3)
        pieces.append(frame + struct.pack(">H", crc(frame, 16, 0x8005)))
    return b"".join(pieces)


def opening(one: Sample, folder: Path) -> dict[str, object]:
    """The inputs of `open_capture` for a capture whose parts lie in a folder."""
    parts = {}
    for name, data in one.parts.items():
        parts[name] = str(folder / name.replace(":", "-"))
        Path(parts[name]).write_bytes(data)
    return {"manifest": one.raw_manifest.decode(), "parts": parts, "blobs": BlobsLocation(folder / "blobs").to_json()}


def test_a_worker_gets_no_more_memory_than_it_may_use(small: Worker) -> None:
    score = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
    fine = small.run(f"{WORK}:allocate", {"bytes": 20 * MIB}, 60)
    assert fine["size"] == 20 * MIB and fine["nice"] > os.nice(0) and fine["oom_score"] > score
    with pytest.raises(WorkFailed, match="more memory"):
        small.run(f"{WORK}:allocate", {"bytes": 1000 * MIB}, 60)
    assert small.run(f"{WORK}:allocate", {"bytes": MIB}, 60)["size"] == MIB


def test_a_worker_without_a_limit_stands_as_its_parent() -> None:
    worker = Worker([WORK])
    try:
        assert worker.run(f"{WORK}:allocate", {"bytes": 1000 * MIB}, 60)["nice"] == os.nice(0)
    finally:
        worker.stop()
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] != 256 * MIB


def test_twenty_minutes_of_sound_in_a_few_kilobytes_are_decoded_in_little_memory(small: Worker, tmp_path: Path) -> None:
    blocks = 880
    data = silent_flac(blocks)
    assert len(data) < 20_000
    one = sample("audio", "dev-1", media=data, complete=False)
    LocalBlobs(tmp_path / "blobs")
    opened = small.run("collector.ingest.open_work:open_capture", opening(one, tmp_path), 500)["opened"]
    assert opened["duration_us"] == round(blocks * 65_535 * 1e6 / 48_000)
    inputs = {
        "medium": "audio", "container": "flac", "media_type": "audio/flac", "frames": None,
        "original": opened["original"], "blobs": BlobsLocation(tmp_path / "blobs").to_json(),
    }  # fmt: skip
    made = small.run("collector.ingest.derive_work:derive_capture", inputs, 500)["derived"]
    assert {row["kind"] for row in made} == {"peaks", "play"}


def test_a_picture_that_needs_too_much_memory_is_refused_with_a_sentence(small: Worker, tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", np.full((16_200, 16_200), 90, np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 1])[1].tobytes()
    one = sample("image", "dev-1", media=data)
    LocalBlobs(tmp_path / "blobs")
    said = small.run("collector.ingest.open_work:open_capture", opening(one, tmp_path), 120)
    assert "more memory" in said["unreadable"]


@pytest.mark.parametrize(("medium", "part"), [("image", "labels:test-model"), ("video", "frames")])
def test_a_document_of_a_size_that_no_document_has_is_not_read(
    small: Worker, tmp_path: Path, medium: Medium, part: str
) -> None:
    one = sample(medium, "dev-1")
    long = one.parts[part].ljust(MAX_DOCUMENT_BYTES + 1)
    values = one.manifest.to_json()
    for row in values["parts"]:
        if row["name"] == part:
            row |= {"sealed_sha256": sha256_hex(long), "sealed_bytes": len(long)}
    LocalBlobs(tmp_path / "blobs")
    inputs = opening(Sample(CaptureManifest.read(values), one.parts | {part: long}), tmp_path)
    said = small.run("collector.ingest.open_work:open_capture", inputs, 120)
    assert part in said["unreadable"] and str(MAX_DOCUMENT_BYTES) in said["unreadable"]


def test_the_limit_is_a_setting() -> None:
    assert Settings().worker_memory_bytes == 4 * 2**30
    with pytest.raises(ValueError, match="worker_memory_bytes"):
        Settings(worker_memory_bytes=MIB)

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.record.audio import AudioRecorder
from device_agent.record.times import frame_clock_map, pack_stamp, read_points, read_stamps
from device_agent.record.video import VideoRecorder
from device_agent.spool.capture import CaptureInvalid
from device_agent.spool.recover import recover
from device_agent.spool.space import SpoolFull
from device_agent.spool.spool import CaptureKnown, ReceiptMismatch, Spool, SpoolInUse, SpoolUnusable
from tests.device_agent.spool.making import header, noise, recorded, session_record, spooled
from tests.needs import ROOT
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest, FrameTable
from wire.device import Receipt
from wire.errors import GleanerError


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool", reserve_bytes=0)
    yield made
    made.close()


def receipt_for(manifest: CaptureManifest, stored: bytes, **other: object) -> Receipt:
    media = manifest.part("media")
    assert media is not None
    return Receipt.model_validate(
        {
            "capture": manifest.capture,
            "manifest_sha256": sha256_hex(stored),
            "parts": [part.to_json() for part in manifest.parts],
            "sha256": media.sealed_sha256,
            "complete": manifest.complete,
            "collector": "c",
            "at": "2026-11-23T12:00:00Z",
            **other,
        }
    )


def manifest_bytes(spool: Spool, capture: str) -> bytes:
    data = next(row.manifest for row in spool.pending() if row.capture == capture)
    assert data is not None
    return data


def test_the_header_is_on_the_disk_before_the_first_byte(spool: Spool) -> None:
    capture = spool.open_capture(header())
    folder = spool.layout.captures / capture.header.capture
    assert [path.name for path in folder.iterdir()] == ["header.json"]
    assert spool.pending()[0].manifest is None
    assert spool.state_of(capture.header.capture) == "open"


def test_bytes_become_durable_while_it_records(spool: Spool) -> None:
    capture = spool.open_capture(header())
    sink = capture.sink("media")
    name = capture.header.capture
    sink.write(b"abc")
    seen = 0
    while spool.durable(name, "media") != (3, False):
        seen = spool.wait(5, seen)
    assert spool.read(name, "media", 1, 10) == b"bc"
    sink.write(b"def")
    sink.close()
    assert spool.durable(name, "media")[0] == 6


def test_a_closed_capture_is_what_its_manifest_says(spool: Spool) -> None:
    data = noise(1, 200_000)
    manifest = spooled(spool, data, labels=b"{}")
    assert [part.name for part in manifest.parts] == ["media", "labels:vad"]
    assert manifest.complete and manifest.sha256 == sha256_hex(data)
    [row] = spool.pending()
    assert CaptureManifest.read(row.manifest or b"") == manifest
    assert row.parts == ("media", "labels:vad") and row.bytes == 200_002
    assert spool.durable(manifest.capture, "media") == (200_000, True)


def test_a_recorder_that_says_other_bytes_is_caught(spool: Spool) -> None:
    capture = spool.open_capture(header())
    sink = capture.sink("media")
    sink.write(b"abc")
    with pytest.raises(CaptureInvalid):
        capture.finish(recorded(b"abd"))
    assert capture.close_torn("not what was recorded") is not None


@pytest.mark.parametrize(
    "other",
    [
        {"manifest_sha256": "0" * 64},
        {"sha256": "0" * 64},
        {"complete": False},
        {"parts": []},
        {"parts": [{"name": "media", "sealed_sha256": "0" * 64, "sealed_bytes": 1000}]},
    ],
    ids=lambda row: next(iter(row)),
)
def test_a_receipt_of_other_bytes_deletes_nothing(spool: Spool, other: dict[str, object]) -> None:
    manifest = spooled(spool, noise(2, 1000))
    stored = manifest_bytes(spool, manifest.capture)
    with pytest.raises(ReceiptMismatch):
        spool.confirm(receipt_for(manifest, stored, **other))
    assert spool.state_of(manifest.capture) == "closed"
    spool.confirm(receipt_for(manifest, stored))
    assert spool.state_of(manifest.capture) == "confirmed"
    spool.confirm(receipt_for(manifest, stored))  # again: nothing happens


def test_a_receipt_for_what_still_records_is_refused(spool: Spool) -> None:
    capture = spool.open_capture(header())
    manifest = spooled(spool, b"x")
    stored = manifest_bytes(spool, manifest.capture)
    with pytest.raises(ReceiptMismatch):
        spool.confirm(receipt_for(manifest, stored, capture=capture.header.capture))


def test_a_capture_is_never_taken_twice(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    manifest = spooled(first, b"abc", capture="cap-one")
    with pytest.raises(CaptureKnown):
        first.open_capture(header(capture="cap-one"))
    first.confirm(receipt_for(manifest, manifest_bytes(first, "cap-one")))
    with pytest.raises(CaptureKnown):
        first.open_capture(header(capture="cap-one"))
    first.close()
    again = Spool(tmp_path / "s", reserve_bytes=0)
    assert again.state_of("cap-one") == "confirmed"
    with pytest.raises(CaptureKnown):
        again.open_capture(header(capture="cap-one"))
    again.close()


def test_a_receipt_noted_and_not_yet_deleted_is_finished_at_start(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    manifest = spooled(first, b"abc", capture="cap-one")
    folder = first.layout.captures / "cap-one"
    shutil.copytree(folder, tmp_path / "kept")
    first.confirm(receipt_for(manifest, manifest_bytes(first, "cap-one")))
    first.close()
    shutil.copytree(tmp_path / "kept", folder)
    again = Spool(tmp_path / "s", reserve_bytes=0)
    assert again.pending() == [] and not folder.exists()
    again.close()


def test_two_agents_do_not_share_a_spool(spool: Spool) -> None:
    with pytest.raises(SpoolInUse, match="Another agent"):
        Spool(spool.layout.root)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SpoolUnusable):
        Spool(tmp_path / "file" / "spool")


def test_what_was_open_is_torn_after_a_restart(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    video = first.open_capture(header("video"))
    recorder = VideoRecorder(video.sink("media"), 640, 480, 25, times=video.sink("times"))
    for index in range(60):
        recorder.write(np.full((720, 640), index, np.uint8), 5_000_000 + index * 40_000)
    audio = first.open_capture(header("audio"))
    sound = AudioRecorder(audio.sink("media"), 16000, 1, times=audio.sink("times"))
    for index in range(30):
        sound.write(np.full((1600, 1), index, np.int16), 5_000_000 + index * 100_000)
    empty = first.open_capture(header("audio"))
    empty.sink("media")
    nothing = first.open_capture(header("text"))
    first.close()

    second = Spool(tmp_path / "s", reserve_bytes=0)
    torn = {row.capture: row for row in recover(second)}
    assert [row.dropped for row in torn.values()] == [False, False, True, True]
    assert second.state_of(empty.header.capture) == second.state_of(nothing.header.capture) == "dropped"
    manifest = CaptureManifest.read(manifest_bytes(second, video.header.capture))
    assert not manifest.complete and manifest.sha256 is None and manifest.bytes is None
    table = FrameTable.read(second.read(video.header.capture, "frames", 0, 1 << 20))
    assert table.times_us == [index * 40_000 for index in range(60)] and manifest.frames == 60
    assert manifest.clock_map == [(0, 5_000_000), (59 * 40_000, 5_000_000 + 59 * 40_000)]
    assert CaptureManifest.read(manifest_bytes(second, audio.header.capture)).clock_map[0] == (0, 5_000_000)
    assert recover(second) == []
    second.close()


def test_a_header_that_cannot_be_read_is_kept_aside(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    manifest = spooled(first, b"abc")
    path = first.layout.captures / manifest.capture / "header.json"
    first.close()
    path.write_bytes(b"\x00\x00")
    again = Spool(tmp_path / "s", reserve_bytes=0)
    assert again.pending() == [] and again.state_of(manifest.capture) == "aside"
    assert "cannot be read" in again.problems[0]
    assert (again.layout.aside / manifest.capture / "media").read_bytes() == b"abc"
    again.close()


def test_the_newest_session_record_waits_until_it_is_sent(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    for revision in (1, 3, 2):
        first.records.put(session_record(revision=revision))
    assert [row.revision for row in first.records.to_send()] == [3]
    first.records.sent("ses-1", 2)
    assert [row.revision for row in first.records.to_send()] == [3]
    first.close()
    again = Spool(tmp_path / "s", reserve_bytes=0)
    assert [row.revision for row in again.records.to_send()] == [3]
    again.records.sent("ses-1", 3)
    again.close()
    last = Spool(tmp_path / "s", reserve_bytes=0)
    assert last.records.to_send() == []
    last.close()


# ------------------------------------------------------------------ full disk
def test_the_quota_stops_recording_and_keeps_everything(tmp_path: Path) -> None:
    told: list[GleanerError] = []
    full = threading.Event()
    spool = Spool(
        tmp_path / "s", quota_bytes=3 << 20, reserve_bytes=0, on_full=lambda error: (told.append(error), full.set())[0]
    )
    old = spooled(spool, noise(3, 1 << 20))
    capture = spool.open_capture(header())
    sink = capture.sink("media")
    data = noise(4, 4 << 20)
    with pytest.raises(SpoolFull, match="quota"):
        for start in range(0, len(data), 1 << 16):
            sink.write(data[start : start + (1 << 16)])
        sink.close()
    assert full.wait(60) and len(told) == 1 and isinstance(told[0], SpoolFull)
    torn = capture.close_torn("the disk is full")
    assert torn is not None and not torn.complete
    held = spool.read(torn.capture, "media", 0, 1 << 30)
    assert held and held == data[: len(held)]
    with pytest.raises(SpoolFull):
        spool.open_capture(header())
    spool.confirm(receipt_for(old, manifest_bytes(spool, old.capture)))
    spooled(spool, noise(5, 1 << 16))  # there is room again
    assert len(told) == 1
    spool.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a real full disk needs a tmpfs of its own: run as root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("a real full disk needs a tmpfs of its own: this machine may not mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


# A reserve below nothing lets the spool run into the end of the disk itself, in the middle of a write.
@pytest.mark.parametrize("reserve", [-(16 << 20), 0, 256 << 10])
def test_a_really_full_disk(small_disk: Path, reserve: int) -> None:
    told: list[GleanerError] = []
    full = threading.Event()
    spool = Spool(small_disk / "s", reserve_bytes=reserve, on_full=lambda error: (told.append(error), full.set())[0])
    old = spooled(spool, noise(6, 1 << 20))
    stored = manifest_bytes(spool, old.capture)
    capture = spool.open_capture(header())
    sink = capture.sink("media")
    data = noise(7, 6 << 20)
    with pytest.raises(SpoolFull, match="full"):
        for start in range(0, len(data), 1 << 16):
            sink.write(data[start : start + (1 << 16)])
        sink.close()
    assert full.wait(60) and len(told) == 1
    if reserve == 0:
        with (small_disk / "other").open("wb", buffering=0) as other, pytest.raises(OSError):
            while True:
                other.write(b"x" * 512)
    if reserve > 0:
        assert capture.close_torn("the disk is full") is not None
    else:
        with pytest.raises(SpoolFull):
            capture.close_torn("the disk is full")
        assert spool.state_of(capture.header.capture) == "unfinished"
    assert spool.read(old.capture, "media", 0, 1 << 30) == noise(6, 1 << 20)
    spool.confirm(receipt_for(old, stored))  # works on a full disk too, and makes the room
    assert spool.state_of(capture.header.capture) == "closed"
    held = spool.read(capture.header.capture, "media", 0, 1 << 30)
    assert len(held) > 1 << 20 and held == data[: len(held)]
    assert spool.state_of(old.capture) == "confirmed"
    spool.close()


def test_an_agent_starts_on_a_full_disk_and_heals_by_sending(small_disk: Path) -> None:
    first = Spool(small_disk / "s", reserve_bytes=0)
    old = spooled(first, noise(6, 1 << 20))
    capture = first.open_capture(header())
    sink = capture.sink("media")
    sink.write(noise(7, 1 << 20))
    sink.close()
    first.close()
    with (small_disk / "other").open("wb", buffering=0) as other, pytest.raises(OSError):
        while True:
            other.write(b"x" * 512)
    spool = Spool(small_disk / "s", reserve_bytes=0)
    [torn] = recover(spool)
    assert (torn.capture, torn.bytes, torn.dropped) == (capture.header.capture, 1 << 20, False)
    assert spool.state_of(torn.capture) == "unfinished"
    with pytest.raises(SpoolFull):
        spool.open_capture(header())
    spool.confirm(receipt_for(old, manifest_bytes(spool, old.capture)))
    assert spool.state_of(torn.capture) == "closed"
    spool.close()


def test_the_room_that_is_counted_is_the_room_that_is_used(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", quota_bytes=1 << 30, reserve_bytes=0)
    manifest = spooled(spool, noise(8, 100_000), labels=b"{}")
    torn = spool.open_capture(header())
    torn.sink("media").write(noise(9, 50_000))
    torn.close_torn("why not")
    counted = (1 << 30) - spool.backlog().free_bytes
    real = sum(path.stat().st_size for path in spool.layout.captures.rglob("*") if path.is_file())
    assert counted == real
    spool.confirm(receipt_for(manifest, manifest_bytes(spool, manifest.capture)))
    spool.close()
    again = Spool(tmp_path / "s", quota_bytes=1 << 30, reserve_bytes=0)
    real = sum(path.stat().st_size for path in again.layout.captures.rglob("*") if path.is_file())
    assert (1 << 30) - again.backlog().free_bytes == real
    again.close()


# ------------------------------------------------------------------ times log, pure
@given(st.lists(st.integers(1, 20_000_000), max_size=200), st.integers(0, 7))
def test_a_times_log_cut_anywhere_is_read_to_its_last_whole_entry(steps: list[int], cut: int) -> None:
    stamps = [1_000_000 + sum(steps[: index + 1]) for index in range(len(steps))]
    log = b"".join(pack_stamp(stamp) for stamp in stamps)
    assert read_stamps(log + b"\x01" * cut) == stamps
    points = frame_clock_map(stamps)
    assert all(later[0] > earlier[0] for earlier, later in pairwise(points))
    if stamps:
        assert points[0] == (0, stamps[0]) and points[-1] == (stamps[-1] - stamps[0], stamps[-1])


@given(st.binary(max_size=400))
def test_any_bytes_are_read_as_a_times_log(log: bytes) -> None:
    stamps = read_stamps(log)
    assert stamps == sorted(set(stamps)) and len(stamps) <= len(log) // 8
    points = read_points(log, 16000)
    assert len(points) <= len(log) // 16
    assert struct.calcsize("<qq") == 16


# ------------------------------------------------------------------ any order of doing
@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.sampled_from(["finish", "torn", "drop", "leave"])), max_size=6),
    st.booleans(),
)
def test_whatever_was_done_a_restart_knows_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]], confirm: bool
) -> None:
    root = tmp_path_factory.mktemp("spool")
    spool = Spool(root, reserve_bytes=0)
    expected = {}
    for size, ending in rows:
        capture = spool.open_capture(header())
        sink = capture.sink("media")
        sink.write(noise(size, size))
        name = capture.header.capture
        if ending == "finish":
            manifest = capture.finish(recorded(noise(size, size)))
            expected[name] = "closed"
            if confirm:
                spool.confirm(receipt_for(manifest, manifest_bytes(spool, name)))
                expected[name] = "confirmed"
        elif ending == "torn":
            capture.close_torn("so")
            expected[name] = "closed" if size else "dropped"
        elif ending == "drop":
            capture.drop("so")
            expected[name] = "dropped"
        else:
            expected[name] = "closed" if size else "dropped"
    spool.close()
    again = Spool(root, reserve_bytes=0)
    recover(again)
    assert {name: again.state_of(name) for name in expected} == expected
    order = [row.header.sequence for row in again.pending()]
    assert order == sorted(order)
    again.close()


def test_the_spool_needs_none_of_the_media_libraries() -> None:
    """The uplink of a device that only forwards loads no encoder."""
    code = "import sys, device_agent.spool.spool, device_agent.uplink.uplink; print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("place", ["captures", "aside", "trash", "sessions", "done"])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_stray_never_stops_the_start(tmp_path: Path, place: str, kind: str) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    manifest = spooled(first, b"abc")
    first.close()
    stray = tmp_path / "s" / place / "note.json"
    if kind == "file":
        stray.write_text("for a person")
    elif kind == "folder":
        (stray / "inner").mkdir(parents=True)
    else:
        stray.symlink_to(tmp_path / "nowhere")
    again = Spool(tmp_path / "s", reserve_bytes=0)
    assert [row.capture for row in again.pending()] == [manifest.capture]
    again.close()


@pytest.mark.parametrize("taken", [False, True])
def test_media_without_a_header_is_kept_aside_and_reported(tmp_path: Path, taken: bool) -> None:
    first = Spool(tmp_path / "s", reserve_bytes=0)
    manifest = spooled(first, b"what was said")
    first.close()
    (first.layout.captures / manifest.capture / "header.json").unlink()
    if taken:
        (first.layout.aside / manifest.capture).mkdir()
        (first.layout.aside / manifest.capture / "note.txt").write_text("mine")
    again = Spool(tmp_path / "s", reserve_bytes=0)
    assert again.pending() == [] and again.state_of(manifest.capture) == "aside"
    assert [path.read_bytes() for path in again.layout.aside.glob("*/media")] == [b"what was said"]
    assert manifest.capture in again.problems[0]
    again.close()

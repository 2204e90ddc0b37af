"""What browsers play: times to the microsecond, pixels untouched, lengths written."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.ingest import media
from collector.ingest.derive import DERIVE, derive_kind
from collector.ingest.derive_work import (
    MAX_PEAKS,
    PeakCounter,
    audio_peaks,
    derive_capture,
    remux_video,
    thumbnail,
    with_flac_length,
)
from collector.ingest.media import MediaUnreadable
from collector.jobs.queue import Job
from collector.store.blobs_local import LocalBlobs
from collector.store.open_blobs import BlobsLocation
from tests.collector.samples import audio_bytes, image_bytes, sample, video_bytes
from tests.support.databases import new_database
from tests.support.recordings import Streamed, write_video

MICROSECOND = Fraction(1, 1_000_000)


def frames_of(path: Path) -> list[tuple[int, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (round(frame.pts * stream.time_base / MICROSECOND), frame.to_ndarray(format="yuv420p").tobytes())
            for frame in container.decode(stream)
        ]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1_000, 400_000), min_size=0, max_size=14))
def test_frame_n_is_the_same_frame_at_the_tables_time(tmp_path: Path, gaps: list[int]) -> None:
    times = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    data, _ = video_bytes(len(times), 64, 48)
    source, target = tmp_path / "a.mkv", tmp_path / "a.mp4"
    source.write_bytes(data)
    remux_video(source, times, target)
    assert [at for at, _ in frames_of(target)] == times
    assert [picture for _, picture in frames_of(target)] == [picture for _, picture in frames_of(source)]


def test_frames_that_were_stored_out_of_order_keep_their_times(tmp_path: Path) -> None:
    pictures = np.full((30, 72, 64), 128, np.uint8)
    for n, picture in enumerate(pictures):
        picture[:48, : 2 * n + 2] = 200
    target = Streamed()
    write_video(target, pictures, container="matroska", bf="2", g="12", preset="medium")
    source = tmp_path / "b.mkv"
    source.write_bytes(bytes(target.data))
    index = media.index_video(source)
    assert index.pts != sorted(index.pts)
    times = [n * 33_367 for n in range(30)]
    remux_video(source, times, tmp_path / "b.mp4")
    assert [at for at, _ in frames_of(tmp_path / "b.mp4")] == times
    assert [picture for _, picture in frames_of(tmp_path / "b.mp4")] == [picture for _, picture in frames_of(source)]


def test_a_cut_frame_table_cuts_the_film(tmp_path: Path) -> None:
    source = tmp_path / "a.mkv"
    source.write_bytes(video_bytes(20)[0])
    remux_video(source, [0, 40_000, 80_000], tmp_path / "a.mp4")
    assert [at for at, _ in frames_of(tmp_path / "a.mp4")] == [0, 40_000, 80_000]
    with pytest.raises(MediaUnreadable):
        remux_video(source, [n * 40_000 for n in range(21)], tmp_path / "b.mp4")


@pytest.mark.parametrize(("rate", "seconds"), [(16_000, 0.5), (48_000, 1.25), (44_100, 0.01)])
def test_sound_gets_its_length_and_no_sample_changes(tmp_path: Path, rate: int, seconds: float) -> None:
    source, target = tmp_path / "a.flac", tmp_path / "b.flac"
    source.write_bytes(audio_bytes(seconds, rate))
    peaks, samples = audio_peaks(source)
    assert samples == int(seconds * rate) and peaks["sample_rate"] == rate
    with_flac_length(source, samples, target)
    with av.open(str(target)) as container:
        assert container.streams.audio[0].duration == samples
    both = []
    for path in (source, target):
        with av.open(str(path)) as container:
            both.append(np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1))
    assert np.array_equal(*both)
    assert len(peaks["minimum"]) == len(peaks["maximum"]) == -(-samples // peaks["samples_per_peak"])


def test_peaks_bound_every_sample(tmp_path: Path) -> None:
    source = tmp_path / "a.flac"
    source.write_bytes(audio_bytes(0.333))
    peaks, _ = audio_peaks(source)
    with av.open(str(source)) as container:
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)[0] / 32768
    step = peaks["samples_per_peak"]
    for n, (low, high) in enumerate(zip(peaks["minimum"], peaks["maximum"], strict=True)):
        block = samples[n * step : (n + 1) * step]
        assert low == pytest.approx(block.min(), abs=1e-4) and high == pytest.approx(block.max(), abs=1e-4)


@pytest.mark.parametrize("data", [b"", b"RIFF" * 20, b"fLaC" + bytes([0x81]) + bytes(60)])
def test_what_is_no_flac_is_not_patched(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(MediaUnreadable):
        with_flac_length(tmp_path / "a", 1, tmp_path / "b")


def test_a_thumbnail_is_a_small_jpeg(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(image_bytes())
    (tmp_path / "b.mkv").write_bytes(video_bytes(3, 640, 360)[0])
    for name, size in (("a.jpg", (160, 120)), ("b.mkv", (320, 180))):
        thumbnail(tmp_path / name, tmp_path / "t.jpg")
        data = (tmp_path / "t.jpg").read_bytes()
        assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
        assert media.decode_image(tmp_path / "t.jpg") == size


def test_edges_are_decoded_and_the_middle_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(video_bytes(150)[0])
    index = media.index_video(path)
    assert len(index.pts) == 150
    count = media.decode_video_edges(path, index)
    assert 25 + 25 <= count < 80


def decodable(path: Path) -> int:
    """Frames that come out when everything is decoded."""
    count = 0
    try:
        with media.opened(path) as container:
            for _ in container.decode(video=0):
                count += 1
    except media.MediaUnreadable:
        pass
    return count


@pytest.mark.parametrize("frames", [4, 26, 130])
def test_a_torn_video_is_cut_where_decoding_all_of_it_would_cut_it(tmp_path: Path, frames: int) -> None:
    data, _ = video_bytes(frames)
    path = tmp_path / "torn.mkv"
    for cut in [*range(0, len(data), max(1, len(data) // 41)), len(data) - 1, len(data)]:
        path.write_bytes(data[:cut])
        assert media.count_torn_frames(path) == decodable(path), f"cut at {cut} of {len(data)}"


def test_the_middle_of_a_torn_video_is_not_decoded(tmp_path: Path) -> None:
    data, _ = video_bytes(150)
    path = tmp_path / "torn.mkv"
    path.write_bytes(data)
    with media.opened(path) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    spoiled = bytearray(data)
    for position in range(60, 80):
        start, size = packets[position]
        at = data.index(b"\x00\x00\x00", start) + 4
        spoiled[at : start + size] = b"\xff" * (start + size - at)
    path.write_bytes(spoiled[:-40])
    assert decodable(path) < 100
    assert 148 <= media.count_torn_frames(path) <= 149


def test_a_torn_end_that_does_not_decode_is_cut_off(tmp_path: Path) -> None:
    data, _ = video_bytes(150)
    path = tmp_path / "torn.mkv"
    path.write_bytes(data)
    with media.opened(path) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    start, size = packets[140]
    spoiled = bytearray(data)
    at = data.index(b"\x00\x00\x00", start) + 4
    spoiled[at : start + size] = b"\xff" * (start + size - at)
    path.write_bytes(spoiled)
    assert media.count_torn_frames(path) == 140


class CountedTimes(list[int]):
    """Times that count how often somebody goes through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[int]:
        self.walks += 1
        return super().__iter__()


def test_the_edges_of_a_long_torn_video_are_found_in_a_few_walks_over_its_index() -> None:
    times = CountedTimes(range(0, 4_000 * 40, 40))
    index = media.VideoIndex(times, [place % 25 == 0 for place in range(4_000)], 1_000.0)
    assert media.torn_edges(index) == [(0, 26), (3_950, 4_000)]
    assert times.walks < 10


def test_deriving_leaves_nothing_behind_and_can_be_repeated(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    (tmp_path / "a.flac").write_bytes(audio_bytes())
    key = blobs.put_file(tmp_path / "a.flac")
    inputs = {
        "medium": "audio", "container": "flac", "media_type": "audio/flac", "original": key,
        "frames": None, "blobs": BlobsLocation(blobs.root).to_json(),
    }  # fmt: skip
    first = derive_capture(inputs)
    assert {row["kind"] for row in first["derived"]} == {"peaks", "play"}
    assert derive_capture(inputs) == first
    assert not list(blobs.root.glob(".*"))
    assert all(blobs.size(row["blob"]) == row["bytes"] for row in first["derived"])


def test_when_the_remux_is_given_up_the_original_is_played(tmp_path: Path) -> None:
    from collector.catalogue.derived import find_derived, save_derived
    from collector.ingest.manifests import save_manifest
    from collector.store.sql import Connection, text

    db = new_database(tmp_path)
    one = sample("video", "dev-1")

    def plan(conn: Connection) -> None:
        conn.execute(
            text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', '', '', '', '')")
        )
        assert save_manifest(conn, "dev-1", one.manifest, one.raw_manifest) is None
        save_derived(conn, one.id, "original", "ab" * 32, 5, "video/x-matroska")
        kind = derive_kind(BlobsLocation(tmp_path / "blobs"))
        kind.failed(conn, Job(1, DERIVE, one.id, {}, attempts=5, fence=1), "It burns.")
        assert find_derived(conn, one.id, "play") == find_derived(conn, one.id, "original")

    db.write_sync(plan)
    db.close()


def test_bytes_in_memory_open_as_files_do() -> None:
    """The samples are what a device streams: no index, no length, and still every frame."""
    with av.open(io.BytesIO(video_bytes(9)[0])) as container:
        assert container.duration is None or container.duration <= 0
        assert sum(1 for _ in container.decode(video=0)) == 9


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_peaks_of_streamed_sound_are_those_of_all_its_samples(lengths: list[int], pairs: int, seed: int) -> None:
    sound = np.random.default_rng(seed).uniform(-1, 1, sum(lengths)).astype(np.float32)
    counter, at = PeakCounter(most=2 * pairs), 0
    for length in lengths:
        counter.add(sound[at : at + length], sound[at : at + length], 1000)
        at += length
        if length % 3 == 0:
            counter._fold()
    low, high = counter.close()
    step = counter.per_peak
    assert counter.total == len(sound) and len(low) == len(high) == -(-len(sound) // step) <= 2 * pairs
    for place in range(len(low)):
        part = sound[place * step : (place + 1) * step]
        assert low[place] == part.min() and high[place] == part.max()


def test_a_long_sound_is_not_held_in_memory() -> None:
    counter = PeakCounter()
    block = np.zeros(1 << 16, np.float32)
    tracemalloc.start()
    for _ in range(2 * 3600 * 48_000 // len(block)):
        counter.add(block, block, 48_000)
    counter.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert len(counter.close()[0]) <= MAX_PEAKS


def test_text_is_counted_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "TEXT_PIECE", 5)
    path = tmp_path / "a.txt"
    words = "grün 𝄞𝄞 Ωx " * 7
    path.write_text(words, encoding="utf-8")
    assert media.decode_text(path) == len(words)
    for tail in (b"\xe2\x82", b"\xffabcdefgh"):
        data = "abcdé€".encode() * 3 + tail
        path.write_bytes(data)
        with pytest.raises(UnicodeDecodeError) as whole:
            data.decode()
        with pytest.raises(MediaUnreadable, match=f"at byte {whole.value.start}"):
            media.decode_text(path)

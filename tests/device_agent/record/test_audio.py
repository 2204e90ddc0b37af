from __future__ import annotations

import io
import struct
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device_agent.record.audio import AudioRecorder, audio_format
from device_agent.record.recorded import RecorderFailed
from tests.device_agent.record.memory_sink import MemorySink
from tests.support.sinks import WatchedSink
from wire.canonical import sha256_hex
from wire.capture import sample_time_us


def sound(seed: int, count: int, channels: int = 1) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-9000, 9000, (count, channels), dtype=np.int16)


def decoded(data: bytes, channels: int) -> NDArray[np.int16]:
    with av.open(io.BytesIO(data)) as file:
        blocks = [frame.to_ndarray().reshape(-1, channels) for frame in file.decode(audio=0)]
    return np.concatenate(blocks)


def test_a_byte_once_written_never_changes() -> None:
    sink = WatchedSink()
    recorder = AudioRecorder(sink, 16000, 1)
    for index in range(60):
        recorder.write(sound(index, 1600), index * 100_000)
    recorded = recorder.close()
    assert len(sink.moments) > 10 and sink.never_changed() and sink.closed
    assert (recorded.sha256, recorded.bytes) == (sha256_hex(bytes(sink.data)), len(sink.data))


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_samples_come_back_bit_exact(rate: int, channels: int) -> None:
    sink = MemorySink()
    recorder = AudioRecorder(sink, rate, channels)
    blocks = [sound(index, count, channels) for index, count in enumerate([1600, 1, 333, 4800, 20_000])]
    at = 0
    for block in blocks:
        recorder.write(block, sample_time_us(at, rate))
        at += len(block)
    recorded = recorder.close()
    assert np.array_equal(decoded(bytes(sink.data), channels), np.concatenate(blocks))
    assert recorded.duration_us == sample_time_us(at, rate)


def test_a_cut_recording_decodes_to_its_last_whole_block() -> None:
    sink, times = MemorySink(), MemorySink()
    recorder = AudioRecorder(sink, 16000, 1, times=times)
    whole = [sound(index, 1600) for index in range(50)]
    for index, block in enumerate(whole):
        recorder.write(block, index * 100_000)
    back = decoded(bytes(sink.data), 1)  # never closed
    assert len(back) >= 80_000 - 8000
    assert np.array_equal(back, np.concatenate(whole)[: len(back)])
    points = list(struct.iter_unpack("<qq", bytes(times.data)))
    assert points[0] == (0, 0) and len(points) == 5


def test_the_clock_map_follows_drift_and_has_both_ends() -> None:
    recorder = AudioRecorder(MemorySink(), 16000, 1)
    for index in range(600):  # a minute of a microphone 100 ppm slow
        recorder.write(np.zeros((1600, 1), np.int16), 5_000_000 + round(index * 100_010))
    points = recorder.close().clock_map
    assert points[0] == (0, 5_000_000) and points[-1] == (60_000_000, 5_000_000 + 599 * 100_010 + 100_000)
    assert all(0 < later[0] - earlier[0] <= 10_000_000 for earlier, later in pairwise(points))


def test_lost_samples_show_as_a_jump() -> None:
    recorder = AudioRecorder(MemorySink(), 16000, 1)
    for index in range(40):
        recorder.write(np.zeros((1600, 1), np.int16), index * 100_000 + (300_000 if index >= 20 else 0))
    points = recorder.close().clock_map
    assert (1_900_000, 1_900_000) in points and (2_000_000, 2_300_000) in points


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(-50_000, 400_000)), max_size=40))
def test_any_blocks_make_a_clock_map_that_rises(rows: list[tuple[int, int]]) -> None:
    recorder = AudioRecorder(MemorySink(), 16000, 1)
    stamp = total = 0
    for count, step in rows:
        stamp += step
        recorder.write(np.zeros((count, 1), np.int16), stamp)
        total += count
    recorded = recorder.close()
    assert all(later[0] > earlier[0] for earlier, later in pairwise(recorded.clock_map))
    if total:
        assert recorded.clock_map[0][0] == 0 and recorded.clock_map[-1][0] == recorded.duration_us


@pytest.mark.parametrize("channels", [0, 9])
def test_channels_that_flac_does_not_know(channels: int) -> None:
    with pytest.raises(RecorderFailed, match="channels"):
        AudioRecorder(MemorySink(), 16000, channels)


def test_another_shape_than_announced() -> None:
    recorder = AudioRecorder(MemorySink(), 16000, 1)
    with pytest.raises(RecorderFailed, match="expected"):
        recorder.write(sound(1, 100, 2), 0)
    with pytest.raises(RecorderFailed, match="expected"):
        recorder.write(np.zeros((100, 1), np.float32), 0)  # type: ignore[arg-type]
    recorder.abandon()


def test_format() -> None:
    assert audio_format(16000, 1).to_json()["media_type"] == "audio/flac"

from __future__ import annotations

import io
import struct
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.record.recorded import RecorderFailed
from device_agent.record.video import VideoRecorder, bitrate_for, video_format
from tests.device_agent.record.memory_sink import MemorySink
from tests.support.sinks import WatchedSink, picture
from wire.canonical import sha256_hex
from wire.errors import GleanerError


class FullSink(MemorySink):
    def write(self, data: bytes) -> None:
        if len(self.data) > 40_000:
            raise GleanerError("The disk is full.")
        super().write(data)


def record(stamps: list[int], width: int = 320, height: int = 240) -> tuple[WatchedSink, MemorySink, VideoRecorder]:
    sink, times = WatchedSink(), MemorySink()
    recorder = VideoRecorder(sink, width, height, 25, times=times, bitrate=4_000_000)
    for index, stamp in enumerate(stamps):
        recorder.write(picture(index, width, height), stamp)
    return sink, times, recorder


def test_a_byte_once_written_never_changes() -> None:
    sink, times, recorder = record([7_000_000 + index * 40_000 for index in range(80)])
    recorded = recorder.close()
    assert len(sink.moments) > 5 and sink.never_changed()
    assert sink.closed and times.closed
    assert (recorded.sha256, recorded.bytes) == (sha256_hex(bytes(sink.data)), len(sink.data))


def test_frames_and_times_come_back() -> None:
    stamps = [1_000_000, 1_040_000, 1_079_500, 1_121_000, 1_260_000, 1_300_000]
    sink, times, recorder = record(stamps)
    recorded = recorder.close()
    assert recorded.times_us == [stamp - 1_000_000 for stamp in stamps] and recorded.frames == 6
    assert recorded.duration_us == 300_000 + 40_000
    assert recorded.clock_map == [(0, 1_000_000), (300_000, 1_300_000)]
    assert struct.unpack(f"<{len(stamps)}q", bytes(times.data)) == tuple(stamps)
    with av.open(io.BytesIO(bytes(sink.data))) as file:
        frames = list(file.decode(video=0))
        assert file.streams.video[0].codec_context.name == "h264"
    assert [round(frame.pts * frame.time_base * 1000) for frame in frames] == [0, 40, 80, 121, 260, 300]
    for index, frame in enumerate(frames):
        assert np.abs(frame.to_ndarray().astype(int) - picture(index).astype(int)).mean() < 6


@pytest.mark.parametrize(("width", "height"), [(320, 240), (854, 480), (16, 16), (642, 362)])
def test_sizes_that_are_no_multiple_of_sixteen(width: int, height: int) -> None:
    sink, _, recorder = record([0, 40_000, 80_000], width, height)
    recorder.close()
    with av.open(io.BytesIO(bytes(sink.data))) as file:
        frames = [frame.to_ndarray() for frame in file.decode(video=0)]
    assert [frame.shape for frame in frames] == [(height * 3 // 2, width)] * 3


def test_a_cut_recording_decodes_but_for_its_last_half_second() -> None:
    sink, times, _recorder = record([index * 40_000 for index in range(100)])
    with av.open(io.BytesIO(bytes(sink.data))) as file:  # as a killed process leaves it: never closed
        decoded = sum(1 for _ in file.decode(video=0))
    assert len(times.data) == 100 * 8
    assert decoded >= 100 - 13


def test_a_key_frame_every_second() -> None:
    sink, _, recorder = record([index * 100_000 for index in range(35)])  # a camera slower than announced
    recorder.close()
    with av.open(io.BytesIO(bytes(sink.data))) as file:
        keys = [packet.pts for packet in file.demux(video=0) if packet.is_keyframe]
    assert all(later - earlier <= 1000 for earlier, later in pairwise(keys))


def test_a_stamp_that_does_not_rise_is_refused_and_counted() -> None:
    recorder = VideoRecorder(MemorySink(), 320, 240, 25)
    kept = [recorder.write(picture(0), stamp) for stamp in (1000, 1000, 900, 1999, 2000, 42_000)]
    assert kept == [True, False, False, False, True, True]
    recorded = recorder.close()
    assert recorded.clock_steps == 3 and recorded.times_us == [0, 1000, 41_000]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-3_000, 200_000), min_size=1, max_size=30))
def test_any_stamps_make_a_table_that_rises(steps: list[int]) -> None:
    sink, stamp = MemorySink(), 10_000_000
    recorder = VideoRecorder(sink, 64, 48, 25)
    for step in steps:
        stamp += step
        recorder.write(np.zeros((72, 64), np.uint8), stamp)
    recorded = recorder.close()
    assert recorded.times_us[0] == 0
    assert all(later - earlier >= 1000 for earlier, later in pairwise(recorded.times_us))
    assert recorded.clock_steps + (recorded.frames or 0) == len(steps)
    with av.open(io.BytesIO(bytes(sink.data))) as file:
        pts = [frame.pts for frame in file.decode(video=0)]
    assert len(pts) == recorded.frames and all(b > a for a, b in pairwise(pts))
    assert all(abs(a - b / 1000) <= 0.5 for a, b in zip(pts, recorded.times_us, strict=True))


def test_a_full_sink_is_told_and_the_encoder_given_back() -> None:
    recorder = VideoRecorder(FullSink(), 320, 240, 25)
    with pytest.raises(GleanerError, match="disk is full"):
        for index in range(400):
            recorder.write(picture(index), index * 40_000)
    recorder.abandon()


def test_nothing_recorded_is_nothing() -> None:
    sink = MemorySink()
    recorded = VideoRecorder(sink, 320, 240, 25).close()
    assert recorded.frames == 0 and recorded.times_us == [] and sink.closed


@pytest.mark.parametrize(("width", "height"), [(321, 240), (320, 241), (0, 0), (2, 2)])
def test_odd_sizes_are_refused_in_one_sentence(width: int, height: int) -> None:
    with pytest.raises(RecorderFailed, match="both sizes must be even"):
        VideoRecorder(MemorySink(), width, height, 25)


def test_another_shape_than_announced() -> None:
    recorder = VideoRecorder(MemorySink(), 320, 240, 25)
    with pytest.raises(RecorderFailed, match="expected"):
        recorder.write(picture(0, 640, 480), 0)
    recorder.abandon()


def test_format_and_bitrate() -> None:
    assert video_format(1280, 720, 25).to_json()["container"] == "matroska"
    assert bitrate_for(1280, 720, 25) == 4_000_000 and bitrate_for(64, 48, 5) == 300_000

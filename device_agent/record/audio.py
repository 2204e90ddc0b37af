"""Samples -> FLAC, bit exact, through a sink that cannot seek.

The clock map says when samples really were: sample n is at n / nominal rate of media time, and a microphone's clock
drifts against the device's. Without seeking the header keeps no length and no checksum; the manifest has both.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from device_agent.record.recorded import ClockMap, Recorded, RecorderFailed
from device_agent.record.sink import ByteSink, MuxerTarget
from device_agent.record.times import pack_point
from wire.capture import CaptureFormat, sample_time_us
from wire.errors import GleanerError

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
POINT_EVERY_US = 5_000_000
LOG_EVERY_US = 1_000_000
# A block that comes this far from where the last one ended had a gap or a burst before it: both get a point.
MIN_JUMP_US = 5_000


def audio_format(sample_rate: int, channels: int) -> CaptureFormat:
    return CaptureFormat(
        container="flac", codec="flac", media_type="audio/flac", sample_rate=sample_rate, channels=channels
    )


class AudioRecorder:
    """One audio capture. Called by one encoder thread; blocks are int16 of shape (samples, channels)."""

    def __init__(self, sink: ByteSink, sample_rate: int, channels: int, *, times: ByteSink | None = None) -> None:
        """Open the encoder.

        Raises:
            RecorderFailed: more than eight channels, or a rate that FLAC does not know.
        """
        if channels not in LAYOUTS:
            raise RecorderFailed(f"Audio of {channels} channels cannot be recorded: one to eight are possible.")
        self.sample_rate, self.channels = sample_rate, channels
        self._sink, self._times = sink, times
        self._target = MuxerTarget(sink)
        self._clock = SampleTimes(sample_rate)
        self._time_base = Fraction(1, sample_rate)
        try:
            self._container: Any = av.open(self._target, "w", format="flac", options={"flush_packets": "1"})
            stream: Any = self._container.add_stream("flac", rate=sample_rate)
            stream.layout, stream.format = LAYOUTS[channels], "s16"
            stream.codec_context.thread_count = 1
            stream.codec_context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise RecorderFailed(f"The audio encoder did not start at {sample_rate} Hz: {error}.") from error
        self._stream = stream

    @property
    def bytes(self) -> int:
        return self._target.bytes

    @property
    def samples(self) -> int:
        return self._clock.samples

    def write(self, samples: NDArray[np.int16], stamp_us: int) -> None:
        """Encode one block; `stamp_us` is the device time of its first sample.

        Raises:
            RecorderFailed: another shape than announced, or the encoder gave up.
            GleanerError: the sink's own error, e.g. a full spool.
        """
        if samples.ndim != 2 or samples.shape[1] != self.channels or samples.dtype != np.int16:
            raise RecorderFailed(
                f"A block of shape {samples.shape} {samples.dtype} arrived; expected (n, {self.channels}) of int16."
            )
        if len(samples) == 0:
            return
        start = self._clock.samples
        if self._clock.block(len(samples), stamp_us) and self._times is not None:
            self._times.write(pack_point(start, stamp_us))
        try:
            packed = np.ascontiguousarray(samples).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=LAYOUTS[self.channels])
            frame.sample_rate, frame.pts, frame.time_base = self.sample_rate, start, self._time_base
            self._container.mux(self._stream.encode(frame))
        except av.error.FFmpegError as error:
            raise RecorderFailed(f"The audio encoder failed: {error}.") from error

    def close(self) -> Recorded:
        """Flush, close both sinks and say what was recorded."""
        try:
            if self._clock.samples:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except av.error.FFmpegError as error:
            raise RecorderFailed(f"The audio could not be closed: {error}.") from error
        self._sink.close()
        if self._times is not None:
            self._times.close()
        return Recorded(
            sha256=self._target.sha256,
            bytes=self._target.bytes,
            duration_us=sample_time_us(self._clock.samples, self.sample_rate),
            clock_map=self._clock.clock_map(),
        )

    def abandon(self) -> None:
        """Give the encoder back after a failure; what reached the sink stays there."""
        try:
            self._container.close()
        except (av.error.FFmpegError, GleanerError):
            return  # the failure that led here was already reported


class SampleTimes:
    """Turns (samples, stamp of the first) blocks into a clock map; keeps a handful of points an hour, no blocks."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.samples = 0
        self._points: ClockMap = []
        self._last: tuple[int, int] | None = None
        self._ends_us = 0
        self._logged_us: int | None = None

    def block(self, count: int, stamp_us: int) -> bool:
        """Account for a block; True when its start is worth an entry in the times log."""
        media_us = sample_time_us(self.samples, self._rate)
        jumped = self._last is not None and abs(stamp_us - self._ends_us) > MIN_JUMP_US
        if self._last is None:
            self._add(media_us, stamp_us)
        elif jumped:
            self._add(*self._last)
            self._add(media_us, stamp_us)
        elif media_us - self._points[-1][0] >= POINT_EVERY_US:
            self._add(media_us, stamp_us)
        self._last = (media_us, stamp_us)
        self.samples += count
        self._ends_us = stamp_us + sample_time_us(self.samples, self._rate) - media_us
        worth = jumped or self._logged_us is None or media_us - self._logged_us >= LOG_EVERY_US
        if worth:
            self._logged_us = media_us
        return worth

    def clock_map(self) -> ClockMap:
        """The points so far and the end of the last block."""
        end = (sample_time_us(self.samples, self._rate), self._ends_us)
        return [*self._points, end] if self._points and end[0] > self._points[-1][0] else list(self._points)

    def _add(self, media_us: int, device_us: int) -> None:
        if not self._points or media_us > self._points[-1][0]:
            self._points.append((media_us, device_us))

"""Frames -> H.264 in Matroska, through a sink that cannot seek.

Clusters of at most 500 ms are flushed as they close, so a killed process loses at most that. The container's clock
holds whole milliseconds; the truth about time is the table of frame stamps (contracts.md, Time), which is also
written entry by entry into a second sink so that a torn capture still has it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from device_agent.record.recorded import Recorded, RecorderFailed
from device_agent.record.sink import ByteSink, MuxerTarget
from device_agent.record.times import frame_clock_map, pack_stamp
from wire.capture import CaptureFormat
from wire.errors import GleanerError

MICROSECOND = Fraction(1, 1_000_000)
CLUSTER_MS = 500
# Matroska keeps milliseconds: frames closer than that would share a time there.
MIN_FRAME_US = 1_000
# I420 as OpenCV and libcamera make it by default: BT.601, limited range; stated in the stream for players.
COLOUR_LIMITED = 1
COLOUR_BT601 = 6


def video_format(width: int, height: int, frame_rate: float) -> CaptureFormat:
    return CaptureFormat(
        container="matroska", codec="h264", media_type="video/x-matroska", width=width, height=height,
        frame_rate=frame_rate,
    )  # fmt: skip


def bitrate_for(width: int, height: int, frame_rate: float) -> int:
    """Bits per second that keep 1280x720 at 25 frames per second at 4 Mbit/s and scale with the pixels."""
    return max(300_000, round(4_000_000 * (width * height * frame_rate) / (1280 * 720 * 25)))


class VideoRecorder:
    """One video capture. Called by one encoder thread.

    Each frame is I420: uint8 of shape (height * 3 // 2, width), C-contiguous, unchanged until `write` returns.
    Media time of a frame is its stamp minus the first frame's stamp.
    """

    def __init__(
        self, sink: ByteSink, width: int, height: int, frame_rate: float, *, times: ByteSink | None = None,
        bitrate: int | None = None,
    ) -> None:  # fmt: skip
        """Open the encoder, so that the first frame costs no more than any other.

        Raises:
            RecorderFailed: odd or tiny sizes, or the encoder refuses.
        """
        if width % 2 or height % 2 or min(width, height) < 16:
            raise RecorderFailed(
                f"A video of {width}x{height} pixels cannot be recorded: both sizes must be even and at least 16."
            )
        self.width, self.height, self.frame_rate = width, height, frame_rate
        self._sink, self._times = sink, times
        self._target = MuxerTarget(sink)
        self._stamps: list[int] = []
        self._clock_steps = 0
        options = {"preset": "ultrafast", "tune": "zerolatency"}
        muxing = {"flush_packets": "1", "cluster_time_limit": str(CLUSTER_MS)}
        try:
            self._container: Any = av.open(self._target, "w", format="matroska", options=muxing)
            rate = Fraction(frame_rate).limit_denominator(1001)
            stream: Any = self._container.add_stream("libx264", rate=rate, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.bit_rate = bitrate or bitrate_for(width, height, frame_rate)
            context = stream.codec_context
            context.time_base = MICROSECOND
            context.gop_size = max(1, round(frame_rate))
            context.thread_count = 1
            context.color_range, context.colorspace = COLOUR_LIMITED, COLOUR_BT601
            context.color_primaries, context.color_trc = COLOUR_BT601, COLOUR_BT601
            context.open()
        except av.error.FFmpegError as error:
            raise RecorderFailed(f"The video encoder did not start: {error}.") from error
        self._stream = stream
        self._key_due_us = 0

    @property
    def bytes(self) -> int:
        return self._target.bytes

    @property
    def frames(self) -> int:
        return len(self._stamps)

    def write(self, main_i420: NDArray[np.uint8], stamp_us: int) -> bool:
        """Encode one frame. False: refused and counted, because its stamp does not rise by a millisecond.

        Raises:
            RecorderFailed: another shape than announced, or the encoder gave up.
            GleanerError: the sink's own error, e.g. a full spool.
        """
        if self._stamps and stamp_us - self._stamps[-1] < MIN_FRAME_US:
            self._clock_steps += 1
            return False
        if main_i420.shape != (self.height * 3 // 2, self.width) or main_i420.dtype != np.uint8:
            raise RecorderFailed(
                f"A frame of shape {main_i420.shape} arrived; expected {(self.height * 3 // 2, self.width)} of uint8."
            )
        media_us = stamp_us - self._stamps[0] if self._stamps else 0
        # The table goes first: a torn capture may know of a frame that is lost, never hold one it has no time for.
        if self._times is not None:
            self._times.write(pack_stamp(stamp_us))
        self._stamps.append(stamp_us)
        try:
            # No copy: the encoder runs in this call and looks at no later frame (zerolatency, one thread).
            frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(main_i420), format="yuv420p")
            frame.pts, frame.time_base = media_us, MICROSECOND
            if media_us >= self._key_due_us:
                frame.pict_type = av.video.frame.PictureType.I
                self._key_due_us = media_us + 1_000_000
            self._container.mux(self._stream.encode(frame))
        except av.error.FFmpegError as error:
            raise RecorderFailed(f"The video encoder failed: {error}.") from error
        return True

    def close(self) -> Recorded:
        """Flush, close both sinks and say what was recorded. The last frame lasts one nominal interval.

        Raises:
            RecorderFailed, or the sink's own error.
        """
        try:
            if self._stamps:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except av.error.FFmpegError as error:
            raise RecorderFailed(f"The video could not be closed: {error}.") from error
        self._sink.close()
        if self._times is not None:
            self._times.close()
        first = self._stamps[0] if self._stamps else 0
        times_us = [stamp - first for stamp in self._stamps]
        return Recorded(
            sha256=self._target.sha256,
            bytes=self._target.bytes,
            duration_us=times_us[-1] + round(1_000_000 / self.frame_rate) if times_us else 0,
            clock_map=frame_clock_map(self._stamps),
            frames=len(times_us),
            times_us=times_us,
            clock_steps=self._clock_steps,
        )

    def abandon(self) -> None:
        """Give the encoder back after a failure; what reached the sink stays there."""
        try:
            self._container.close()
        except (av.error.FFmpegError, GleanerError):
            return  # the failure that led here was already reported

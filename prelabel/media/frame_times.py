"""The times of frames, in the order in which they are shown, for files that do not state them.

AVI has a time per packet in the order of decoding, and raw streams (.h264, .hevc, .mjpeg) have none; FFmpeg gives
frames of the first the times of other frames, and those of the second none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

_NO_TIMESTAMPS = 0x0080  # AVFMT_NOTIMESTAMPS


def declared_us(container: Any) -> int | None:
    """The duration that a container declares, from its own first time on; None where it declares none."""
    if not container.duration:
        return None
    # Matroska counts from zero, wherever its first frame lies.
    late = max(0, container.start_time or 0) if container.format.name.startswith("matroska") else 0
    return int(container.duration) - late


class FrameTimes:
    """Gives the frames of one stream their times (`pts`, in the stream's time base) where the file does not.

    Frames without a time that neither the file nor its rate decides stay without one.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self._stream = stream
        self._in_order: deque[int] | None = deque() if container.format.name == "avi" else None
        self._is_raw = bool(container.format.flags & _NO_TIMESTAMPS)
        self._count = 0

    def set(self, packet: Any, frames: Iterable[Any]) -> Iterator[Any]:
        """The frames that decoding the packet gave, with times; every packet that was decoded passes here."""
        if self._in_order is not None and packet.size and packet.dts is not None:
            self._in_order.append(packet.dts)
        for frame in frames:
            if self._in_order:
                # Decoding keeps as many times as frames: the n-th shown has the n-th time.
                self._set(frame, self._in_order.popleft())
            elif self._is_raw and (frame.pts is None or self._rate is None):
                rate = self._rate
                self._set(frame, None if rate is None else round(self._count / rate / self._stream.time_base))
            self._count += 1
            yield frame

    @property
    def _rate(self) -> Fraction | None:
        """What the stream says; of one that says nothing FFmpeg assumes 25, which is nobody's rate."""
        rate: Fraction | None = self._stream.codec_context.framerate
        return rate or None

    def _set(self, frame: Any, ticks: int | None) -> None:
        frame.pts, frame.time_base = ticks, self._stream.time_base

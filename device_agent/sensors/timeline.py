"""The common time of a file that stands for a camera and a microphone at once.

Picture and sound of one file keep the distance they have in it: both count from the file's first moment, both begin
when the first of them begins to play, and both start again after the longer of them has ended.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import av

from device_agent.sensors.clock import monotonic_us

TAIL_US = 5_000_000
_SECOND_US = 1_000_000


class Timeline:
    """`origin_us`: the first moment of any stream, in the file's time. `length_us`: from there to the last end."""

    def __init__(self, origin_us: int, length_us: int) -> None:
        self.origin_us = origin_us
        self.length_us = length_us
        self._changing = threading.Lock()
        self._playing: WeakSet[object] = WeakSet()
        self._started_us = 0

    def join(self, sensor: object) -> int:
        """The device time at which the file's first pass began: now, unless another sensor plays it already."""
        with self._changing:
            if not self._playing:
                self._started_us = monotonic_us()
            self._playing.add(sensor)
            return self._started_us

    def leave(self, sensor: object) -> None:
        with self._changing:
            self._playing.discard(sensor)


_KNOWN: WeakValueDictionary[Path, Timeline] = WeakValueDictionary()
_LOOKING = threading.Lock()


def timeline_of(path: Path, container: Any, streams: list[Any]) -> Timeline | None:
    """The same one for every sensor of a file; None: it has only one of the two and needs none.

    `streams`: the first video and the first audio stream. The container is read to its end.
    """
    if len(streams) < 2:
        return None
    with _LOOKING:
        known = _KNOWN.get(path.resolve())
        if known is None:
            ends = _ends(container, streams)
            if ends is None:
                return None
            origin, end = ends
            known = _KNOWN[path.resolve()] = Timeline(origin, max(1, end - origin))
        return known


def _ends(container: Any, streams: list[Any]) -> tuple[int, int] | None:
    """The first and the last moment of the streams; None: no packet has a time."""
    starts, ends = [], []
    for stream in streams:
        if stream.start_time is not None:
            starts.append(round(stream.start_time * stream.time_base * _SECOND_US))
    tail = (container.duration or 0) + (container.start_time or 0) - TAIL_US
    for begin in (tail, None):  # the last seconds are enough, where the file can be entered there
        if begin is not None and begin <= 0:
            continue
        try:
            container.seek(begin or 0)
            for packet in container.demux(*streams):
                if packet.pts is not None:
                    at = packet.pts + (packet.duration or 0)
                    ends.append(round(at * packet.time_base * _SECOND_US))
                    if begin is None:
                        starts.append(round(packet.pts * packet.time_base * _SECOND_US))
        except av.FFmpegError:
            pass  # a file that is cut off ends where it is cut
        if ends and starts:
            return min(starts), max(ends)
    return None

"""The times log of a medium: from it a torn capture has its times.

Little-endian int64. Video: one number per frame, the device's monotonic microseconds of its exposure. Audio: pairs
(index of a sample, device microseconds of that sample). A log that ends inside an entry is cut to whole entries.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from wire.capture import sample_time_us

CLOCK_MAP_US = 10_000_000


def pack_stamp(stamp_us: int) -> bytes:
    return struct.pack("<q", stamp_us)


def pack_point(sample: int, stamp_us: int) -> bytes:
    return struct.pack("<qq", sample, stamp_us)


def read_stamps(log: bytes) -> list[int]:
    """The frame stamps of a video's log, cut before the first entry that does not rise."""
    stamps = [row[0] for row in struct.iter_unpack("<q", log[: len(log) // 8 * 8])]
    for index, (earlier, later) in enumerate(pairwise(stamps)):
        if later <= earlier:
            return stamps[: index + 1]
    return stamps


def read_points(log: bytes, sample_rate: int) -> list[tuple[int, int]]:
    """The clock map of an audio log: [(media_us, device_us)]."""
    points: list[tuple[int, int]] = []
    for sample, stamp_us in struct.iter_unpack("<qq", log[: len(log) // 16 * 16]):
        media_us = sample_time_us(sample, sample_rate)
        if not points or media_us > points[-1][0]:
            points.append((media_us, stamp_us))
    return points


def frame_clock_map(stamps: Sequence[int]) -> list[tuple[int, int]]:
    """Clock map of frame stamps: both ends and a point at least every ten seconds while frames came."""
    if not stamps:
        return []
    first = stamps[0]
    points = [(0, first)]
    for earlier, later in pairwise(stamps):
        if later - first - points[-1][0] > CLOCK_MAP_US and earlier > points[-1][1]:
            points.append((earlier - first, earlier))
    if stamps[-1] > points[-1][1]:
        points.append((stamps[-1] - first, stamps[-1]))
    return points

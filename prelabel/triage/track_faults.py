"""What is wrong with a track: unseen stretches, jumps, another word in its place, and what its tracker was unsure of.

All but the last is seen from its keyframes; those are smoothed, so what the tracker measured comes along as the
attribute `tracker`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.iou import iou_matrix
from prelabel.geometry.tracks import INTERPOLATED, TRACKER, boxes_at, compared_moments
from wire.labels import Keyframe, Track

Array = NDArray[Any]

# A jump: the box lies elsewhere than any speed around it says, and gets there at more than three times its own size a
# second (somebody who runs past covers his own height in a third of a second).
EXPLAINED_IOU = 0.2
JUMP_SIZES_A_SECOND = 3.0
SAME_PLACE_IOU = 0.5
HANDOVER_US = 1_500_000  # how long a tracker looks for a lost track


@dataclass(frozen=True)
class TrackFaults:
    """Of one track: share of its time, or of its looks, in which it was not seen (0..1), jumps, and other tracks in its
    place.

    `others` are the words of tracks that lie on it or go on where it ends with another word; `fragments` counts those
    that go on with the same word. `shaking`: share of its sightings that lay apart from those beside them; `mismatch`:
    share of its steps that were not the same followed forward and backward.
    """

    track: Track
    unseen: float
    jumps: int
    others: tuple[str, ...]
    fragments: int
    shaking: float = 0.0
    mismatch: float = 0.0

    @property
    def worth(self) -> float:
        """0..1: each jump and each other track halves what trust the three shares leave."""
        sure: float = (1 - self.unseen) * (1 - self.shaking) * (1 - self.mismatch)
        return 1 - sure * 0.5 ** (self.jumps + len(self.others) + self.fragments)

    @property
    def text(self) -> str:
        """One sentence, which says where on the timeline; empty without trouble."""
        what = []
        if self.others:
            what.append(f"is called {', '.join(sorted(set(self.others)))} as well")
        if self.jumps:
            what.append(f"jumps {'once' if self.jumps == 1 else f'{self.jumps} times'}")
        if self.fragments:
            what.append("breaks off and starts again")
        if self.unseen >= 0.005:
            what.append(f"is not seen for {self.unseen:.0%} of its time")
        if self.shaking:
            what.append(f"shakes in {self.shaking:.0%} of its sightings")
        if self.mismatch:
            what.append(f"was followed in two ways for {self.mismatch:.0%} of its steps")
        if not what:
            return ""
        begin, end = (self.track.keyframes[at].start_us / 1e6 for at in (0, -1))
        return f"The track {self.track.label} from {begin:.1f} to {end:.1f} s {_listed(what)}."


def track_faults(tracks: Sequence[Track], times_us: Sequence[int] | None = None) -> list[TrackFaults]:
    """The trouble of every track of one video, in their order.

    Args:
        times_us: the frame table; without it tracks are compared at their keyframes.
    """
    others: list[list[str]] = [[] for _ in tracks]
    fragments = [0] * len(tracks)
    if len(tracks) > 1:
        frames, times = compared_moments(tracks, times_us)
        found = [boxes_at(track, frames, times) for track in tracks]
        for first in range(len(tracks)):
            for second in range(first + 1, len(tracks)):
                if not _related(tracks[first], found[first], tracks[second], found[second]):
                    continue
                if tracks[first].label == tracks[second].label:
                    fragments[first] += 1
                    fragments[second] += 1
                else:
                    others[first].append(tracks[second].label)
                    others[second].append(tracks[first].label)
    return [
        TrackFaults(
            track,
            max(unseen(track), measured(track, "gaps")),
            jumps(track),
            tuple(others[index]),
            fragments[index],
            measured(track, "jumps"),
            measured(track, "mismatch"),
        )
        for index, track in enumerate(tracks)
    ]


def measured(track: Track, what: str) -> float:
    """A share 0..1 that the tracker measured; 0 where it says nothing, or nothing that is one."""
    shares = track.attributes.get(TRACKER)
    value = shares.get(what) if isinstance(shares, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 <= value <= 1 else 0.0


def unseen(track: Track) -> float:
    """The share of a track's life, first to last visible keyframe, in which it is interpolated or hidden."""
    seen = [index for index, row in enumerate(track.keyframes) if row.visible]
    if not seen:
        return 0.0
    # Hidden keyframes at either end say no more than that the thing is not there yet, or not any more.
    rows = track.keyframes[seen[0] : seen[-1] + 1]
    life = rows[-1].start_us - rows[0].start_us
    gone = sum(
        after.start_us - before.start_us
        for before, after in pairwise(rows)
        if not before.visible or before.attributes.get(INTERPOLATED)
    )
    return gone / life if life else 0.0


def jumps(track: Track) -> int:
    """How often two neighbouring keyframes lie farther apart than the speed before and after explains."""
    count = 0
    run: list[Keyframe] = []
    for row in track.keyframes:
        if row.visible:
            run.append(row)
        else:
            count += _jumps_of(run)
            run = []
    return count + _jumps_of(run)


def _jumps_of(rows: Sequence[Keyframe]) -> int:
    if len(rows) < 2:
        return 0
    boxes = np.array([(row.x, row.y, row.x + row.width, row.y + row.height) for row in rows], dtype=np.float64)
    seconds = np.diff(np.array([row.start_us for row in rows], dtype=np.float64)) / 1e6
    speeds = np.diff(boxes, axis=0) / seconds[:, np.newaxis]
    sides = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), 1.0)
    fast = np.abs(speeds).max(axis=1) > JUMP_SIZES_A_SECOND * np.maximum(sides[:-1], sides[1:])
    count = 0
    for index in np.flatnonzero(fast).tolist():
        neighbours = [speeds[other] for other in (index - 1, index + 1) if 0 <= other < len(speeds)]
        guesses = np.stack([boxes[index] + speed * seconds[index] for speed in [np.zeros(4), *neighbours]])
        count += bool(iou_matrix(guesses, boxes[index + 1 : index + 2]).max() < EXPLAINED_IOU)
    return count


def _related(first: Track, at_first: tuple[Array, Array], second: Track, at_second: tuple[Array, Array]) -> bool:
    """Whether two tracks seem to be of one thing: they lie on each other, or one goes on where the other ends."""
    both = at_first[1] & at_second[1]
    if both.any():
        if first.label == second.label:
            return False  # two of a kind beside each other are what a scene looks like
        shares = _pairwise_iou(at_first[0][both], at_second[0][both])
        return bool(shares.mean() >= SAME_PLACE_IOU)
    for early, late in ((first, second), (second, first)):
        end, start = _last_seen(early), _first_seen(late)
        if end and start and 0 <= start.start_us - end.start_us <= HANDOVER_US:
            return bool(iou_matrix(_box(end), _box(start))[0, 0] >= SAME_PLACE_IOU)
    return False


def _pairwise_iou(first: Array, second: Array) -> Array:
    inner = np.clip(np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2]), 0, None)
    shared = inner.prod(axis=1)
    union = (first[:, 2:] - first[:, :2]).prod(axis=1) + (second[:, 2:] - second[:, :2]).prod(axis=1) - shared
    result: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def _first_seen(track: Track) -> Keyframe | None:
    return next((row for row in track.keyframes if row.visible), None)


def _last_seen(track: Track) -> Keyframe | None:
    return next((row for row in reversed(track.keyframes) if row.visible), None)


def _box(row: Keyframe) -> Array:
    return np.array([[row.x, row.y, row.x + row.width, row.y + row.height]])


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

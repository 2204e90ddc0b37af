"""Who in the picture is the consenting participant: recognised by place and an unbroken track, never by appearance.

Recognising a face would make biometric data of everybody who walks past. So it is the person whose track begins
inside the zone when the recording does, one a recording, for as long as the track is unbroken and crosses nobody's;
whoever cannot be distinguished for certain is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.redaction import policy
from prelabel.redaction.trails import Trail, grow

Array = NDArray[Any]


class ParticipantTrail:
    """`number` is that of the participant's trail, None while there is none.

    Args:
        zone: x, y, width, height as parts of the picture.
        width, height: of the picture, in pixels.
    """

    def __init__(self, zone: tuple[float, float, float, float], width: int, height: int) -> None:
        x, y, across, down = zone
        self._zone = np.array([x * width, y * height, (x + across) * width, (y + down) * height])
        self.number: int | None = None
        self._began_us: int | None = None
        self._settled = False
        self._seen_us: list[int] = []
        self._over = False

    def update(self, time_us: int, seen: Sequence[Trail], everybody: Sequence[Trail]) -> None:
        """Take the people of one look; `everybody` are all active trails, seen in this frame or not."""
        if self._began_us is None:
            self._began_us = time_us
        if not self._settled and time_us - self._began_us <= policy.PLACED_US:
            begun = [trail for trail in seen if trail.first_us == time_us and self._inside(trail.boxes[-1])]
            if begun:
                # Two who begin in the zone cannot be distinguished, now or later.
                self._settled = True
                self.number = begun[0].number if len(begun) == 1 else None
        if self.number is None or self._over:
            return
        me = next((trail for trail in seen if trail.number == self.number), None)
        if me is None:
            return
        late = bool(self._seen_us) and time_us - self._seen_us[-1] > policy.BREAK_US
        others = [trail for trail in everybody if trail.number != self.number]
        if late or any(_crosses(me.boxes[-1], trail, time_us) for trail in others):
            self._over = True
            return
        self._seen_us.append(time_us)

    def certain(self, person: Trail, time_us: int) -> bool:
        """Whether this person is the participant at a moment of the ring."""
        return person.number == self.number and self.certain_at(time_us)

    def certain_at(self, time_us: int) -> bool:
        """Whether the participant is distinguished at a moment: between the first and the last good sighting."""
        return self.number is not None and bool(self._seen_us) and self._seen_us[0] <= time_us <= self._seen_us[-1]

    def _inside(self, box: Array) -> bool:
        centre = (box[:2] + box[2:]) / 2
        return bool((centre >= self._zone[:2]).all() and (centre <= self._zone[2:]).all())


def _crosses(box: Array, other: Trail, time_us: int) -> bool:
    """Whether somebody else is, or may be by now, where the participant is. One weak sighting is not yet somebody."""
    if time_us - other.last_us > policy.BREAK_US or not (other.strong or other.hits > 1):
        return False
    # Somebody half hidden behind another is detected next to them: near counts as crossed.
    box, there = grow(box, policy.NEAR_GROW), other.expected(time_us)
    inner = np.clip(np.minimum(box[2:], there[2:]) - np.maximum(box[:2], there[:2]), 0, None).prod()
    smaller = min((box[2:] - box[:2]).prod(), (there[2:] - there[:2]).prod())
    return bool(inner > policy.CROSSING * max(smaller, 1.0))

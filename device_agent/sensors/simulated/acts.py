"""What happens in the room and where everything therefore is at any moment. Pure: acts and a time in, places out.

Acts are only ever added in the future, so the past is settled: the camera, the truth and a test that asks again later
see the same scene. Times are device monotonic microseconds; places are fractions of the picture's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEFT, RIGHT = 0.26, 0.74  # where a person stands, the middle of the body
OUTSIDE = 0.27  # past the edge by this much nothing of the person is seen any more
WALK_STARTS_US = 100_000
WALK_SHARE = 0.92  # of the asked time until the person is out of the picture, so that a recording sees the end
AWAY_US = 700_000
RETURN_US = 2_200_000
RISE_US = 500_000
SPEECH_STARTS_US = 400_000
BREATH_US = 300_000
STEPS_PER_SECOND = 1.8


@dataclass(frozen=True)
class Say:
    """`samples` float32 in -1..1 at the room's sample rate; it starts at `start_us` and ends at `end_us`."""

    text: str
    start_us: int
    end_us: int
    samples: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Walk:
    """From where the person stands at `start_us` out of the picture at the other side at `end_us`."""

    start_us: int
    end_us: int
    to_right: bool

    @property
    def back_us(self) -> int:
        """When the person stands again, on the side where they went out."""
        return self.end_us + AWAY_US + RETURN_US


@dataclass(frozen=True)
class HoldUp:
    """From the first sight of the object to the last; it is still in between, after `RISE_US`."""

    thing: str
    start_us: int
    end_us: int
    left: bool  # of the middle: away from where the person stands


@dataclass(frozen=True)
class ThingPlace:
    thing: str
    up: float  # 0 out of sight below the picture, 1 up and still
    left: bool


@dataclass(frozen=True)
class PersonPlace:
    x: float  # the middle of the body
    lift: float  # of the height: the bob of a step, the sway of standing


def person_place(walks: Sequence[Walk], at_us: int) -> PersonPlace:
    """Where the person is; outside 0..1 by `OUTSIDE` means out of the picture."""
    walk = next((walk for walk in reversed(walks) if walk.start_us <= at_us), None)
    seconds = at_us / 1_000_000
    if walk is None:
        return PersonPlace(LEFT + _sway(seconds), 0.0015 * math.sin(seconds * 1.7))
    near, far = (LEFT, 1 + OUTSIDE) if walk.to_right else (RIGHT, -OUTSIDE)
    stand = RIGHT if walk.to_right else LEFT
    bob = 0.006 * abs(math.sin(math.pi * STEPS_PER_SECOND * (at_us - walk.start_us) / 1_000_000))
    if at_us < walk.end_us:
        done = _ease_in((at_us - walk.start_us) / (walk.end_us - walk.start_us))
        return PersonPlace(near + (far - near) * done + _sway(walk.start_us / 1_000_000) * (1 - done), bob)
    came = (at_us - walk.end_us - AWAY_US) / RETURN_US
    if came >= 1:
        return PersonPlace(stand + _sway(seconds), 0.0015 * math.sin(seconds * 1.7))
    gone = max(0.0, came)
    eased = 1 - (1 - gone) ** 2
    x = far + (stand + _sway(walk.back_us / 1_000_000) - far) * eased
    return PersonPlace(x, bob * (1 - eased))


def stands_left(walks: Sequence[Walk]) -> bool:
    """On which side the person stands, or will when the last walk is over."""
    return not (walks and walks[-1].to_right)


def next_walk(walks: Sequence[Walk], now_us: int, seconds: float) -> Walk:
    """A walk of `seconds` to the other side; it waits for the end of the one before."""
    start = max(now_us + WALK_STARTS_US, walks[-1].back_us if walks else 0)
    length = max(1_000_000, round(seconds * WALK_SHARE * 1_000_000))
    return Walk(start, start + length, to_right=stands_left(walks))


def next_say(says: Sequence[Say], now_us: int, text: str, samples: npt.NDArray[np.float32], sample_rate: int) -> Say:
    """Speech that starts a moment after it is asked for, and after what is being said."""
    start = max(now_us + SPEECH_STARTS_US, says[-1].end_us + BREATH_US if says else 0)
    return Say(text, start, start + round(len(samples) * 1_000_000 / sample_rate), samples)


def next_hold_up(acts: Sequence[HoldUp], now_us: int, thing: str, seconds: float, *, left: bool) -> HoldUp:
    start = max(now_us, acts[-1].end_us if acts else 0)
    return HoldUp(thing, start, start + max(2 * RISE_US, round(seconds * 1_000_000)), left)


def held_up(acts: Sequence[HoldUp], at_us: int) -> ThingPlace | None:
    """The object that is in the picture, and how far it has come up."""
    for act in reversed(acts):
        if act.start_us <= at_us < act.end_us:
            up = min(1.0, (at_us - act.start_us) / RISE_US, (act.end_us - at_us) / RISE_US)
            return ThingPlace(act.thing, up * up * (3 - 2 * up), act.left)
    return None


def _sway(seconds: float) -> float:
    return 0.004 * math.sin(seconds * 0.9) + 0.0015 * math.sin(seconds * 2.3)


def _ease_in(share: float) -> float:
    """0..1 to 0..1: the first tenth gathers speed, the rest is at constant speed."""
    ramp = 0.1
    whole = 1 - ramp / 2
    return (share * share / (2 * ramp) if share < ramp else share - ramp / 2) / whole

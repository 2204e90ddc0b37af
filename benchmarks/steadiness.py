"""How steady the machine is: the same computing again and again, on a core that has nothing else to do.

A core of a virtual machine can share its arithmetic with somebody else's and then runs at about half its speed for
stretches of milliseconds to minutes, which no clock of the machine itself shows: neither load nor "steal" rises. No
99th percentile of work that computes can then lie closer to its median than that of this computing does.

    python -m benchmarks.steadiness
"""

from __future__ import annotations

import json
import math
import time

from benchmarks.figure import Figure

SECONDS = 4.0
PIECE_SECONDS = 0.01
_TEXT = json.dumps([{"number": number, "text": "x" * 20} for number in range(100)])


def steadiness() -> list[Figure]:
    """The median and the 99th percentile of a piece of computing, beside its fastest. Takes four seconds."""
    rounds = _rounds_in(PIECE_SECONDS)
    took, end = list[float](), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        took.append(_seconds_of(rounds))
    took.sort()
    unit = "times the fastest"
    return [
        Figure("the machine itself: the same computing again and again, median", _times(took, 0.5), unit, math.inf),
        Figure("… 99th percentile", _times(took, 0.99), unit, math.inf),
    ]


def _times(took: list[float], share: float) -> float:
    return round(took[int(len(took) * share)] / took[0], 2)


def _rounds_in(seconds: float) -> int:
    """How many rounds take so long at the machine's full speed."""
    return max(1, round(seconds / min(_seconds_of(20) for _ in range(20)) * 20))


def _seconds_of(rounds: int) -> float:
    began = time.perf_counter()
    for _ in range(rounds):
        json.loads(_TEXT)
    return time.perf_counter() - began


if __name__ == "__main__":
    for figure in steadiness():
        print(f"{figure.name}: {figure.shown}")

"""The error rate against a count of every hundredth of a second."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.quality.intervals import COLLAR_US, TimeSums, time_sums
from tests.prelabel.quality.made import interval
from wire.labels import Interval

TICK = 10_000  # microseconds


def counted(made: list[Interval], truth: list[Interval], collar_us: int) -> TimeSums:
    """Tick by tick: who is there, who is said to be there."""
    sums = TimeSums()
    ticks = {(row.label, at) for row in truth for at in range(row.start_us, row.end_us, TICK)}
    ends = [at for word, at in ticks if (word, at - TICK) not in ticks]
    ends += [at + TICK for word, at in ticks if (word, at + TICK) not in ticks]
    last = max([row.end_us for row in (*made, *truth)], default=0)
    for at in range(0, last, TICK):
        middle = at + TICK // 2
        if collar_us and any(end - collar_us <= middle < end + collar_us for end in ends):
            continue
        ours = {row.label for row in truth if row.start_us <= middle < row.end_us}
        theirs = {row.label for row in made if row.start_us <= middle < row.end_us}
        sums.missed += TICK * max(0, len(ours) - len(theirs))
        sums.false_alarm += TICK * max(0, len(theirs) - len(ours))
        sums.confused += TICK * (min(len(ours), len(theirs)) - len(ours & theirs))
        sums.truth += TICK * len(ours)
    return sums


@st.composite
def rows(draw: st.DrawFn) -> list[Interval]:
    made = []
    for number in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 300))
        length = draw(st.integers(1, 120))
        word = draw(st.sampled_from(["speech", "music", "child"]))
        made.append(interval(f"s{number}", start / 100, (start + length) / 100, word))
    return made


@settings(max_examples=150, deadline=None)
@given(rows(), rows(), st.sampled_from([0, 50_000, COLLAR_US]))
def test_every_hundredth_of_a_second(made: list[Interval], truth: list[Interval], collar_us: int) -> None:
    assert time_sums(made, truth, collar_us) == counted(made, truth, collar_us)


def test_by_hand() -> None:
    """Truth 1 to 3 s; made 1.2 to 3.5 s: 0.2 missed and 0.5 false in 2 s; a collar of 0.25 s leaves 0.25 of 1.5."""
    sums = time_sums([interval("a", 1.2, 3.5)], [interval("b", 1, 3)])
    assert (sums.missed, sums.false_alarm, sums.confused, sums.truth) == (200_000, 500_000, 0, 2_000_000)
    assert sums.error_rate == pytest.approx(0.35)
    assert time_sums([interval("a", 1.2, 3.5)], [interval("b", 1, 3)], COLLAR_US).error_rate == pytest.approx(
        0.25 / 1.5
    )


def test_another_word_is_a_confusion() -> None:
    sums = time_sums([interval("a", 0, 1, "music")], [interval("b", 0, 2)])
    assert (sums.missed, sums.confused, sums.false_alarm) == (1_000_000, 1_000_000, 0)
    assert sums.error_rate == 1


def test_the_same_word_on_two_channels_is_two_voices() -> None:
    left, right = interval("a", 0, 1, channel=0), interval("b", 0, 1, channel=1)
    assert time_sums([left], [left, right]).missed == 1_000_000
    assert time_sums([left], [right]).confused == 1_000_000


def test_nothing_there() -> None:
    assert time_sums([], []).error_rate is None
    false = time_sums([interval("a", 0, 1)], [])
    assert (false.false_alarm, false.error_rate) == (1_000_000, None)


def test_a_collar_lies_where_a_word_begins_or_ends_to_be_there() -> None:
    """One voice in three true stretches that overlap and touch: 1 to 5 s. Nothing was found between 2.5 and 3.5 s."""
    truth = [interval("a", 1, 3), interval("b", 2, 4), interval("c", 4, 5)]
    made = [interval("m", 1, 2.5), interval("n", 3.5, 5)]
    sums = time_sums(made, truth, COLLAR_US)
    assert (sums.truth, sums.missed) == (3_500_000, 1_000_000)  # of 4 s, a quarter at either end is left out
    # Another voice has boundaries of its own.
    apart = [truth[0], truth[1].model_copy(update={"label": "child"}), truth[2]]
    assert time_sums(made, apart, COLLAR_US).truth < time_sums(made, apart).truth - 500_000

"""Active time is counted by rule, never more than the clock shows."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.review.activity import Sign, Stretch, active_ms, counted_ms, counted_stretches, length_ms, united
from tests.collector.review.filled import START


def sign(seconds: float, visible: bool = True, playing: bool = False, given_input: bool = False) -> Sign:
    return Sign(START + timedelta(seconds=seconds), visible, playing, given_input)


@pytest.mark.parametrize(
    ("signs", "until", "seconds"),
    [
        ([], 60, 0),
        ([sign(0, given_input=True)], 10, 10),
        ([sign(0, given_input=True)], 100, 30),  # silence: 30 s at most
        ([sign(0)], 10, 0),  # neither input nor media
        ([sign(0, playing=True)], 20, 20),
        ([sign(0, playing=True), sign(15, playing=True), sign(30, playing=True)], 45, 45),
        ([sign(0, visible=False, playing=True, given_input=True)], 20, 0),  # a hidden tab
        ([sign(0, given_input=True), sign(15), sign(45)], 60, 30),  # input holds 30 s
        ([sign(0, given_input=True), sign(10, visible=False), sign(20)], 25, 15),
        ([sign(0, given_input=True), sign(20, given_input=True)], 40, 40),
    ],
)
def test_active_time(signs: list[Sign], until: float, seconds: float) -> None:
    assert active_ms(signs, START + timedelta(seconds=until)) == seconds * 1000
    assert active_ms(signs[::-1], START + timedelta(seconds=until)) == seconds * 1000


many = st.lists(st.builds(sign, st.floats(0, 500), st.booleans(), st.booleans(), st.booleans()), max_size=20)


@given(many, st.floats(0, 600))
def test_never_more_than_the_clock(signs: list[Sign], until: float) -> None:
    total = active_ms(signs, START + timedelta(seconds=until))
    assert 0 <= total <= until * 1000 + 20


@given(many, many, st.floats(-100, 600), st.floats(0, 600))
def test_the_page_cannot_claim_more_than_it_had(heard: list[Sign], told: list[Sign], opened: float, now: float) -> None:
    leased_at, end = START, START + timedelta(seconds=now)
    facts = (heard, told, leased_at, START + timedelta(seconds=opened), end)
    # An opening in the future is the word of a clock that is off: the lease is what is known.
    most = now - (opened if 0 <= opened <= now else 0.0)
    assert 0 <= counted_ms(*facts) <= most * 1000 + 1
    spans = counted_stretches(*facts)
    assert length_ms(spans) <= most * 1000 + len(spans)
    assert all(a.end < b.start for a, b in pairwise(spans))
    assert all(START <= row.start < row.end <= end for row in spans)


def test_what_the_page_told_fills_in_for_what_was_lost() -> None:
    told = [sign(seconds, given_input=True) for seconds in (0, 20, 40)]
    end = START + timedelta(seconds=50)
    assert counted_ms([], told, START, START, end) == 40_000
    assert counted_ms([], [], START, START, end) == 30_000
    assert counted_ms([sign(25, given_input=True)], [], START, START, end) == 50_000


def span(start: float, end: float) -> Stretch:
    return Stretch(START + timedelta(seconds=start), START + timedelta(seconds=end))


def test_stretches_unite_by_wall_time() -> None:
    rows = [span(40, 70), span(0, 30), span(20, 35), span(35, 38), span(90, 90), span(95, 200)]
    since, until = START + timedelta(seconds=5), START + timedelta(seconds=120)
    assert united(rows, since, until) == [span(5, 38), span(40, 70), span(95, 120)]
    assert length_ms(united(rows, since, until)) == 88_000


@pytest.mark.parametrize("ahead", [-4000, 0, 4000])
def test_a_clock_that_is_off_loses_nobody_their_time(ahead: float) -> None:
    """A program whose clock runs an hour ahead or behind: its list says how long, the service's clock says when."""
    told = [sign(ahead + seconds, given_input=True) for seconds in (0, 15, 30, 45)]
    end = START + timedelta(seconds=50)
    facts = ([], told, START, START + timedelta(seconds=ahead), end)
    assert counted_ms(*facts) == 45_000
    assert 45_000 <= length_ms(counted_stretches(*facts)) <= 50_000

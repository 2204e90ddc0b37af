"""The edit distance against a second library."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from prelabel.quality import edits
from prelabel.quality.edits import edit_distance, parted

few = st.text("abc", max_size=150)
words = st.lists(st.sampled_from(["cup", "cups", "down", "put", ""]), max_size=90)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.tuples(few, few), st.tuples(words, words), st.tuples(st.text(), st.text())))
def test_the_distance_is_that_of_a_second_library(pair: tuple[Sequence[Hashable], Sequence[Hashable]]) -> None:
    first, second = pair
    assert edit_distance(first, second) == edit_distance(second, first) == Levenshtein.distance(first, second)


@pytest.mark.parametrize("signs", ["ab", "etaoin shrdlu", "".join(map(chr, range(0x4E00, 0x5600)))])
@pytest.mark.parametrize("lengths", [(1, 64), (63, 65), (700, 900), (3000, 2999)])
def test_long_texts(signs: str, lengths: tuple[int, int]) -> None:
    draw = random.Random(f"{len(signs)} {lengths}")
    first, second = ("".join(draw.choices(signs, k=length)) for length in lengths)
    assert edit_distance(first, second) == Levenshtein.distance(first, second)
    changed = list(first)
    for _ in range(40):
        del changed[draw.randrange(len(changed))]
        changed.insert(draw.randrange(len(changed) + 1), draw.choice(signs))
    assert edit_distance(first, "".join(changed)) == Levenshtein.distance(first, "".join(changed))


def test_more_different_signs_than_the_cache_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "CACHED_BYTES", 100)
    draw = random.Random(5)
    signs = [f"w{number % 50}" for number in range(400)]
    other = signs[:]
    draw.shuffle(other)
    assert edit_distance(signs, other) == Levenshtein.distance(signs, other)


@pytest.mark.parametrize(
    ("first", "second", "rest"),
    [("kitten", "mitten", ("k", "m")), ("aa", "aaa", ("", "a")), ("same", "same", ("", "")), ("", "x", ("", "x"))],
)
def test_what_differs(first: str, second: str, rest: tuple[str, str]) -> None:
    assert parted(first, second) == rest

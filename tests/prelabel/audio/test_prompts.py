"""The prompt shared out: every word once, never cut, and as well as any other way to do it."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.prompts import _INSIDE_CLAUSE, expected_parts
from prelabel.audio.segments import SpeechRegion


def regions(*milliseconds: int) -> list[SpeechRegion]:
    found, at = [], 0
    for length in milliseconds:
        found.append(SpeechRegion(at, at + length * 1000, 0.9))
        at += length * 1000 + 400_000
    return found


LIGHT = "Hello kitchen, turn on the light."


@pytest.mark.parametrize(
    ("prompt", "lengths", "expected"),
    [
        (LIGHT, [], []),
        (LIGHT, [900], [LIGHT]),
        ("  Good morning ", [900], ["Good morning"]),
        (LIGHT, [1000, 1400], ["Hello kitchen,", "turn on the light."]),
        # A cough gets nothing, wherever it is.
        (LIGHT, [150, 1000, 1400], [None, "Hello kitchen,", "turn on the light."]),
        (LIGHT, [1000, 150, 1400], ["Hello kitchen,", None, "turn on the light."]),
        (LIGHT, [2400, 150], [LIGHT, None]),
        # A pause inside a clause, as the lengths demand.
        (LIGHT, [1000, 700, 800], ["Hello kitchen,", "turn on", "the light."]),
        ("Turn on the kitchen light", [600, 400], ["Turn on the", "kitchen light"]),
        ("Stop", [500, 500], ["Stop", None]),
        ("One. Two, three; four: five!", [300, 300, 450, 300, 350], ["One.", "Two,", "three;", "four:", "five!"]),
        ("你好，厨房。请开灯！", [900, 900, 1300], ["你好，", "厨房。", "请开灯！"]),
        ('He said: "Go!" And she went.', [700, 400, 1100], ["He said:", '"Go!"', "And she went."]),
        # A number and a clock time are no ends of clauses.
        ("It is 3.14 at 12:30 here.", [800, 1200], ["It is 3.14", "at 12:30 here."]),
        ("Danke — bitte", [500, 500], ["Danke —", "bitte"]),
        ("مرحبا، كيف حالك؟", [500, 800], ["مرحبا،", "كيف حالك؟"]),
        ("", [500, 500], [None, None]),
        (" \n", [500], [None]),
        ("…", [100, 400], [None, "…"]),
    ],
)
def test_parts(prompt: str, lengths: list[int], expected: list[str | None]) -> None:
    assert expected_parts(prompt, regions(*lengths)) == expected


WORDS = st.lists(
    st.sampled_from(["ja", "Licht", "an,", "aus.", "Küche!", "3.14", "12:30", "–", "don't", "wir;", "好", "👋"]),
    min_size=1,
    max_size=40,
)  # fmt: skip
LENGTHS = st.lists(st.integers(1, 4000), min_size=1, max_size=9)


@settings(max_examples=300, deadline=None)
@given(WORDS, LENGTHS, st.sampled_from([" ", "  ", "\n", "\u00a0"]))
def test_every_word_is_offered_once_and_never_cut(words: list[str], lengths: list[int], space: str) -> None:
    prompt = space.join(words)
    parts = expected_parts(prompt, regions(*lengths))
    assert len(parts) == len(lengths)
    assert [word for part in parts if part is not None for word in part.split()] == prompt.split()
    assert all(part is None or (part == part.strip() and part) for part in parts)
    at = 0
    for part in parts:
        if part is not None:
            at = prompt.index(part, at) + len(part)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("你好请开灯，。！"), min_size=1, max_size=40), LENGTHS)
def test_without_spaces_only_punctuation_is_a_seam(characters: list[str], lengths: list[int]) -> None:
    prompt = "".join(characters)
    parts = [part for part in expected_parts(prompt, regions(*lengths)) if part is not None]
    assert "".join(parts) == prompt
    assert all(part[-1] in "，。！" for part in parts[:-1])


def cost(chosen: list[list[str]], lengths: list[int]) -> float:
    """What the docstring says, for a way to share words out: letters only, clause ends are free."""
    letters = [sum(len(re.sub(r"\W", "", word)) for word in part) for part in chosen]
    total = 0.0
    for part, count, length in zip(chosen, letters, lengths, strict=True):
        speech, text = length / sum(lengths), count / sum(letters)
        total += (speech - text) ** 2 / (speech + text)
        more = [word for later in chosen[chosen.index(part) + 1 :] for word in later] if part else []
        if part and more and part[-1][-1] not in ".,!":
            total += _INSIDE_CLAUSE / len(lengths)
    return total


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["ja", "Licht", "an,", "jetzt.", "Kaffeemaschine", "so!"]), min_size=1, max_size=6),
    st.lists(st.integers(100, 3000), min_size=2, max_size=4),
)
def test_no_other_way_to_share_them_out_is_better(words: list[str], lengths: list[int]) -> None:
    """Every way to cut the words into runs, tried one by one."""
    numbered = [f"{word[:-1]}{'abcdef'[n]}{word[-1]}" for n, word in enumerate(words)]
    ways = []
    for ends in itertools.combinations_with_replacement(range(len(words) + 1), len(lengths) - 1):
        edges = [0, *ends, len(words)]
        ways.append([numbered[a:b] for a, b in itertools.pairwise(edges)])
    best = min(cost(way, lengths) for way in ways)
    got = [part.split() if part else [] for part in expected_parts(" ".join(numbered), regions(*lengths))]
    assert cost(got, lengths) == pytest.approx(best, abs=1e-9)


def test_a_long_prompt_is_cut_at_its_sentences() -> None:
    sentences = [f"Sentence number {n} of the long one." for n in range(300)]
    parts = expected_parts(" ".join(sentences), regions(*[1000] * 30))
    assert np.all(np.array([len(part.split(".")) - 1 for part in parts if part]) == 10)
    words = " ".join(["word"] * 5000)
    thirds = [part for part in expected_parts(words, regions(1000, 1000, 1000)) if part is not None]
    assert " ".join(thirds) == words
    assert [len(part.split()) for part in thirds] == pytest.approx([5000 / 3] * 3, abs=13)

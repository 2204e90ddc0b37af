"""Greedy CTC against a reading token by token; alphabets and their separators by tables."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.audio.ctc import Alphabet, Token, collapse, probabilities


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 3), st.integers(0, 9))
def test_collapse_is_the_definition(path: list[int], blank: int, seed: int) -> None:
    """Merge repeats, then drop blanks: read off the path itself, one row at a time."""
    rows = np.random.default_rng(seed).uniform(0, 0.2, (len(path), 4))
    rows[np.arange(len(path)), path] = np.random.default_rng(seed + 1).uniform(0.3, 0.9, len(path))
    expected, at = [], 0
    for token, members in groupby(path):
        length = len(list(members))
        if token != blank:
            expected.append(Token(token, at, at + length, max(rows[row][token] for row in range(at, at + length))))
        at += length
    assert collapse(rows, blank) == expected


def test_probabilities_of_whatever_a_network_gives() -> None:
    logits = np.array([[1.0, 2, 3], [-5, 5, 0]], dtype=np.float32)
    wanted = np.array([[np.exp(v) / sum(np.exp(row)) for v in row] for row in logits])
    assert probabilities(logits) == pytest.approx(wanted)
    assert probabilities(np.log(wanted)) == pytest.approx(wanted)
    assert probabilities(wanted) == pytest.approx(wanted)
    assert probabilities(logits * 1000) == pytest.approx(np.array([[0, 0, 1], [0, 1, 0]]))
    assert probabilities(np.zeros((0, 3))).shape == (0, 3)


def said(alphabet: Alphabet, path: list[int]) -> str:
    rows = np.eye(len(alphabet))[path] if path else np.zeros((0, len(alphabet)))
    return alphabet.text(alphabet.words(collapse(rows, 0), 20_000))


@pytest.mark.parametrize(
    ("tokens", "separator", "path", "expected"),
    [
        (["", " ", "a", "b"], " ", [2, 2, 0, 2, 1, 3, 0], "aa b"),
        (["<pad>", "|", "A", "B"], " ", [1, 2, 1, 1, 3, 1], "A B"),  # found by itself
        (["<pad>", "|", "A", "B"], "|", [2, 0, 1, 0, 1, 3], "A B"),
        (["<blk>", "▁he", "llo", "▁", "you", "<unk>"], " ", [1, 2, 5, 3, 4], "hello you"),
        (["<blk>", "▁he", "llo", "▁", "you"], "▁", [2, 1], "llo he"),
        (["<blk>", "你", "好"], " ", [1, 1, 0, 2], "你好"),  # no separator: no spaces
        (["", "a b", "c"], " ", [2, 1, 2], "ca bc"),
        (["", " ", "<0xC3>", "<0xBC>", "f"], " ", [4, 2, 3, 1, 4], "fü f"),
        (["", "<0xE4>", "<0xBD>", "<0xA0>", "x"], " ", [1, 2, 3, 4], "你x"),
        (["", " ", "<0xC3>", "f"], " ", [3, 2, 1, 3], "f\ufffd f"),
        (["", " ", "u", "\u0308"], " ", [2, 3], "\u00fc"),
        (["", " ", "a"], " ", [], ""),
        (["", " ", "a"], " ", [1, 1, 0, 1], ""),
        (["", "[UNK]", "[a", "<s>", "|"], "|", [2, 1, 3, 4], "[a"),
    ],
)
def test_alphabets(tokens: list[str], separator: str, path: list[int], expected: str) -> None:
    assert said(Alphabet(tokens, separator), path) == expected


def test_words_have_the_times_of_their_tokens() -> None:
    alphabet = Alphabet(["", " ", "h", "i", "y", "o"])
    path = [0, 2, 2, 0, 3, 3, 1, 0, 0, 4, 5, 5, 5, 0]
    rows = np.full((len(path), 6), 0.02)
    rows[np.arange(len(path)), path] = 0.9
    rows[5] = [0.02, 0.02, 0.02, 0.5, 0.02, 0.02]
    first, second = alphabet.words(collapse(rows, 0), 20_000, start_us=1_000_000)
    assert (first.text, first.start_us, first.end_us) == ("hi", 1_020_000, 1_120_000)
    assert (second.text, second.start_us, second.end_us) == ("yo", 1_180_000, 1_260_000)
    assert first.score == pytest.approx(0.9)


def test_a_word_is_as_sure_as_its_tokens_are_on_average() -> None:
    alphabet = Alphabet(["", " ", "a", "b"])
    rows = np.array([[0.1, 0.1, 0.6, 0.2], [0.1, 0.1, 0.7, 0.1], [0.0, 0.1, 0.1, 0.8]])
    (word,) = alphabet.words(collapse(rows, 0), 1000)
    assert word.text == "ab" and word.score == pytest.approx((0.7 + 0.8) / 2)


def test_a_long_pause_ends_a_word_too() -> None:
    alphabet = Alphabet(["", " ", "a", "b"])
    path = [2, *[0] * 35, 3, *[0] * 36, 2]
    words = alphabet.words(collapse(np.eye(4)[path], 0), 20_000)
    assert [(word.text, word.start_us, word.end_us) for word in words] == [
        ("ab", 0, 740_000), ("a", 1_460_000, 1_480_000),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 4), max_size=60), st.floats(500, 10_000))
def test_words_rise_and_carry_every_letter(path: list[int], row_us: float) -> None:
    alphabet = Alphabet(["", " ", "a", "b", "c"])
    rows = np.eye(5)[path] if path else np.zeros((0, 5))
    words = alphabet.words(collapse(rows, 0), row_us)
    letters = "".join(["", " ", "a", "b", "c"][token] for token, _ in groupby(path))
    assert [word.text for word in words] == letters.split()
    edges = [edge for word in words for edge in (word.start_us, word.end_us)]
    assert edges == sorted(edges) and all(word.end_us > word.start_us for word in words)

"""Greedy CTC against a plain computation, on networks whose characters are painted into the line."""

from __future__ import annotations

import itertools
import string
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.models.onnx_file import ModelRefused
from prelabel.text.recognition import RecognisedLine, TextRecogniser
from tests.prelabel.text import planted

LETTERS = string.ascii_lowercase


def listed(characters: str) -> str:
    return f"alphabet = {list(characters)}".replace("'", '"')


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> TextRecogniser:
    folder = tmp_path_factory.mktemp("recognition")
    extra = listed(LETTERS) + '\nlanguage = "en"'
    return TextRecogniser(planted.package(folder, planted.recognition(26), "recognition", extra))


def spelled(numbers: list[int], alphabet: str = LETTERS) -> str:
    return "".join(alphabet[number - 1] for number, _ in itertools.groupby(numbers) if number)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 26), min_size=1, max_size=90), min_size=1, max_size=9))
def test_lines_of_every_length_are_read(painted: TextRecogniser, lines: list[list[int]]) -> None:
    read = painted.read([planted.bars(line, 26) for line in lines])
    assert [one.text for one in read] == [spelled(line) for line in lines]
    assert [one.score for one in read] == [1.0 if any(line) else 0.0 for line in lines]


def test_the_shape_of_a_line_is_kept(painted: TextRecogniser) -> None:
    word = planted.bars([3, 0, 1, 0, 2], 26)
    double = np.repeat(np.repeat(word, 2, axis=0), 2, axis=1)
    half = word[::2, ::2]
    assert [one.text for one in painted.read([word, double, half])] == ["cab"] * 3
    assert painted.language == "en"
    assert painted.read([]) == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), places=st.integers(1, 30), blank=st.integers(0, 4))
def test_greedy_reading_of_any_probabilities(
    tmp_path_factory: pytest.TempPathFactory, seed: int, places: int, blank: int
) -> None:
    values = np.random.default_rng(seed).dirichlet([0.3] * 5, size=places)[np.newaxis].astype(np.float32)
    folder = tmp_path_factory.mktemp("constant")
    package = planted.package(folder, planted.constant(values), "recognition", f"{listed('abcd')}\nblank = {blank}")
    (line,) = TextRecogniser(package).read([np.zeros((48, 100, 3), dtype=np.uint8)])
    alphabet = ["a", "b", "c", "d"]
    alphabet.insert(blank, "")
    text, kept, last = "", [], None
    for row in values[0]:
        number = max(range(5), key=lambda one, row=row: row[one])
        if number != blank and number != last:
            text += alphabet[number]
            kept.append(float(row[number]))
        last = number
    assert line.text == text
    assert line.score == pytest.approx(sum(kept) / len(kept) if kept else 0, abs=1e-6)


def one_hot(numbers: list[int], channels: int) -> np.ndarray:
    return np.eye(channels)[numbers][np.newaxis]


def read(folder: Path, numbers: list[int], channels: int, extra: str) -> RecognisedLine:
    model = planted.constant(one_hot(numbers, channels))
    (line,) = TextRecogniser(planted.package(folder, model, "recognition", extra)).read(
        [np.zeros((48, 100, 3), dtype=np.uint8)]
    )
    return line


def test_the_space_may_be_left_out_of_the_alphabet(tmp_path: Path) -> None:
    numbers = [1, 3, 2, 0, 2]
    assert read(tmp_path / "without", numbers, 4, listed("ab")).text == "a bb"
    assert read(tmp_path / "with", numbers, 4, listed("ab-")).text == "a-bb"


def test_text_is_composed_and_trimmed(tmp_path: Path) -> None:
    extra = 'alphabet = ["e", "\\u0301", "x"]'
    line = read(tmp_path, [4, 1, 2, 4, 0, 4], 5, extra)
    assert line.text == "é" and line.score == 1


def test_the_file_names_its_characters(tmp_path: Path) -> None:
    model = planted.constant(one_hot([1, 2, 3], 4))
    onnx.helper.set_model_props(model, {"character": "ä\nß\n"})
    recogniser = TextRecogniser(planted.package(tmp_path, model, "recognition"))
    assert recogniser.read([np.zeros((48, 100, 3), dtype=np.uint8)]) == [RecognisedLine("äß", 1.0)]


@pytest.mark.parametrize(
    ("values", "extra", "words"),
    [
        (one_hot([0], 4), "", "Nothing says which characters the 4 channels of recognition are"),
        (one_hot([0], 4), listed("a"), "gives 4 channels, its alphabet has 1 characters"),
        (one_hot([0], 4), listed("abcd"), "gives 4 channels, its alphabet has 4 characters"),
        (one_hot([0], 4), listed("abc") + "\nblank = 4", "none is number 4, the blank"),
        (3 * one_hot([0], 4), listed("abc"), "no probabilities of characters"),
        (np.full((1, 4), 0.25), listed("abc"), r"gives map of shape \[1, 4\]"),
        (np.full((1, 1, 4), np.nan), listed("abc"), "not finite"),
    ],
)
def test_what_is_no_recognition_is_refused(tmp_path: Path, values: np.ndarray, extra: str, words: str) -> None:
    with pytest.raises(ModelRefused, match=words):
        TextRecogniser(planted.package(tmp_path, planted.constant(values), "recognition", extra))

"""Words for whole pictures."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.image.classification import Classifier, open_classifier
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.image.plants import INPUT

NAMES = ["kitchen", "hall", "garden", "bath"]
WHITE = np.full((40, 60, 3), 255, np.uint8)


def toml(decode: str = "", thresholds: str = "score = 0.0") -> str:
    extra = f"{INPUT}[decode]\n{decode}\n[thresholds]\n{thresholds}\n"
    return graphs.manifest("classification", {"image": "image"}, {"scores": "s"}, NAMES, extra)


def opened(folder: Path, dark: list[float], lit: list[float], text: str, lit_above: float = 0.999) -> Classifier:
    """Scores `dark` for a black picture, `lit` for one that has a white pixel."""
    planted = {"s": np.array([dark], np.float32)}
    model = graphs.constant(planted, (1, 3, 32, 32), lit={"s": np.array([lit], np.float32)}, lit_above=lit_above)
    return open_classifier(open_model(graphs.save_package(folder, model, text)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4, unique=True))
def test_logits_become_their_softmax(tmp_path_factory: pytest.TempPathFactory, logits: list[float]) -> None:
    found = opened(tmp_path_factory.mktemp("c") / "own", [3, -1, 0, 0], logits, toml("top = 4")).guesses(WHITE)
    logits = np.array(logits, np.float32).astype(float).tolist()
    chances = [math.exp(value) / sum(map(math.exp, logits)) for value in logits]
    assert sorted(one.label for one in found) == sorted(NAMES)
    told = [chances[NAMES.index(one.label)] for one in found]
    assert told == pytest.approx(sorted(chances, reverse=True))  # of two that are all but alike either may come first
    assert [one.score for one in found] == pytest.approx(told)
    assert [one.margin for one in found] == pytest.approx([told[0] - told[1]] * 4, abs=1e-9)


def test_probabilities_are_taken_as_they_are(tmp_path: Path) -> None:
    """They sum to one in both dry runs."""
    model = opened(tmp_path / "own", [0.25, 0.25, 0.25, 0.25], [0.1, 0.6, 0.2, 0.1], toml("top = 2"))
    assert [(one.label, round(one.score, 5)) for one in model.guesses(WHITE)] == [("hall", 0.6), ("garden", 0.2)]
    assert [label.to_json() for label in model.labels(WHITE)] == [
        {"id": "c1", "kind": "choice", "label": "hall", "score": 0.6, "attributes": {"margin": 0.4}},
        {"id": "c2", "kind": "choice", "label": "garden", "score": 0.2, "attributes": {"margin": 0.4}},
    ]


def test_logits_that_sum_to_one_by_chance_on_black_are_told_by_the_second_run(tmp_path: Path) -> None:
    model = opened(tmp_path / "own", [0.25, 0.25, 0.25, 0.25], [2, 3, 0, -1], toml(), lit_above=0.5)
    assert model.guesses(WHITE)[0].score == pytest.approx(math.exp(3) / sum(map(math.exp, [2, 3, 0, -1])))


def test_each_word_by_itself(tmp_path: Path) -> None:
    said = toml('activation = "sigmoid"\ntop = 4', "score = 0.5")
    found = opened(tmp_path / "own", [0, 0, 0, 0], [2, -3, 1, -60], said).guesses(WHITE)
    assert [(one.label, round(one.score, 4)) for one in found] == [("kitchen", 0.8808), ("garden", 0.7311)]


def test_scores_of_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="do not sum to one, and nothing says what they are"):
        opened(tmp_path / "own", [0.5, 0.9, 0.1, 0.2], [0.5, 0.9, 0.1, 0.2], toml())
    model = opened(tmp_path / "said", [0.5, 0.9, 0.1, 0.2], [0.5, 0.9, 0.1, 0.2], toml('activation = "none"'))
    assert [(one.label, round(one.score, 4)) for one in model.guesses(WHITE)] == [("hall", 0.9)]
    with pytest.raises(ModelRefused, match="scores from -3 to 2, not scores from 0 to 1"):
        opened(tmp_path / "wrong", [2, -3, 0, 0], [2, -3, 0, 0], toml('activation = "none"'))


def test_below_the_score_nothing_is_said(tmp_path: Path) -> None:
    model = opened(tmp_path / "own", [0.25] * 4, [0.4, 0.3, 0.2, 0.1], toml("top = 4", "score = 0.35"))
    assert [one.label for one in model.guesses(WHITE)] == ["kitchen"]
    assert model.guesses(np.zeros((9, 9, 3), np.uint8)) == []


def test_nan_at_run_time_is_no_guess(tmp_path: Path) -> None:
    model = opened(tmp_path / "own", [2, 1, 0, 0], [2, math.nan, 0, 0], toml('activation = "softmax"'))
    assert model.guesses(WHITE) == []


@pytest.mark.parametrize("shape", [(1, 5), (2, 4), (1, 2, 2)])
def test_names_must_be_as_many_as_the_scores(tmp_path: Path, shape: tuple[int, ...]) -> None:
    model = graphs.constant({"s": np.zeros(shape, np.float32)}, (1, 3, 32, 32), declared=False)
    with pytest.raises(ModelRefused, match=r"4 names need \[1, 4\]"):
        open_classifier(open_model(graphs.save_package(tmp_path / "own", model, toml())))


def test_mnist_reads_a_digit_as_a_plain_run_does(tmp_path: Path) -> None:
    data = needs.testdata("models/mnist.onnx").read_bytes()
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    extra = '[input]\nsize = [28, 28]\ncolour = "GRAY"\nfit = "stretch"\nscale = 1.0\n'
    extra += "[decode]\ntop = 10\n[thresholds]\nscore = 0.0\n"
    text = graphs.manifest("classification", {"image": "Input3"}, {"scores": "Plus214_Output_0"}, names, extra)
    model = open_classifier(open_model(graphs.save_package(tmp_path / "mnist", data, text)))
    plain = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for digit in range(10):
        picture = np.zeros((28, 28, 3), np.uint8)
        cv2.putText(picture, str(digit), (6, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
        grey = picture[:, :, 0].astype(np.float32)[np.newaxis, np.newaxis]
        logits = plain.run(None, {"Input3": grey})[0][0].astype(float)
        chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        found = {one.label: one.score for one in model.guesses(picture)}
        assert [found[name] for name in names] == pytest.approx(chances.tolist(), abs=1e-6)

"""Keywords on planted networks; patience and debounce against a plain reading of the rule."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.keyword import KeywordSpotter, KeywordStream, Spotting
from prelabel.audio.segments import SoundEvent
from prelabel.models.onnx_file import ModelRefused
from tests.prelabel.audio import planted


def spot(folder: Path, scores: list[float], decode: str, hop: int = 100) -> list[SoundEvent]:
    extra = f"[audio]\nwindow_ms = 100\nhop_ms = {hop}\n[decode]\n{decode}\n[thresholds]\nscore = 0.5\n"
    graph = planted.scorer((1, 1600), 1)
    model = KeywordSpotter(planted.package(folder, graph, "keyword", ["gleaner"], extra))
    stream = KeywordStream(model, 16000)
    stream.push(np.repeat(np.array(scores, np.float32), 1600))
    return stream.finish()


def test_a_keyword_is_the_window_that_was_surest(tmp_path: Path) -> None:
    found = spot(tmp_path / "m", [0, 0.6, 0.9, 0.7, 0], "patience = 2")
    assert found == [SoundEvent("gleaner", 200_000, 300_000, pytest.approx(0.9, abs=1e-4))]


@pytest.mark.parametrize(
    ("scores", "decode", "starts"),
    [
        ([0.9, 0, 0.9, 0.9, 0], "patience = 2\ndebounce_ms = 0", [200_000]),
        ([0.9, 0.2, 0.9], "patience = 1\ndebounce_ms = 0", [0, 200_000]),
        ([0.9, 0.2, 0.9], "patience = 1\ndebounce_ms = 200", [0, 200_000]),
        ([0.9, 0.2, 0.9], "patience = 1\ndebounce_ms = 201", [0]),
        # The echo that does not count does not make the time begin again.
        ([0.9, 0, 0.9, 0, 0.9], "patience = 1\ndebounce_ms = 300", [0, 400_000]),
        ([0.5], "patience = 1", [0]),
        ([0.49], "patience = 1", []),
    ],
)
def test_patience_and_debounce(tmp_path: Path, scores: list[float], decode: str, starts: list[int]) -> None:
    assert [row.start_us for row in spot(tmp_path / "m", scores, decode)] == starts


def test_words_that_mean_nothing_are_left_out(tmp_path: Path) -> None:
    extra = '[audio]\nwindow_ms = 100\nhop_ms = 100\n[decode]\nonly = ["yes", "no"]\n'
    graph = planted.scorer((1, 1600), 4)
    package = planted.package(tmp_path / "m", graph, "keyword", ["_silence_", "_unknown_", "yes", "no"], extra)
    stream = KeywordStream(KeywordSpotter(package), 16000)
    stream.push(np.repeat(np.array([0.9, 0.7, 0, 0.8], np.float32), 400))
    assert [row.label for row in stream.finish()] == ["no"]


def test_another_family_is_refused(tmp_path: Path) -> None:
    package = planted.package(tmp_path / "m", planted.scorer((1, 1600), 1), "tagging", ["tap"])
    with pytest.raises(ModelRefused, match="not one that spots keywords"):
        KeywordSpotter(package)


def read_plainly(column: list[float], patience: int, debounce: float) -> list[tuple[int, float]]:
    numbered = groupby(enumerate(column), key=lambda row: row[1] >= 0.5)
    runs = [list(members) for hit, members in numbered if hit]
    found: list[tuple[int, float]] = []
    until = -np.inf
    for run in runs:
        if len(run) >= patience and run[0][0] - until >= debounce:
            best = max(run, key=lambda row: (row[1], -row[0]))
            found.append(best)
            until = run[-1][0]
    return found


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([0.0, 0.4, 0.5, 0.6, 0.9]), max_size=50),
    st.integers(1, 4),
    st.floats(0, 6),
)
def test_spotting_is_a_plain_reading_of_the_rule(column: list[float], patience: int, debounce: float) -> None:
    spotting = Spotting(np.array([0.5, 2.0]), patience, debounce)
    for score in column:
        spotting.push(np.array([score, score]))
    assert [(row.best, row.score) for row in spotting.finish()] == read_plainly(column, patience, debounce)

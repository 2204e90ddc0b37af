"""Tagging on planted networks, and the merging of windows against a plain reading of the rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.features import FeatureMaker
from prelabel.audio.segments import SoundEvent
from prelabel.audio.tagging import Merging, Tagger, TagStream
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from tests.prelabel.audio import planted

NAMES = ["tap", "kettle"]
WINDOWED = "[audio]\nwindow_ms = 100\nhop_ms = {hop}\n"


def tagger(
    folder: Path, extra: str = "", hop: int = 50, shape: tuple[int | str, ...] = (1, "n"), classes: int = 2
) -> ModelPackage:
    graph = planted.scorer(shape, classes)
    return planted.package(folder, graph, "tagging", NAMES, WINDOWED.format(hop=hop) + extra)


def listen(package: ModelPackage, samples: np.ndarray, rate: int = 16000, block: int = 700) -> list[SoundEvent]:
    stream = TagStream(Tagger(package), rate)
    for at in range(0, len(samples), block):
        stream.push(samples[at : at + block])
    return stream.finish()


def near(score: float) -> float:
    return pytest.approx(score, abs=1e-4)  # type: ignore[return-value]


def windows_of(rows: list[tuple[float, float]], window: int = 1600) -> np.ndarray:
    """A sound of windows end to end in which the planted network reads these scores."""
    return np.concatenate([np.repeat(np.array(row, np.float32), window // 2) for row in rows])


def test_windows_of_one_class_become_one_stretch(tmp_path: Path) -> None:
    package = tagger(tmp_path / "m", "[decode]\ngap_ms = 0\n", hop=100)
    sound = windows_of([(0, 0), (0.8, 0), (0.6, 0.5), (0.1, 0.7), (0.9, 0)])
    assert listen(package, sound) == [
        SoundEvent("tap", 100_000, 300_000, near(0.7)),
        SoundEvent("kettle", 200_000, 400_000, near(0.6)),
        SoundEvent("tap", 400_000, 500_000, near(0.9)),
    ]


def test_a_gap_is_crossed_and_counts_in_the_score(tmp_path: Path) -> None:
    sound = windows_of([(0.8, 0), (0.2, 0), (0.8, 0), (0, 0), (0, 0), (0.8, 0)])
    crossed = listen(tagger(tmp_path / "a", "[decode]\ngap_ms = 100\n", hop=100), sound)
    assert crossed == [
        SoundEvent("tap", 0, 300_000, near(0.6)), SoundEvent("tap", 500_000, 600_000, near(0.8)),
    ]  # fmt: skip
    apart = listen(tagger(tmp_path / "b", "[decode]\ngap_ms = 99\n", hop=100), sound)
    assert [(row.start_us, row.end_us) for row in apart] == [(0, 100_000), (200_000, 300_000), (500_000, 600_000)]


def test_short_ones_are_dropped_and_the_end_is_the_sounds(tmp_path: Path) -> None:
    sound = windows_of([(0.8, 0), (0, 0), (0, 0.9), (0, 0.9)])[: 1600 * 3 + 1200]
    kept = listen(tagger(tmp_path / "m", "[decode]\ngap_ms = 0\nmin_ms = 150\n", hop=100), sound)
    assert [(row.label, row.start_us, row.end_us) for row in kept] == [("kettle", 200_000, 375_000)]


def test_thresholds_of_single_names_and_names_that_are_wanted(tmp_path: Path) -> None:
    sound = windows_of([(0.4, 0.4)])
    assert [row.label for row in listen(tagger(tmp_path / "a", hop=100), sound)] == ["tap", "kettle"]
    strict = tagger(tmp_path / "b", "[thresholds]\nscore = 0.3\nscores = { tap = 0.5 }\n", hop=100)
    assert [row.label for row in listen(strict, sound)] == ["kettle"]
    only = tagger(tmp_path / "c", '[decode]\nonly = ["tap"]\n[thresholds]\nscore = 0.4\n', hop=100)
    assert [row.label for row in listen(only, sound)] == ["tap"]


def test_48_khz_and_any_blocks_give_the_same(tmp_path: Path) -> None:
    package = tagger(tmp_path / "m", "[decode]\ngap_ms = 0\n", hop=100)
    slow = listen(package, windows_of([(0, 0), (0.8, 0), (0, 0.9), (0, 0)]), block=16000)
    fast = listen(package, windows_of([(0, 0), (0.8, 0), (0, 0.9), (0, 0)], 4800), rate=48000, block=999)
    assert [(row.label, row.start_us, row.end_us) for row in fast] == [
        (row.label, row.start_us, row.end_us) for row in slow
    ]
    assert [row.score for row in fast] == pytest.approx([row.score for row in slow], abs=0.01)


@pytest.mark.parametrize(("word", "expected"), [("sigmoid", [0.5, 0.731]), ("softmax", [0.269, 0.731])])
def test_logits(tmp_path: Path, word: str, expected: list[float]) -> None:
    package = tagger(tmp_path / "m", f'[decode]\nactivation = "{word}"\n[thresholds]\nscore = 0\n', hop=100)
    heard = {row.label: row.score for row in listen(package, windows_of([(0.0, 1.0)]))}
    assert [heard["tap"], heard["kettle"]] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "extra"),
    [((1, 1600), ""), ((1, 1, 1600), ""), ((1600,), ""), ((1, 1600, 1), ""), (("b", "n"), "window_ms = 100\n")],
)
def test_the_files_own_size_is_the_window(tmp_path: Path, shape: tuple[int | str, ...], extra: str) -> None:
    extra = f"[audio]\nhop_ms = 100\n{extra}"
    package = planted.package(tmp_path / "m", planted.scorer(shape, 2), "tagging", NAMES, extra)
    assert Tagger(package).scorer.window == 1600
    assert [row.label for row in listen(package, windows_of([(0, 0.9)]))] == ["kettle"]


FEATURES = """
[audio]
scale = 2.0
hop_ms = 100
[audio.features]
bands = 8
window_ms = 25
hop_ms = 10
fft = 512
low_hz = 100
high_hz = 7000
std = 40
mean = -20
"""


@pytest.mark.parametrize("shape", [(1, 10, 8), (1, 1, 10, 8), (10, 8), (1, 10, 8, 1)])
def test_a_network_of_features_gets_them(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Its scores are the features' means: what the front end makes of the window, scaled, with the file's frames."""
    names = [f"band {number}" for number in range(8)]
    everything = FEATURES + "[thresholds]\nscore = 0\n"
    package = planted.package(tmp_path / "m", planted.feature_scorer(10, 8, shape), "tagging", names, everything)
    model = Tagger(package)
    assert model.scorer.window == 9 * 160 + 400
    window = np.random.default_rng(2).normal(0, 0.2, 1840).astype(np.float32)
    described = package.manifest.audio.features
    assert described is not None
    expected = FeatureMaker(described, 16000).make(window * 2).mean(axis=0)
    assert model.scorer.scores(window) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("extra", "shape", "classes", "said"),
    [
        ("", (1, "n"), 4, "scores of shape"),
        ("", (1, 1500), 2, r"takes \[1, 1500\]; what its \[audio\] describes is \[1, 1600\]"),
        ("", (1, 1, 1, "n"), 2, "4 dimensions; samples have 1 to 3"),
        ('[decode]\nonly = ["dog"]\n', (1, "n"), 2, "no class 'dog'"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, extra: str, shape: tuple[int | str, ...], classes: int, said: str
) -> None:
    with pytest.raises(ModelRefused, match=said):
        Tagger(tagger(tmp_path / "m", extra, shape=shape, classes=classes))


def test_sound_of_any_length_needs_a_window(tmp_path: Path) -> None:
    package = planted.package(tmp_path / "m", planted.scorer((1, "n"), 2), "tagging", NAMES, "")
    with pytest.raises(ModelRefused, match=r"any length.*window_ms"):
        Tagger(package)


def test_more_than_one_row_a_window_is_refused(tmp_path: Path) -> None:
    graph = planted.scorer((1, "n"), 2, rows=2)
    package = planted.package(tmp_path / "m", graph, "tagging", NAMES, WINDOWED.format(hop=50))
    with pytest.raises(ModelRefused, match=r"scores of shape \[2, 2\] for one window"):
        Tagger(package)


def test_logits_that_nobody_declared_are_refused(tmp_path: Path) -> None:
    stream = TagStream(Tagger(tagger(tmp_path / "m")), 16000)
    with pytest.raises(ModelRefused, match=r"not probabilities.*activation"):
        stream.push(np.full(1600, 3.0, np.float32))


def test_an_answer_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    stream = TagStream(Tagger(tagger(tmp_path / "m")), 16000)
    with pytest.raises(ModelRefused, match="not finite"):
        stream.push(np.full(1600, np.nan, np.float32))


def test_another_family_is_refused(tmp_path: Path) -> None:
    package = planted.package(tmp_path / "m", planted.scorer((1, 1600), 2), "keyword", NAMES)
    with pytest.raises(ModelRefused, match="not one that tags sound"):
        Tagger(package)


def read_plainly(scores: np.ndarray, threshold: float, reach: int) -> list[tuple[int, int, int, float]]:
    """Grow each class's list of hits, hit by hit."""
    found = []
    for index, column in enumerate(scores.T):
        hits = [number for number, score in enumerate(column) if score >= threshold]
        while hits:
            run = [hits.pop(0)]
            while hits and hits[0] - run[-1] <= reach:
                run.append(hits.pop(0))
            found.append((index, run[0], run[-1], float(np.mean(column[run[0] : run[-1] + 1]))))
    return sorted(found, key=lambda row: (row[1], row[2], row[0]))


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]), min_size=3, max_size=3), max_size=40),
    st.integers(1, 6),
)
def test_merging_is_a_plain_reading_of_the_rule(rows: list[list[float]], reach: int) -> None:
    scores = np.array(rows).reshape(-1, 3)
    merging = Merging(np.full(3, 0.5), reach)
    for row in scores:
        merging.push(row)
    expected = read_plainly(scores, 0.5, reach)
    got = merging.finish()
    assert [row[:3] for row in got] == [row[:3] for row in expected]
    assert [row[3] for row in got] == pytest.approx([row[3] for row in expected])

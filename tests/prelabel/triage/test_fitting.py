"""Fits: laws that hold for any pairs, known distortions found again, and what a fit says when it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations_with_replacement, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.quality.pairs import ScorePair
from prelabel.triage.calibration import Calibration
from prelabel.triage.curves import MIN_BLOCK, best_line, best_slope, isotonic, rising_blocks
from prelabel.triage.fitting import fit
from wire.labels import Source

MODEL = Source(kind="model", name="yolox-nano", version="1", sha256="a" * 64)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def pairs_of(scores: np.ndarray, truth: np.ndarray, label: str = "cup", seed: int = 1) -> list[ScorePair]:
    """Outcomes drawn with the probabilities `truth`."""
    right = np.random.default_rng(seed).random(len(scores)) < truth
    return [ScorePair(label, float(s), bool(r)) for s, r in zip(scores, right, strict=True)]


def fitted(pairs: list[ScorePair]) -> Calibration:
    return fit(MODEL, pairs, NOW).calibration


def spread(count: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.95, count)


pair_lists = st.builds(
    lambda seed, count, bend, names: [
        pair
        for index, name in enumerate(names)
        for pair in pairs_of(spread(count, seed + index), spread(count, seed + index) ** bend, name, seed + index)
    ],
    st.integers(0, 10**6),
    st.sampled_from([0, 1, 8, 60, 300]),
    st.sampled_from([0.2, 1.0, 3.0]),
    st.lists(st.sampled_from(["cup", "mug", "person"]), min_size=1, max_size=3, unique=True),
)


@settings(max_examples=60, deadline=None)
@given(pair_lists)
def test_laws(pairs: list[ScorePair]) -> None:
    made = fitted(pairs)
    grid = np.linspace(0, 1, 101).tolist()
    for name in [*made.classes, "never seen"]:
        values = [made.apply(name, score) for score in grid]
        assert all(0 <= value <= 1 for value in values)
        assert all(a <= b + 1e-12 for a, b in pairwise(values))
    before = ece([(pair.score, pair.correct) for pair in pairs])
    after = ece([(made.apply(pair.label, pair.score), pair.correct) for pair in pairs])
    assert after <= before + 0.011
    assert made.before.ece == pytest.approx(before, abs=1e-5)
    assert Calibration.read(made.to_json()) == made
    assert made.before.pairs == made.after.pairs == made.pairs == len(pairs)
    assert sum(row.pairs for row in made.classes.values()) == len(pairs)


def ece(rows: list[tuple[float, bool]]) -> float:
    """By its definition, bin by bin."""
    total = 0.0
    for number in range(10):
        mine = [(p, right) for p, right in rows if number == min(9, int(p * 10))]
        if mine:
            total += abs(sum(p for p, _ in mine) - sum(right for _, right in mine))
    return total / len(rows) if rows else 0.0


def test_a_known_temperature_is_found() -> None:
    """Scores whose logit is 2.5 times too large; 150 pairs of each of ten classes are too few for curves."""
    truth = spread(1500)
    logit = 2.5 * np.log(truth / (1 - truth))
    drawn = pairs_of(1 / (1 + np.exp(-logit)), truth)
    pairs = [pair._replace(label=f"class-{index % 10}") for index, pair in enumerate(drawn)]
    made = fitted(pairs)
    assert made.method == "temperature" and made.temperature == pytest.approx(2.5, rel=0.15)
    assert {row.method for row in made.classes.values()} == {"temperature"}
    assert "150 pairs" in made.classes["class-0"].why and "temperature is used" in made.classes["class-0"].why
    assert made.after.ece < made.before.ece / 2
    for probability in (0.1, 0.5, 0.8):
        z = 2.5 * np.log(probability / (1 - probability))
        assert made.apply("anything", float(1 / (1 + np.exp(-z)))) == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize("steps", [False, True], ids=["square", "steps"])
def test_a_known_curve_is_found(steps: bool) -> None:
    """Right with the square of the score, and by three steps, which no temperature and no intercept can say."""
    scores = spread(4000)
    truth = np.select([scores < 0.3, scores < 0.7], [0.1, 0.55], 0.9) if steps else scores**2
    made = fitted(pairs_of(scores, truth))
    assert not steps or made.method == made.classes["cup"].method == "isotonic"
    assert made.method != "identity"
    for score, wanted in ((0.2, 0.1), (0.5, 0.55), (0.8, 0.9)):
        assert made.apply("cup", score) == pytest.approx(wanted if steps else score**2, abs=0.07)
    assert made.after.ece < 0.04 < made.before.ece


def test_each_class_gets_what_its_pairs_allow() -> None:
    """Cups too sure of themselves and too high as well, which takes a curve; mugs are few."""
    many, few = spread(3000), spread(60, seed=9)

    def truth(scores: np.ndarray, shift: float) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(np.log(scores / (1 - scores)) / 4 - shift))))

    made = fitted(pairs_of(many, truth(many, 0.7)) + pairs_of(few, truth(few, 0), "mug"))
    assert made.classes["cup"].method == "isotonic" and made.classes["mug"].method in ("temperature", "platt")
    assert made.method == "isotonic" and made.temperature is not None and made.temperature > 2
    # A temperature holds the middle: how often cups are there says nothing about other things.
    assert made.apply("unknown", 0.5) == pytest.approx(0.5) == made.apply("mug", 0.5) or made.classes["mug"].intercept
    assert made.apply("mug", 0.5) == pytest.approx(0.5, abs=0.15)
    assert made.apply("cup", 0.5) == pytest.approx(truth(np.array([0.5]), 0.7)[0], abs=0.06)


def test_scores_that_are_all_too_high_get_an_intercept() -> None:
    """Scores of 0.6 to 0.99 of which one in four is right: no temperature can say that."""
    scores = np.random.default_rng(11).uniform(0.6, 0.99, 160)
    made = fitted(pairs_of(scores, np.full(160, 0.25)))
    assert made.classes["cup"].method == "platt"
    assert made.before.ece > 0.4 and made.after.ece < 0.12
    assert all(made.apply("cup", score) == pytest.approx(0.25, abs=0.12) for score in (0.6, 0.8, 0.99))
    # Many classes of few pairs each have an intercept together.
    many = [
        pair._replace(label=f"class-{index % 16}") for index, pair in enumerate(pairs_of(scores, np.full(160, 0.25)))
    ]
    made = fitted(many)
    assert {row.method for row in made.classes.values()} == {"temperature"} and made.intercept < -0.5
    assert all(made.apply("class-3", score) == pytest.approx(0.25, abs=0.12) for score in (0.6, 0.8, 0.99))


def test_a_line_is_found_again() -> None:
    truth = spread(4000)
    z = np.log(truth / (1 - truth))
    line = best_line(1 / (1 + np.exp(-(z * 2 + 1))), (np.random.default_rng(3).random(4000) < truth).astype(float))
    assert (line.slope, line.intercept) == (pytest.approx(0.5, abs=0.05), pytest.approx(-0.5, abs=0.1))
    falling = best_line(np.array([0.2] * 30 + [0.9] * 30), np.array([1.0] * 30 + [0.0] * 30))
    assert falling.slope == 0.05  # never falls as scores rise


def test_one_lucky_pair_at_the_top_proves_no_certainty() -> None:
    scores = np.random.default_rng(2).uniform(0.4, 0.99, 600)
    pairs = [*pairs_of(scores, 0.35 * scores), ScorePair("cup", 1.0, True)]
    assert fitted(pairs).apply("cup", 1.0) < 0.7


def test_pairs_of_one_capture_are_never_parted() -> None:
    """Eight labels a picture, right or wrong together whatever the score: a curve learns pictures by heart where its
    own neighbours are among the unseen pairs."""
    rng = np.random.default_rng(5)
    pairs = []
    for number in range(60):
        right, base = bool(rng.random() < 0.5), float(rng.uniform(0.1, 0.9))
        pairs += [ScorePair("cup", base + 0.001 * row, right, f"cap-{number}") for row in range(8)]
    together, apart = fitted(pairs), fitted([pair._replace(capture=None) for pair in pairs])
    assert together.classes["cup"].method != "isotonic"
    assert apart.classes["cup"].method == "isotonic"
    one = fitted([pair._replace(capture="cap-1") for pair in pairs])
    assert one.method == "identity"  # one picture says nothing about another


@pytest.mark.parametrize(
    ("count", "right", "words"),
    [
        (0, 0, None),
        (49, 25, "all 49 pairs of the model are too few for a temperature, which needs 50"),
        (120, 115, "120 pairs (115 right, 5 wrong) are too few"),
    ],
)
def test_too_few_pairs_change_nothing(count: int, right: int, words: str | None) -> None:
    pairs = [ScorePair("cup", 0.3, number < right) for number in range(count)]
    made = fitted(pairs)
    assert made.method == "identity" and made.temperature is None
    assert [made.apply("cup", score) for score in (0.0, 0.37, 1.0)] == [0.0, 0.37, 1.0]
    assert words is None or words in made.classes["cup"].why


def test_good_scores_stay_good() -> None:
    scores = spread(3000)
    made = fitted(pairs_of(scores, scores))
    assert made.after.ece <= 0.04
    assert all(abs(made.apply("cup", score) - score) < 0.08 for score in (0.1, 0.3, 0.5, 0.7, 0.9))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=7))
def test_no_other_rising_curve_is_nearer(rows: list[tuple[int, bool]]) -> None:
    """Against every rising choice of block means (the least squares solution takes only such values)."""
    scores = np.array([step / 10 for step, _ in rows])
    right = np.array([float(good) for _, good in rows])
    steps = np.unique(scores)
    ordered = right[np.argsort(scores, kind="stable")]
    ends = range(1, len(rows) + 1)
    values = sorted({float(ordered[a:b].mean()) for b in ends for a in range(b)})

    def loss(curve: dict[float, float]) -> float:
        return sum((curve[s] - r) ** 2 for s, r in zip(scores.tolist(), right.tolist(), strict=True))

    best = min(
        loss(dict(zip(steps.tolist(), c, strict=True))) for c in combinations_with_replacement(values, len(steps))
    )
    points, blocks = rising_blocks(scores, right)
    starts = [0, *(block.last + 1 for block in blocks)]
    levels = [
        block.total / block.pairs
        for block, first in zip(blocks, starts, strict=False)
        for _ in range(block.last + 1 - first)
    ]
    assert levels == sorted(levels)
    assert loss(dict(zip(points.tolist(), levels, strict=True))) == pytest.approx(best, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(21, 300))
def test_every_level_rests_on_pairs_enough(seed: int, count: int) -> None:
    """No level is nearer to 0 or 1 than the pairs of its own block allow, and the curve rises."""
    rng = np.random.default_rng(seed)
    scores = np.round(rng.beta(4, 1, count), 2)
    right = (rng.random(count) < scores**3).astype(float)
    knots = isotonic(scores, right)
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(knots))
    for level in {y for _, y in knots}:
        xs = [x for x, y in knots if y == level]
        block = right[(scores >= min(xs)) & (scores <= max(xs))]
        least = 1 / (block.size + 2)
        assert block.size >= MIN_BLOCK
        assert level == pytest.approx(min(max(block.mean(), least), 1 - least), abs=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_no_other_temperature_loses_less(seed: int) -> None:
    scores = spread(80, seed)
    right = np.array([pair.correct for pair in pairs_of(scores, scores**1.5, seed=seed)], dtype=float)
    logits = np.log(scores / (1 - scores))

    def loss(slope: float) -> float:
        return float((np.logaddexp(0, slope * logits) - right * slope * logits).sum())

    found = best_slope(scores, right)
    assert 0.05 <= found <= 20
    assert all(loss(found) <= loss(slope) + 1e-6 for slope in np.geomspace(0.05, 20, 300))


def test_a_capture_is_never_read_by_a_fit_that_saw_it() -> None:
    """Also where the pairs to be read are of other settings: a picture they share would give its outcomes away."""
    pairs = [ScorePair("cup", 0.5, number % 2 == 0, f"cap-{number // 8}") for number in range(800)]
    made = fit(MODEL, pairs, NOW)
    assert made.unseen_loss(pairs) == pytest.approx(np.log(2), abs=0.01)
    rng = np.random.default_rng(5)
    drawn = [(f"cap-{number}", bool(rng.random() < 0.5), float(rng.uniform(0.1, 0.9))) for number in range(60)]
    twins = [ScorePair("cup", base + 0.001 * row, good, name) for name, good, base in drawn for row in range(8)]
    seen, unseen = fit(MODEL, twins, NOW), fit(MODEL, [pair._replace(capture=None) for pair in twins], NOW)
    assert seen.unseen_loss(twins) > np.log(2) - 0.1 > unseen.unseen_loss([p._replace(capture=None) for p in twins])


def test_a_word_that_was_not_fitted_is_read_as_the_model_is() -> None:
    truth = spread(1500)
    logit = 2.5 * np.log(truth / (1 - truth))
    drawn = pairs_of(1 / (1 + np.exp(-logit)), truth)
    made = fit(MODEL, [pair._replace(label=f"class-{index % 10}") for index, pair in enumerate(drawn)], NOW)
    (pair,) = [ScorePair("never seen", 0.9, True, "elsewhere")]
    assert made.unseen_loss([pair]) == pytest.approx(-np.log(made.calibration.apply("never seen", 0.9)), rel=0.1)

"""Fits of configurations: scores that mean something else get a reading of their own, few pairs borrow and say so."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from prelabel.quality.pairs import ScorePair
from prelabel.triage.calibration import Calibration
from prelabel.triage.configuration_fits import fit_configuration
from prelabel.triage.fitting import fit
from tests.prelabel.quality.made import MODEL
from wire.canonical import document_hash

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LARGE, SMALL = {"input": {"size": [416, 416]}}, {"input": {"size": [224, 224]}}


def pairs_of(count: int, power: float, seed: int) -> list[ScorePair]:
    """Right with the score to this power, two to a capture."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.05, 0.95, count)
    right = rng.random(count) < scores**power
    return [
        ScorePair("cup", float(score), bool(good), f"cap-{seed}-{row // 2}")
        for row, (score, good) in enumerate(zip(scores, right, strict=True))
    ]


def loss(calibration: Calibration, pairs: list[ScorePair]) -> float:
    chances = [calibration.apply(pair.label, pair.score) for pair in pairs]
    return float(-np.mean([np.log(p if pair.correct else 1 - p) for p, pair in zip(chances, pairs, strict=True)]))


def test_scores_of_other_meaning_are_read_otherwise() -> None:
    large, small = pairs_of(600, 0.5, seed=1), pairs_of(600, 4, seed=2)
    whole = fit(MODEL, [*large, *small], NOW)
    mine, its = fit_configuration(whole, LARGE, large), fit_configuration(whole, SMALL, small)
    assert mine.fitted_on == its.fitted_on == "configuration" and (mine.pairs, its.pairs) == (600, 600)
    assert mine.configuration == document_hash(LARGE) != its.configuration and its.settings == SMALL
    assert mine.apply("cup", 0.5) == pytest.approx(0.5**0.5, abs=0.08)
    assert its.apply("cup", 0.5) == pytest.approx(0.5**4, abs=0.08)
    assert whole.calibration.apply("cup", 0.5) == pytest.approx((0.5**0.5 + 0.5**4) / 2, abs=0.08)
    assert "foretell others better than all of the file" in mine.why
    fresh = pairs_of(600, 4, seed=3)
    assert loss(its, fresh) < loss(whole.calibration, fresh) - 0.1
    assert Calibration.read(its.model_dump_json(by_alias=True)) == its and its.schema_number == 2


def test_few_pairs_borrow_from_the_file_and_say_so() -> None:
    large, small = pairs_of(600, 2, seed=1), pairs_of(30, 2, seed=2)
    whole = fit(MODEL, [*large, *small], NOW)
    made = fit_configuration(whole, SMALL, small)
    right = sum(pair.correct for pair in small)
    assert (made.fitted_on, made.pairs, made.configuration) == ("file", 630, document_hash(SMALL))
    assert made.why == (
        f"30 pairs ({right} right, {30 - right} wrong) under these settings are too few for a fit of their own, which"
        " needs 50 with 10 of each on two captures; all 630 pairs of the file are used."
    )
    grid = np.linspace(0, 1, 21).tolist()
    assert [made.apply("cup", score) for score in grid] == [whole.calibration.apply("cup", score) for score in grid]


def test_one_that_differs_in_nothing_that_matters_keeps_the_strength_of_all() -> None:
    """Another release of the runtime: 80 pairs of their own would be a step back from 2,000."""
    borrowed = 0
    for seed in range(2, 12):
        old, new = pairs_of(2000, 2, seed=1), pairs_of(80, 2, seed=seed)
        made = fit_configuration(fit(MODEL, [*old, *new], NOW), {"runtime": "newer"}, new)
        borrowed += made.fitted_on == "file"
        assert made.fitted_on == "configuration" or "do not foretell others better than all 2080" in made.why
    assert borrowed >= 7


def test_the_only_configuration_of_a_file_borrows_nothing() -> None:
    few = pairs_of(20, 2, seed=1)
    made = fit_configuration(fit(MODEL, few, NOW), LARGE, list(few))
    assert (made.fitted_on, made.method) == ("configuration", "identity")
    assert made.why == "The 20 pairs under these settings are those of the whole file."

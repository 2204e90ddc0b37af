"""What a score is worth: calibration of a model's scores from pre-labels that people have reviewed.

How it is fitted is in fitting.py. Expected calibration error: Naeini et al., AAAI 2015.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from prelabel.quality.texts import ExpectedErrors
from prelabel.triage.curves import LogitLine, between
from prelabel.triage.score_keys import ScoreKey
from wire.base import Count, Document, JsonObject, Sha256, Utc, WireModel
from wire.labels import Score, Source

Array = NDArray[Any]
Method = Literal["isotonic", "platt", "temperature", "identity"]

BINS = 10
DECIMALS = 6


class Bin(WireModel):
    """Pairs whose score is in [low, high), the last bin with its end: mean score and share that was right."""

    low: float
    high: float
    pairs: Count
    score: Score
    correct: Score


class Reliability(WireModel):
    """Expected calibration error: mean over pairs of |mean score - share right| of their bin; empty bins left out."""

    ece: Score
    pairs: Count
    bins: list[Bin]


class ClassTable(WireModel):
    """How the scores of one class are read.

    `isotonic` has `knots` (score, share right), rising in both; `platt` its own `temperature`, `intercept` and `ends`;
    `temperature` is read with the model's, `identity` stays as it is.
    """

    method: Method
    pairs: Count
    correct: Count
    why: str
    knots: list[tuple[Score, Score]] = []
    temperature: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    intercept: float = Field(default=0.0, allow_inf_nan=False)
    ends: tuple[Score, Score] = (0.0, 1.0)

    @model_validator(mode="after")
    def _knots_rise(self) -> Self:
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError("an isotonic table has knots, no other has")
        if (self.method == "platt") != (self.temperature is not None):
            raise ValueError("a table of its own slope has a temperature, no other has")
        if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(self.knots)):
            raise ValueError("knots do not rise")
        return self


class Calibration(Document):
    """What the scores of one model file are worth, known by the sha256 in `model`; labels of another must not use it.

    `configuration` None: of the file, fitted to the pairs of all its configurations. Else of one configuration, which
    is the hash of `settings` (score_keys.py). `fitted_on` is whose pairs these are, and `why` says why those: where a
    configuration has too few of its own, this is the file's fit.

    `before` and `after` are measured on the same pairs; `after` on pairs of captures the fit did not see (five folds).
    `temperature` divides the logit of the scores of every class without a table of its own, then `intercept` is added;
    None leaves them. Beyond `ends` there were too few pairs: scores there are read as the end. `word_errors` has, by
    `texts.main_language`, what a model that writes got wrong, where there is evidence enough; `package_errors` the same
    for each package of the file. Both are in the calibration of the file alone.

    What is new in schema 2 has its default in schema 1: those are of files.
    """

    SCHEMA: ClassVar[int] = 2

    schema_number: int = Field(default=SCHEMA, alias="schema", strict=True, ge=1)
    model: Source
    configuration: Sha256 | None = None
    settings: JsonObject = Field(default_factory=dict)
    fitted_on: Literal["configuration", "file"] = "file"
    why: str = ""
    fitted_at: Utc
    pairs: Count
    method: Method
    temperature: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    intercept: float = Field(default=0.0, allow_inf_nan=False)
    ends: tuple[Score, Score] = (0.0, 1.0)
    classes: dict[str, ClassTable]
    before: Reliability
    after: Reliability
    word_errors: dict[str, ExpectedErrors] = {}
    package_errors: dict[Sha256, dict[str, ExpectedErrors]] = {}

    @model_validator(mode="after")
    def _of_a_model(self) -> Self:
        if self.model.kind != "model":
            raise ValueError("a calibration is of a model")
        if self.configuration is None and self.fitted_on == "configuration":
            raise ValueError("a fit on a configuration names it")
        return self

    @property
    def key(self) -> ScoreKey:
        return ScoreKey(str(self.model.sha256), self.configuration)

    def errors_in(self, language: str, package: str | None) -> ExpectedErrors | None:
        """What a package got wrong in a language (`texts.main_language`), else what the packages of the file did.

        By package, because that is what is known of a run before it begins.
        """
        return self.package_errors.get(package or "", {}).get(language) or self.word_errors.get(language)

    def apply(self, label: str, score: float) -> float:
        """The probability, 0..1, that a pre-label with this word and score is right; never falls as scores rise."""
        table = self.classes.get(label)
        if table is not None and table.method == "isotonic":
            return between(table.knots, score)
        own = self if table is None or table.temperature is None else table
        if own.temperature is None:
            return float(score)
        return float(LogitLine(1 / own.temperature, own.intercept, *own.ends).read(np.array([score]))[0])


def reliability(scores: Array, correct: Array, bins: int = BINS) -> Reliability:
    """The calibration error of scores 0..1 against 0/1 outcomes, in bins of equal width."""
    if scores.size == 0:
        return Reliability(ece=0.0, pairs=0, bins=[])
    index = np.minimum((scores * bins).astype(np.intp), bins - 1)
    count = np.bincount(index, minlength=bins)
    score = np.bincount(index, weights=scores, minlength=bins) / np.maximum(count, 1)
    share = np.bincount(index, weights=correct, minlength=bins) / np.maximum(count, 1)
    ece = float((count * np.abs(score - share)).sum() / scores.size)
    rows = [
        Bin(
            low=round(number / bins, DECIMALS),
            high=round((number + 1) / bins, DECIMALS),
            pairs=int(count[number]),
            score=round(min(1.0, float(score[number])), DECIMALS),
            correct=round(float(share[number]), DECIMALS),
        )
        for number in np.flatnonzero(count).tolist()
    ]
    return Reliability(ece=round(min(1.0, ece), DECIMALS), pairs=int(scores.size), bins=rows)

"""What a calibration is made of: reliability by hand, and tables that no fit makes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from prelabel.triage.calibration import Calibration, ClassTable, reliability
from prelabel.triage.fitting import fit
from wire.errors import BadDocument
from wire.labels import Source

MODEL = Source(kind="model", name="yolox-nano", version="1", sha256="a" * 64)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_reliability_by_hand() -> None:
    made = reliability(np.array([0.05, 0.55, 0.59, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert [(row.low, row.high, row.pairs, row.correct) for row in made.bins] == [
        (0.0, 0.1, 1, 0.0), (0.5, 0.6, 2, 0.5), (0.9, 1.0, 1, 1.0),
    ]  # fmt: skip
    assert made.ece == pytest.approx((0.05 + 2 * 0.07 + 0) / 4)


def test_a_damaged_table_is_refused() -> None:
    with pytest.raises(ValidationError, match="do not rise"):
        ClassTable(method="isotonic", pairs=9, correct=4, why="x", knots=[(0.1, 0.5), (0.2, 0.4)])
    with pytest.raises(ValidationError, match="has knots"):
        ClassTable(method="identity", pairs=9, correct=4, why="x", knots=[(0.1, 0.5)])
    wrong = fit(MODEL, [], NOW).calibration.to_json() | {"model": {"kind": "person", "name": "ann"}}
    with pytest.raises(BadDocument, match="calibration is of a model"):
        Calibration.read(wrong)

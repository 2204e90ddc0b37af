"""What a check on the bench is: declared, carried out, recorded. FAIL: the thing is bad. ERROR: it was not measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from wire.base import format_utc
from wire.errors import GleanerError

Outcome = Literal["PASS", "FAIL", "ERROR"]
ReportProgress = Callable[[float, str], None]
"""Progress of a check: the part that is done, 0..1, and what is being done."""


@dataclass(frozen=True)
class Limit:
    """The values that pass: `least` to `most`, both included; None: no bound on that side."""

    least: float | None = None
    most: float | None = None

    def allows(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        if self.least is not None:
            return f"at least {self.least:g}"
        return "any" if self.most is None else f"at most {self.most:g}"


@dataclass(frozen=True)
class Measurement:
    """One value with its limit. `value` and `limit` are None when it could not be measured."""

    name: str
    value: float | None
    unit: str
    limit: Limit | None
    outcome: Outcome
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        limit = None if self.limit is None else {"least": self.limit.least, "most": self.limit.most}
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "limit": limit,
            "outcome": self.outcome,
            "detail": self.detail,
        }


def measured(name: str, value: float, unit: str, limit: Limit, detail: str | None = None) -> Measurement:
    """A value held against its limit. A value that is not a number was not measured."""
    if not math.isfinite(value):
        return Measurement(name, None, unit, limit, "ERROR", detail or "The measurement gave no number.")
    return Measurement(name, value, unit, limit, "PASS" if limit.allows(value) else "FAIL", detail)


@dataclass(frozen=True)
class CheckOutcome:
    """What a check came to: its measurements, and facts about the thing that was measured.

    `title` replaces the declared one when the check found out what the thing really is.
    """

    measurements: tuple[Measurement, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    title: str | None = None


@dataclass(frozen=True)
class Check:
    """A check as declared. `measures` names every measurement with its unit, also for when none can be made.

    `measure` makes them; it raises GleanerError when it cannot.
    """

    name: str
    title: str
    measures: tuple[tuple[str, str], ...]
    measure: Callable[[ReportProgress], CheckOutcome]


@dataclass(frozen=True)
class CheckRecord:
    """A check that was run. `error` is the problem that prevented measuring."""

    name: str
    title: str
    started_at: datetime
    seconds: float
    measurements: tuple[Measurement, ...]
    facts: dict[str, Any]
    error: dict[str, Any] | None = None

    @property
    def outcome(self) -> Outcome:
        return worst(row.outcome for row in self.measurements)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "outcome": self.outcome,
            "started_at": format_utc(self.started_at),
            "seconds": round(self.seconds, 3),
            "measurements": [row.to_json() for row in self.measurements],
            "facts": self.facts,
            "error": self.error,
        }


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL before ERROR before PASS: something bad stays bad, whatever else could not be measured."""
    seen = set(outcomes)
    if "FAIL" in seen:
        return "FAIL"
    return "PASS" if seen == {"PASS"} else "ERROR"


def carry_out(check: Check, report: ReportProgress) -> CheckRecord:
    """Run a check. A problem that prevents measuring becomes an ERROR of all of its measurements."""
    started_at, began = datetime.now(UTC), time.monotonic()
    error = None
    try:
        findings = check.measure(report)
    except GleanerError as problem:
        error = problem.problem()
        rows = tuple(Measurement(name, None, unit, None, "ERROR", str(problem)) for name, unit in check.measures)
        findings = CheckOutcome(rows)
    seconds = time.monotonic() - began
    return CheckRecord(
        check.name, findings.title or check.title, started_at, seconds, findings.measurements, findings.facts, error
    )

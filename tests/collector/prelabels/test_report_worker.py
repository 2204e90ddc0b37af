"""A report that two processes add up is the report of one."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import pytest

from collector.prelabels import report_worker
from collector.prelabels.report_worker import LaterHalf, report_of
from collector.prelabels.reviewed_rows import Asked
from collector.studies.scope import Scope
from prelabel.labelling.worker import Worker, WorkFailed
from prelabel.quality.shapes import PrelabelReport
from prelabel.quality.sums import QualitySums
from tests.collector.review.filled import Filled, box, interval, location_of


@pytest.fixture
def worked(filled: Filled) -> Filled:
    ann = filled.person("ann")
    for number in range(12):
        medium, kind, said = [
            ("image", "boxes", [box("b1", "cup", 0.9), box("b2", "plate", 0.4, x=60.0)]),
            ("audio", "speech", [interval(text="put it down")]),
        ][number % 3 == 0]
        takes = {medium: b"%d" % number}
        ids = filled.take(f"step-{number % 2}", "show", takes, [kind], prelabels={medium: [said]})
        filled.make(ids["take"])
        after = [{**said[0], "text": "put that down"}] if kind == "speech" else said[: number % 2 + 1]
        filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids[medium]: after})
    return filled


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[QualitySums | None]:
    """Two processes from four revisions on; what the second one found, report by report."""
    results: list[QualitySums | None] = []
    ask = LaterHalf.sums

    def sums(self: LaterHalf) -> QualitySums | None:
        results.append(ask(self))
        return results[-1]

    monkeypatch.setattr(report_worker, "MIN_SPLIT", 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})
    monkeypatch.setattr(LaterHalf, "sums", sums)
    return results


def report(filled: Filled, asked: Asked) -> dict[str, Any]:
    made: PrelabelReport = report_of(location_of(filled), asked)
    return {**made.to_json(), "made_at": None}


ASKED = [
    Asked(),
    Asked(model="silero-vad"),
    Asked(study="kitchen", since=datetime.fromisoformat("2026-01-01T00:00:00+01:00"), scope=Scope(("kitchen",))),
]


def test_two_processes_report_what_one_does(
    worked: Filled, found: list[QualitySums | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report(worked, Asked())
    assert found == [None] and first["items"] == 12  # nothing was measured before: one process does it
    with_two = [report(worked, asked) for asked in ASKED]
    later = [sums.items for sums in found[1:] if sums is not None]
    assert with_two[0] == first and later == [5, *later[1:]] and len(later) == 3
    monkeypatch.setattr(report_worker, "MIN_SPLIT", 100)
    assert [report(worked, asked) for asked in ASKED] == with_two


def test_where_the_second_process_fails_one_does_everything(
    worked: Filled, found: list[QualitySums | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report(worked, Asked())

    def fail(self: Worker, work: str, inputs: dict[str, Any], limit_seconds: float) -> dict[str, Any]:
        raise WorkFailed("The worker process ended (-9) while it did this.", work_code=None)

    monkeypatch.setattr(Worker, "run", fail)
    assert report(worked, Asked()) == first and found == [None, None]


def test_with_one_processor_one_process_does_everything(
    worked: Filled, found: list[QualitySums | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report(worked, Asked())
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0})
    monkeypatch.setattr(Worker, "run", None)
    assert report(worked, Asked()) == first

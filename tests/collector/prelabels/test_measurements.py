"""Reviewed items are measured once, and again only where something has changed; the figures are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.prelabels.measurements import Measurements
from collector.prelabels.reviewed_rows import Asked, Circumstances, ReviewedRows
from collector.store.derived_rows import FILE
from prelabel.quality.measurement import RULES, measured
from prelabel.quality.report import added_up, prelabel_report
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.shapes import PrelabelReport
from tests.collector.review.filled import MODEL, VAD, Filled, box, interval, track
from wire.canonical import document_hash

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Watched(ReviewedRows):
    """Tells which revisions had their labels read."""

    def __init__(self, filled: Filled) -> None:
        super().__init__(filled.db, filled.blobs)
        self.read: list[str] = []

    def reviewed(self, rows: Sequence[Circumstances]) -> Iterator[tuple[Circumstances, list[Reviewed]]]:
        self.read += [row.revision for row in rows]
        return super().reviewed(rows)


def saved_report(filled: Filled, asked: Asked | None = None) -> tuple[PrelabelReport, list[str]]:
    """The report from saved facts, and the revisions that were measured for it."""
    rows = Watched(filled)
    with closing(Measurements(rows, filled.folder)) as measurements:
        revisions = measurements.selected(asked or Asked())
        found = prelabel_report(
            lambda words: added_up(measurements.read(revisions, asked or Asked(), words), words),
            NOW,
            words=measurements.vocabulary(),
        )
    return found, rows.read


def report_anew(filled: Filled, asked: Asked | None = None) -> PrelabelReport:
    rows = ReviewedRows(filled.db, filled.blobs)
    return prelabel_report(lambda words: added_up(measured(rows.items(asked or Asked()), words), words), NOW)


def reviewed(filled: Filled, medium: str, kind: str, said: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    """One capture with what a model said and what a person made of it; returns its task."""
    number = len(filled.takes)
    ids = filled.take(f"step-{number % 2}", "show", {medium: b"%d" % number}, [kind], prelabels={medium: [said]})
    filled.make(ids["take"])
    task: str = filled.tasks(take_id=ids["take"])[0].id
    filled.submit(people(filled), task, {ids[medium]: after})
    return task


def people(filled: Filled) -> str:
    known = filled.rows("SELECT id FROM person")
    return known[0].id if known else filled.person("ann")


@pytest.fixture
def worked(filled: Filled) -> Filled:
    cup = box("b1", "cup", 0.9)
    reviewed(filled, "image", "boxes", [cup, box("b2", "plate", 0.4, x=60.0)], [{**cup, "x": 12.0}])
    reviewed(filled, "image", "boxes", [], [box("n1", "plate", None)])
    reviewed(filled, "video", "tracks", [track()], [track(frames=(1, 6))])
    heard = [interval(text="put it down"), interval("s2", 210_000, 300_000)]
    reviewed(filled, "audio", "speech", heard, [interval(text="put that down"), interval("n1", 320_000, 390_000)])
    # On this one it said nothing: whether it knows the word is seen from the others.
    reviewed(filled, "audio", "speech", [], [interval("n1", 10_000, 90_000, text="hello")])
    return filled


def test_what_is_saved_gives_the_same_report_and_is_not_measured_again(worked: Filled) -> None:
    first, read = saved_report(worked)
    assert len(read) >= 5 and first == report_anew(worked)
    again, read = saved_report(worked)
    assert (again, read) == (first, [])
    for asked in (Asked(study="kitchen"), Asked(study="garden"), Asked(model="silero-vad"), Asked(random=True)):
        found, read = saved_report(worked, asked)
        assert found == report_anew(worked, asked) and read == []


def test_only_what_has_changed_is_measured_again(worked: Filled) -> None:
    saved_report(worked)
    task = reviewed(worked, "image", "boxes", [box()], [])
    new = worked.tasks(id=task)[0].revision_id
    found, read = saved_report(worked)
    assert read == [new] and found == report_anew(worked)
    # Submitted again: another revision counts, and nothing is left of the one before.
    capture = worked.rows("SELECT capture_id FROM task_capture WHERE task_id = :id", id=task)[0].capture_id
    worked.submit(people(worked), task, {capture: [box()]})
    found, read = saved_report(worked)
    assert read == [worked.tasks(id=task)[0].revision_id] != [new] and found == report_anew(worked)
    # A model ran over a capture, its old document is hidden: that one alone.
    worked.execute("UPDATE labels_document SET shown = FALSE WHERE capture_id = :id", id=capture)
    found, read = saved_report(worked)
    assert len(read) == 1 and found == report_anew(worked) and found.unseen_items == 1


def test_a_word_that_a_model_turns_out_to_know(filled: Filled) -> None:
    """Its package names no words: while it has said nothing anywhere, speech that it did not find is not missed."""
    reviewed(filled, "audio", "speech", [], [interval("n1", 250_000, 390_000)])
    first, _ = saved_report(filled)
    (row,) = [row for row in first.rows if row.cut == "model"]
    assert row.intervals is not None and row.intervals.missed_seconds == 0
    reviewed(filled, "audio", "speech", [interval()], [interval()])
    for old, new in zip(VAD.values(), MODEL.values(), strict=True):
        filled.execute("UPDATE labels_document SET body = replace(body, :old, :new)", old=f'"{old}"', new=f'"{new}"')
    second, _ = saved_report(filled)
    assert second == report_anew(filled)
    (row,) = [row for row in second.rows if row.cut == "model"]
    assert row.intervals is not None and row.intervals.missed_seconds == pytest.approx(0.14)
    # Both answers are saved: who asks for the first one again finds it.
    since = filled.rows("SELECT max(submitted_at) AS at FROM revision")[0].at
    filled.execute("UPDATE revision SET submitted_at = '2027-01-01' WHERE submitted_at = :at", at=since)
    filled.execute("UPDATE task SET round = 2 WHERE id = (SELECT task_id FROM revision WHERE submitted_at > '2027')")
    found, read = saved_report(filled, Asked(study="kitchen"))
    assert found.rows == first.rows and read == []


def test_a_damaged_file_costs_time_alone(worked: Filled) -> None:
    first, _ = saved_report(worked)
    path: Path = worked.folder / FILE
    path.write_bytes(b"\xff" * path.stat().st_size)
    found, read = saved_report(worked)
    assert found == first and read


def test_whoever_changes_a_measurement_raises_the_number_of_the_rules(worked: Filled) -> None:
    """Saved facts outlive an upgrade: another figure under the same number would be mixed with old ones."""
    rows = ReviewedRows(worked.db, worked.blobs)
    facts = [one.facts for one in measured(rows.items(Asked()), {})]
    assert (RULES, document_hash(facts)[:16]) == (1, "eb77ce9dedbdebf4")

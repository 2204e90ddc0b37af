"""A run from where it is to its end, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from collector.bulk.dispatch import Dispatcher
from collector.bulk.work_rows import WorkLost
from collector.prelabels import run_captures, run_work
from collector.prelabels.label_capture import WORK
from collector.prelabels.run_captures import RunCaptures
from collector.prelabels.run_progress import claimed_run
from collector.prelabels.run_work import MAX_FAILED_IN_A_ROW, RunWork
from collector.prelabels.runs import (
    ROWS,
    PrelabelRun,
    RunAsked,
    cancel_run,
    find_run,
    list_failures,
    pause_run,
    resume_run,
    start_run,
)
from collector.store.open_blobs import BlobsLocation
from prelabel.labelling.one_file import describe
from tests.collector.bulk.engines import HereEngine
from tests.collector.prelabels.stills import add_stills, answers
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from tests.support.other_model import package
from tests.support.trials import rounds
from wire.base import format_utc

pytestmark = on_both


class Killed(Exception):
    """As by a kill -9: nothing more of the run is done, and nobody says so."""


class Runs:
    """A folder with stills and a model, and runs of it done in this process."""

    def __init__(self, filled: Filled, model: Path, stills: int) -> None:
        self.filled, self.model = filled, str(model)
        self.captures = add_stills(filled, stills)
        self.source = describe(self.model).source

    def start(self, **asked: Any) -> str:
        run = RunAsked(model=self.model, **asked)
        return self.filled.db.write_sync(lambda conn: start_run(conn, run, self.source, ("image",)))

    def do(self, engine: HereEngine | None = None) -> None:
        """Claim the next run and do it."""
        row = self.filled.db.write_sync(lambda conn: ROWS.claim(conn, "me"))
        assert row is not None
        claimed = claimed_run(row, "me")
        common = {
            "model": claimed.model,
            "sha256": claimed.source.sha256,
            "package": claimed.source.package,
            "blobs": BlobsLocation(self.filled.folder / "blobs").to_json(),
        }
        captures = RunCaptures(claimed.id, claimed.asked.of(("image",)), claimed.asked.step)
        RunWork(self.filled.db, claimed, captures, Dispatcher(engine or HereEngine(), WORK, common)).do()

    def find(self, run: str) -> PrelabelRun:
        return self.filled.db.read_sync(lambda conn: find_run(conn, run))

    def change(self, verb: Callable[..., PrelabelRun], run: str) -> PrelabelRun:
        return self.filled.db.write_sync(lambda conn: verb(conn, run))

    def counts(self, run: str) -> tuple[str, int, int, int, int, int]:
        found = self.find(run)
        return found.state, found.captures, found.done, found.waiting, found.failed, found.withheld


@pytest.fixture
def runs(filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr(run_captures, "PAGE", 10)
    monkeypatch.setattr(run_work, "BATCH_STILLS", 3)
    monkeypatch.setattr(run_work, "BATCH_APPLIED", 2)
    monkeypatch.setattr(run_work, "SAVE_SECONDS", 0.0)
    return Runs(filled, package(tmp_path / "planted", by_brightness=True), 25)


def after(batches: int, what: Callable[[], object]) -> Callable[[], None]:
    """Does something before the batch with that number, and nothing before the others."""
    count: Iterator[int] = iter(range(10**9))

    def before() -> None:
        if next(count) == batches:
            what()

    return before


def test_every_capture_is_labelled_once(runs: Runs) -> None:
    run = runs.start()
    assert runs.find(run).state == "queued"
    runs.do()
    assert runs.counts(run) == ("done", 25, 25, 0, 0, 0)
    assert list(answers(runs.filled)) == runs.captures and runs.find(run).ended_at is not None
    first = answers(runs.filled)
    assert len({sha256 for _, sha256, _ in first.values()}) == 25
    scores = {
        json.loads(row.body)["labels"][0]["score"] for row in runs.filled.rows("SELECT body FROM labels_document")
    }
    assert len(scores) == 4, "of pictures of four kinds"
    events = len(runs.filled.rows("SELECT id FROM prelabel_event"))
    again = runs.start()
    runs.do()
    assert runs.counts(again) == ("done", 25, 25, 0, 0, 0)
    assert answers(runs.filled) == first and len(runs.filled.rows("SELECT id FROM prelabel_event")) == events


def test_captures_that_come_later_are_not_its(runs: Runs) -> None:
    later = format_utc(datetime.now(UTC) + timedelta(hours=1))
    runs.filled.execute("UPDATE capture SET received_at = :later WHERE id = :id", later=later, id=runs.captures[7])
    run = runs.start()
    runs.do()
    assert runs.counts(run) == ("done", 24, 24, 0, 0, 0) and runs.captures[7] not in answers(runs.filled)


def test_what_the_consent_does_not_cover_is_left_out_and_counted(runs: Runs) -> None:
    run = runs.start()

    def end() -> None:
        runs.filled.execute("DELETE FROM session_grant WHERE use = 'image'")

    runs.do(HereEngine(before=after(3, end)))
    state, captures, done, waiting, failed, withheld = runs.counts(run)
    assert (state, captures, waiting, failed) == ("done", 25, 0, 0) and done + withheld == 25 and withheld >= 6
    assert len(answers(runs.filled)) == done


@pytest.mark.parametrize("verb", [pause_run, cancel_run])
def test_it_ends_when_somebody_says_so(runs: Runs, verb: Callable[..., PrelabelRun]) -> None:
    run = runs.start()
    with pytest.raises(WorkLost):
        runs.do(HereEngine(before=after(4, lambda: runs.change(verb, run))))
    state, captures, done, waiting, failed, withheld = runs.counts(run)
    assert (state, captures, failed, withheld) == (
        "paused" if verb is pause_run else "cancelled", 25, 0, 0
    )  # fmt: skip
    assert 0 < done < 25 and waiting == (25 - done if verb is pause_run else 0)
    assert runs.find(run).stopped == (0 if verb is pause_run else 25 - done)
    if verb is pause_run:
        assert runs.change(resume_run, run).state == "queued"
        runs.do()
        assert runs.counts(run) == ("done", 25, 25, 0, 0, 0)


def test_a_run_that_another_process_took_is_not_done_here_any_more(runs: Runs) -> None:
    run = runs.start()

    def steal() -> None:
        runs.filled.execute("UPDATE prelabel_run SET owner = 'other' WHERE id = :id", id=run)

    with pytest.raises(WorkLost):
        runs.do(HereEngine(before=after(2, steal)))
    assert runs.filled.db.write_sync(lambda conn: ROWS.claim(conn, "me")) is None
    assert runs.filled.db.write_sync(ROWS.release) == 1  # its process has no row, so it is gone
    runs.do()
    assert runs.counts(run) == ("done", 25, 25, 0, 0, 0)


def is_lost(chance: Random) -> bool:
    return chance.random() < 0.1


@pytest.mark.soak
def test_kills_and_losses_change_nothing_of_the_result(runs: Runs) -> None:
    """Killed anywhere, with answers lost and in any order: the same documents, and every capture counted once."""
    runs.start()
    runs.do()
    expected = answers(runs.filled)
    for seed in range(rounds(6, 200)):
        chance = Random(seed)
        runs.filled.execute("DELETE FROM prelabel_event")
        runs.filled.execute("DELETE FROM labels_document")
        run = runs.start()
        while runs.find(run).state != "done":

            def kill() -> None:
                raise Killed

            before = after(chance.randrange(12), kill)
            engine = HereEngine(chance.randint(1, 4), chance.randrange, partial(is_lost, chance), before)
            try:
                runs.do(engine)
            except Killed:
                found = runs.find(run)
                assert found.done + found.withheld + found.failed + found.waiting == found.captures
                runs.filled.db.write_sync(ROWS.release)
        done, failed = runs.find(run).done, runs.find(run).failed
        while failed:  # lost three times in a row
            runs.change(resume_run, run)
            runs.do(HereEngine())
            failed = runs.find(run).failed
        assert runs.find(run).done == 25 >= done and answers(runs.filled) == expected


def broken(runs: Runs, captures: list[str]) -> None:
    """Their media are gone from the store."""
    for capture in captures:
        runs.filled.execute(
            "UPDATE derived SET blob = :none WHERE capture_id = :id AND kind = 'original'", none="0" * 64, id=capture
        )


def test_what_failed_is_listed_and_tried_again(runs: Runs) -> None:
    blob = runs.filled.rows("SELECT blob FROM derived WHERE capture_id = :id", id=runs.captures[0])[0].blob
    bad = runs.captures[3:6] + runs.captures[-1:]
    broken(runs, bad)
    run = runs.start()
    runs.do()
    assert runs.counts(run) == ("done", 25, 21, 0, 4, 0)
    assert "is not there" in str(runs.find(run).problem)
    listed = runs.filled.db.read_sync(lambda conn: list_failures(conn, run)).failures
    assert [row.capture for row in listed] == bad and all("is not there" in row.error for row in listed)
    for capture in bad[:3]:
        runs.filled.execute("UPDATE derived SET blob = :blob WHERE capture_id = :id", blob=blob, id=capture)
    found = runs.change(resume_run, run)
    assert (found.state, found.waiting, found.failed) == ("queued", 4, 0)
    runs.do()
    assert runs.counts(run) == ("done", 25, 24, 0, 1, 0)
    assert [row.capture for row in runs.filled.db.read_sync(lambda conn: list_failures(conn, run)).failures] == bad[3:]


def test_failures_asked_for_again_while_it_runs_are_done_at_the_end(runs: Runs) -> None:
    blob = runs.filled.rows("SELECT blob FROM derived WHERE capture_id = :id", id=runs.captures[0])[0].blob
    broken(runs, runs.captures[:1])
    run = runs.start()

    def mend() -> None:
        assert runs.find(run).failed == 1
        runs.filled.execute("UPDATE derived SET blob = :blob WHERE capture_id = :id", blob=blob, id=runs.captures[0])
        runs.change(resume_run, run)

    runs.do(HereEngine(before=after(5, mend)))
    assert runs.counts(run) == ("done", 25, 25, 0, 0, 0)


def test_when_everything_fails_it_is_paused(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_work, "MAX_FAILED_IN_A_ROW", 6)
    broken(runs, runs.captures)
    run = runs.start()
    with pytest.raises(WorkLost):
        runs.do()
    found = runs.find(run)
    assert found.state == "paused" and "captures all failed" in str(found.problem)
    assert 6 <= found.failed < 25 and MAX_FAILED_IN_A_ROW > 6


def test_where_no_capture_can_be_labelled_none_fails(runs: Runs) -> None:
    run = runs.start()
    (Path(runs.model) / "model.onnx").write_bytes(b"another file")
    with pytest.raises(WorkLost):
        runs.do()
    found = runs.find(run)
    assert (found.state, found.done, found.failed, found.waiting) == ("paused", 0, 0, 25)
    assert "model.onnx" in str(found.problem)


def test_counting_is_done_in_pages_and_narrows_the_studies(runs: Runs) -> None:
    runs.filled.execute("INSERT INTO study (id, created_at, control_share) VALUES ('garden', '', 0.0)")
    run = runs.start()
    named = "SELECT study FROM prelabel_run_study WHERE run_id = :run ORDER BY study"
    assert [row.study for row in runs.filled.rows(named, run=run)] == ["garden", "kitchen"]
    assert (runs.find(run).counted, runs.find(run).captures) == (False, 0)
    runs.do()
    assert [row.study for row in runs.filled.rows(named, run=run)] == ["kitchen"]

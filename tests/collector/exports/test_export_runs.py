"""Exports of the service as rows: who may see which, what can be done with one, and what withdrawal does to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.bulk.work_rows import WorkLost
from collector.exports.asked import ExportAsked, ExportOptionsInvalid
from collector.exports.downloads import record_download
from collector.exports.export_progress import (
    ClaimedExport,
    ExportProgress,
    MadeExport,
    claimed_export,
    end_export,
    save_progress,
)
from collector.exports.export_runs import (
    ROWS,
    ExportEnded,
    ExportNotDone,
    ExportOutdated,
    ExportRun,
    ExportUnknown,
    change_export,
    check_fetchable,
    delete_export,
    ended_of,
    expire_exports,
    export_bytes,
    find_export,
    list_exports,
    start_export,
)
from collector.studies.scope import Scope
from collector.studies.studies import StudyUnknown, ensure_study
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from wire.base import format_utc, new_id

pytestmark = on_both
SHA = "a" * 64


@pytest.fixture
def rows(filled: Filled) -> Filled:
    """A collector with two studies, a session of the first, and a process that is alive."""
    filled.take("show", "show", {"image": b"jpeg"}, ["boxes"])
    filled.db.write_sync(lambda conn: ensure_study(conn, "bathroom", 0.0))
    return filled


def start(filled: Filled, scope: Scope | None = None, **asked: Any) -> str:
    scopes = () if scope is None else (None, scope)
    return filled.db.write_sync(lambda conn: start_export(conn, ExportAsked(**asked), *scopes))


def find(filled: Filled, run: str) -> ExportRun:
    return filled.db.read_sync(lambda conn: find_export(conn, run))


def claim(filled: Filled, owner: str = "me") -> ClaimedExport | None:
    row = filled.db.write_sync(lambda conn: ROWS.claim(conn, owner))
    return None if row is None else filled.db.read_sync(lambda conn: claimed_export(conn, row, owner))


def end(filled: Filled, run: ClaimedExport, *, uses: tuple[str, ...] = ("image",), keep_days: int = 14) -> None:
    counts = {"documents": 1, "labels": 2, "prelabels": 0, "images": 0, "left_out": 0, "withheld": 3}
    about = {
        "export": new_id("export"),
        "made_at": "2026-11-30T12:00:00.000000Z",
        "format": run.asked.format,
        "counts": counts,
        "sessions": {filled.session: {"consent": "con-1", "grants": [], "uses": list(uses)}},
    }
    filled.db.write_sync(lambda conn: end_export(conn, run, MadeExport(about, 4096, SHA), keep_days))


def done(filled: Filled, **more: Any) -> str:
    start(filled)
    run = claim(filled)
    assert run is not None
    end(filled, run, **more)
    return run.id


# ---------------------------------------------------------------- started
def test_an_export_holds_the_studies_of_who_starts_it(rows: Filled) -> None:
    start(rows, Scope(("bathroom",)))
    run = claim(rows)
    assert run is not None and run.studies == ("bathroom",)
    end(rows, run)
    start(rows)
    everything = claim(rows)
    assert everything is not None and set(everything.studies) == {"bathroom", "kitchen"}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"format": "coco", "media": False}, "COCO needs its pictures"),
        ({"since": "2026-11-29"}, "with its zone"),
        ({"since": "yesterday"}, "with its zone"),
        ({"frames": "0"}, "keyframes, every, or a number"),
        ({"frames": "some"}, "keyframes, every, or a number"),
    ],
)
def test_options_that_cannot_be(rows: Filled, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ExportOptionsInvalid, match=sentence):
        start(rows, **asked)
    assert rows.db.read_sync(list_exports) == []


def test_a_study_that_is_not_there_or_not_ones_own(rows: Filled) -> None:
    for scope in (None, Scope(("bathroom",))):
        with pytest.raises(StudyUnknown):
            start(rows, scope, study="kitchen" if scope else "cellar")


def test_who_sees_which(rows: Filled) -> None:
    whole, part = start(rows), start(rows, study="bathroom")
    seen = rows.db.read_sync(lambda conn: list_exports(conn, scope=Scope(("bathroom",))))
    assert [run.id for run in seen] == [part]
    with pytest.raises(ExportUnknown):
        rows.db.write_sync(lambda conn: change_export(conn, whole, "cancel", Scope(("bathroom",))))
    assert {run.id for run in rows.db.read_sync(list_exports)} == {whole, part}


# ---------------------------------------------------------------- made
def test_one_after_the_other_also_among_processes(rows: Filled) -> None:
    first, second = start(rows), start(rows)
    mine = claim(rows, "me")
    assert mine is not None and mine.id == first
    assert claim(rows, "other") is None, "another process waits"
    assert [find(rows, run).state for run in (first, second)] == ["running", "queued"]
    rows.db.write_sync(lambda conn: change_export(conn, first, "pause"))
    other = claim(rows, "other")
    assert other is not None and other.id == second
    with pytest.raises(WorkLost):
        rows.db.write_sync(lambda conn: save_progress(conn, mine, ExportProgress(), None))
    with pytest.raises(WorkLost):
        end(rows, mine)
    assert rows.rows("SELECT id FROM export") == [], "its record went with it"
    assert rows.db.write_sync(ROWS.release) == 1  # its process has no row, so it is gone
    assert claim(rows, "me") == ClaimedExport(second, "me", other.asked, other.studies, other.created_at)


def test_how_far_it_is(rows: Filled) -> None:
    run = start(rows, study="kitchen")
    mine = claim(rows)
    assert mine is not None
    assert (find(rows, run).counted, find(rows, run).seconds_left) == (False, None)
    rows.db.write_sync(lambda conn: save_progress(conn, mine, ExportProgress(100, True, 40, 5000), 20.0))
    found = find(rows, run)
    assert (found.items, found.done, found.bytes, found.per_second, found.seconds_left) == (100, 40, 5000, 20.0, 3.0)
    rows.db.write_sync(lambda conn: save_progress(conn, mine, ExportProgress(100, True, 100, 9000, 3000), 1000.0))
    found = find(rows, run)
    assert (found.packed_bytes, found.per_second, found.seconds_left) == (3000, None, 6.0)
    end(rows, mine)
    found = find(rows, run)
    assert found.name == f"kitchen-{datetime.now(UTC).date().isoformat()}.zip"
    assert (found.state, found.packed_bytes, found.archive_bytes, found.archive_sha256) == ("done", 9000, 4096, SHA)
    assert found.notes == ["3 captures were left out: their consent has run out."]
    assert rows.db.read_sync(export_bytes) == (1, 4096)


def test_what_can_be_done_with_one(rows: Filled) -> None:
    run = start(rows)

    def change(verb: Any) -> str:
        return rows.db.write_sync(lambda conn: change_export(conn, run, verb)).state

    for refused in (check_fetchable, lambda found: rows.db.write_sync(lambda conn: delete_export(conn, found.id))):
        with pytest.raises(ExportNotDone):
            refused(find(rows, run))  # type: ignore[no-untyped-call]
    mine = claim(rows)
    assert mine is not None
    rows.db.write_sync(lambda conn: ROWS.pause_with(conn, mine, "The disk is full."))
    assert (find(rows, run).state, find(rows, run).problem) == ("paused", "The disk is full.")
    assert [change(verb) for verb in ("pause", "resume", "pause", "cancel")] == [
        "paused",
        "queued",
        "paused",
        "cancelled",
    ]
    with pytest.raises(ExportEnded):
        change("resume")
    assert rows.db.read_sync(lambda conn: ended_of(conn, [run, "xrun-unknown"])) == [run]


# ---------------------------------------------------------------- done
def test_a_consent_that_ends_afterwards(rows: Filled) -> None:
    both, sound = done(rows, uses=("image", "audio")), done(rows, uses=("audio",))
    check_fetchable(find(rows, both))
    past = format_utc(datetime.now(UTC) - timedelta(minutes=1))
    rows.execute("UPDATE session_grant SET until = :past WHERE use = 'image'", past=past)
    assert (find(rows, both).ended_sessions, find(rows, sound).ended_sessions) == (1, 0)
    with pytest.raises(ExportOutdated, match="recordings of 1 session that their consent no longer covers"):
        check_fetchable(find(rows, both))
    rows.execute("DELETE FROM session_grant")  # as of somebody who was erased
    assert [run.ended_sessions for run in rows.db.read_sync(list_exports)] == [1, 1]
    rows.db.write_sync(lambda conn: delete_export(conn, both))
    assert (find(rows, both).state, find(rows, both).ended_sessions) == ("deleted", 0)


def test_it_is_kept_for_some_days(rows: Filled) -> None:
    days, forever = done(rows, keep_days=14), done(rows, keep_days=0)
    kept = find(rows, days).kept_until
    assert kept is not None and timedelta(days=13) < kept - datetime.now(UTC) <= timedelta(days=14)
    assert find(rows, forever).kept_until is None
    assert rows.db.write_sync(expire_exports) == 0
    rows.execute("UPDATE export_run SET kept_until = '2026-01-01T00:00:00.000000Z' WHERE kept_until IS NOT NULL")
    assert rows.db.write_sync(expire_exports) == 1
    assert (find(rows, days).state, find(rows, forever).state) == ("expired", "done")
    for refused in (check_fetchable, lambda found: rows.db.write_sync(lambda conn: delete_export(conn, found.id))):
        with pytest.raises(ExportEnded):
            refused(find(rows, days))  # type: ignore[no-untyped-call]
    assert rows.db.read_sync(lambda conn: ended_of(conn, [days, forever])) == [days]
    assert rows.db.read_sync(export_bytes) == (1, 4096)


def test_every_download_is_a_row(rows: Filled, tmp_path: Path) -> None:
    run, ann = done(rows), rows.person("ann")

    def record(goes_on: bool) -> bool:
        return rows.db.write_sync(lambda conn: record_download(conn, run, ann, goes_on=goes_on))

    assert [record(goes_on) for goes_on in (True, True, False)] == [True, False, True]
    found = find(rows, run)
    assert found.downloads == 2 and found.downloaded_at is not None

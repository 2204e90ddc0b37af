"""Reading ground truth: in pieces, none of which holds the database back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from collector.exports import truth
from tests.collector.review.filled import Filled, box
from tests.support.databases import note_statements, only_sqlite, reader


def review_stills(filled: Filled, count: int) -> None:
    ann = filled.person("ann")
    for number in range(count):
        ids = filled.take(f"step-{number}", "show", {"image": b"%d" % number}, ["boxes"])
        filled.make(ids["take"])
        filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids["image"]: [box(f"b{number}")]})


def shortened(filled: Filled) -> bool:
    """Whether the log of the database can be emptied now: nobody reads what was there before the newest commit."""
    filled.execute("UPDATE device SET model = model || '.'")
    with closing(sqlite3.connect(filled.folder / "collector.db", timeout=0)) as other:
        busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


@only_sqlite
def test_whoever_takes_long_over_an_item_holds_no_transaction(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    review_stills(filled, 5)
    monkeypatch.setattr(truth, "BATCH_TASKS", 2)
    database = reader(filled.folder)
    try:
        database.read_sync(lambda _: None)
        ids = truth.item_ids(database)
        found = []
        for item in truth.items(database, ids):
            found.append((item.task, item.revision))
            assert shortened(filled)
        assert found == ids and len(ids) == 5
        assert not database.read_sync(lambda conn: conn.execute("SELECT 1 FROM device").scalar() and shortened(filled))
    finally:
        database.close()


def test_statements_do_not_grow_with_the_tasks_of_a_batch(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    review_stills(filled, 12)
    counts = []
    for some in (2, 12):
        ids = truth.item_ids(filled.db)[:some]
        seen: list[str] = []
        with monkeypatch.context() as patch:
            note_statements(patch, lambda sql, _values, seen=seen: seen.append(sql))  # type: ignore[misc]
            found = list(truth.items(filled.db, ids))
        assert [item.task for item in found] == [task for task, _ in ids]
        counts.append(len([one for one in seen if one.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 7 and truth.BATCH_TASKS >= 12


def test_the_order_stays_over_many_batches(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    review_stills(filled, 7)
    whole = list(truth.items(filled.db, truth.item_ids(filled.db)))
    monkeypatch.setattr(truth, "BATCH_TASKS", 3)
    assert list(truth.items(filled.db, truth.item_ids(filled.db))) == whole and len(whole) == 7

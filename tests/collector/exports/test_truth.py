"""Reading ground truth: in pieces, none of which holds the database back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from collector.exports import truth
from collector.store.open import open_reader
from tests.collector.review.filled import Filled, box


def shortened(filled: Filled) -> bool:
    """Whether the log of the database can be emptied now: nobody reads what was there before the newest commit."""
    filled.execute("UPDATE device SET model = model || '.'")
    with closing(sqlite3.connect(filled.folder / "collector.db", timeout=0)) as other:
        busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def test_whoever_takes_long_over_an_item_holds_no_transaction(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = filled.person("ann")
    for number in range(5):
        ids = filled.take(f"step-{number}", "show", {"image": b"%d" % number}, ["boxes"])
        filled.make(ids["take"])
        filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids["image"]: [box()]})
    monkeypatch.setattr(truth, "BATCH_TASKS", 2)
    database = open_reader(filled.folder)
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

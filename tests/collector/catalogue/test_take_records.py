"""Takes come in any order, twice, from old devices and new ones: the newest of each is saved, no more is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.catalogue.sessions import (
    RevisionTooHigh,
    SessionTaken,
    SessionUnknown,
    describe_session,
    save_session,
    save_take_document,
)
from collector.catalogue.take_records import SessionConflict, TakeTaken
from collector.store.database import Database
from collector.store.sql import text
from tests.collector.samples import SampleTake, session_record
from tests.support.databases import new_database, note_statements
from wire.session import SessionRecord, TakeDocument

DEVICE = "INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('{0}', 'd', 'm', 'h-{0}', 't')"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    for device in ("dev-1", "dev-2"):
        database.write_sync(lambda conn, device=device: conn.execute(DEVICE.format(device)).rowcount)  # type: ignore[misc]
    yield database
    database.close()


def whole(count: int, revision: int, session: str = "ses-1", torn: int | None = None) -> SessionRecord:
    takes = [
        SampleTake(f"take-{n}", f"step-{n}", [], [], state="torn" if n == torn else "closed")
        for n in range(1, count + 1)
    ]
    return session_record("dev-1", takes, session, revision)


def head(count: int, revision: int, session: str = "ses-1", **changes: Any) -> SessionRecord:
    body = session_record(changes.pop("device", "dev-1"), [], session, revision).to_json()
    return SessionRecord.read(body | {"schema": 3, "take_count": count} | changes)


def take(number: int, revision: int, session: str = "ses-1", **changes: Any) -> TakeDocument:
    (record,) = session_record("dev-1", [SampleTake(f"take-{number}", f"step-{number}", [], [])], session).takes
    return TakeDocument(
        session=session, device=changes.pop("device", "dev-1"), revision=revision, number=number, step_number=number,
        take=record.model_copy(update=changes),
    )  # fmt: skip


def put(db: Database, record: SessionRecord | TakeDocument) -> int:
    if isinstance(record, TakeDocument):
        return db.write_sync(lambda conn: save_take_document(conn, record))
    return db.write_sync(lambda conn: save_session(conn, record))


def takes_of(db: Database, session: str = "ses-1") -> list[tuple[str, str]]:
    record = db.read_sync(lambda conn: describe_session(conn, session))["record"]
    assert SessionRecord.read(record)
    return [(row["take"], row["state"]) for row in record["takes"]]


def test_a_session_is_read_whole(db: Database) -> None:
    put(db, head(0, 3))
    assert takes_of(db) == []
    for number in (2, 1, 3):
        assert put(db, take(number, 10 + number)) == 10 + number
    put(db, head(3, 20, state="finished"))
    record = db.read_sync(lambda conn: describe_session(conn, "ses-1"))["record"]
    assert (record["take_count"], record["state"]) == (3, "finished")
    assert record["takes"] == [take(number, 1).take.to_json() for number in (1, 2, 3)]


def test_an_older_document_changes_nothing_and_the_same_again_is_fine(db: Database) -> None:
    put(db, head(0, 3))
    assert put(db, take(1, 9, state="torn")) == 9
    assert put(db, take(1, 5)) == 9
    assert put(db, take(1, 9, state="torn")) == 9
    assert takes_of(db) == [("take-1", "torn")]
    with pytest.raises(SessionConflict, match="take-1"):
        put(db, take(1, 9))
    assert put(db, take(1, 10)) == 10
    assert takes_of(db) == [("take-1", "closed")]


STORY = [head(0, 3), take(1, 6), take(2, 9, state="torn"), take(2, 14), take(3, 17), head(3, 20, state="finished")]


@settings(deadline=None, max_examples=60)
@given(order=st.permutations(STORY), again=st.lists(st.sampled_from(STORY), max_size=6))
def test_any_order_ends_alike(
    tmp_path_factory: pytest.TempPathFactory, order: list[SessionRecord | TakeDocument], again: list[Any]
) -> None:
    """A device sends what was not taken again; a take that comes before its session is not taken."""
    database = new_database(tmp_path_factory.mktemp("data"))
    try:
        database.write_sync(lambda conn: conn.execute(DEVICE.format("dev-1")).rowcount)
        waiting = [*order, *again]
        while waiting:
            left = []
            for record in waiting:
                try:
                    put(database, record)
                except SessionUnknown:
                    left.append(record)
            assert len(left) < len(waiting)
            waiting = left
        record = database.read_sync(lambda conn: describe_session(conn, "ses-1"))["record"]
        assert record == STORY[-1].to_json() | {"takes": [take(number, 1).take.to_json() for number in (1, 2, 3)]}
    finally:
        database.close()


def test_a_take_needs_its_session_its_device_and_a_name_of_its_own(db: Database) -> None:
    with pytest.raises(SessionUnknown):
        put(db, take(1, 1))
    put(db, head(0, 3))
    put(db, head(0, 3, "ses-2"))
    put(db, take(1, 5))
    with pytest.raises(TakeTaken, match="ses-2"):
        put(db, take(1, 6, "ses-2"))
    with pytest.raises(SessionTaken):
        put(db, take(2, 6, device="dev-2"))
    with pytest.raises(RevisionTooHigh):
        put(db, take(2, 2**31 + 1))
    assert takes_of(db) == [("take-1", "closed")] and takes_of(db, "ses-2") == []


def test_a_device_that_was_upgraded_in_its_session_sends_on(db: Database) -> None:
    put(db, whole(2, 8))
    assert takes_of(db) == [("take-1", "closed"), ("take-2", "closed")]
    put(db, head(3, 12))
    assert takes_of(db) == [("take-1", "closed"), ("take-2", "closed")], "nothing is lost before the rest is here"
    put(db, take(3, 11))
    put(db, take(2, 13, state="torn"))
    assert put(db, whole(2, 9)) == 12, "a late record of the version before"
    assert takes_of(db) == [("take-1", "closed"), ("take-2", "torn"), ("take-3", "closed")]


def test_statements_do_not_grow_with_the_takes(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    note_statements(monkeypatch, lambda _sql, values: seen.append(len(values) if isinstance(values, list) else 1))

    def cost(record: SessionRecord | TakeDocument) -> int:
        seen.clear()
        put(db, record)
        return sum(seen)

    put(db, head(0, 1))
    documents = [cost(take(number, 1 + number)) for number in range(1, 200)]
    assert set(documents[1:]) == {documents[0]} and documents[0] <= 6
    put(db, whole(2, 1, "ses-old").model_copy(update={"takes": []}))
    records = [old(count) for count in (1, 2, 3, 150, 151)]
    costs = [cost(record) for record in records]
    assert costs[1] == costs[2] == costs[4] <= 12, "one take more, whatever was there"
    changed = old(151, 200, torn=77)
    assert cost(changed) <= costs[2], "one take of 151 differs"
    assert takes_of(db, "ses-old")[76] == ("old-77", "torn")


def old(count: int, revision: int | None = None, torn: int | None = None) -> SessionRecord:
    takes = [
        SampleTake(f"old-{n}", f"step-{n}", [], [], state="torn" if n == torn else "closed")
        for n in range(1, count + 1)
    ]
    return session_record("dev-1", takes, "ses-old", revision or count + 1)


def test_another_consent_judges_every_take_anew(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not cover is not waited for any more."""
    judged: list[str] = []
    monkeypatch.setattr(
        "collector.catalogue.take_records.enqueue_tasks_when_complete", lambda conn, name: judged.append(name)
    )
    put(db, head(0, 1))
    for number in (1, 2):
        put(db, take(number, 1 + number))
    put(db, take(3, 5, state="torn"))
    judged.clear()
    put(db, head(3, 6))
    assert judged == []
    narrower = head(3, 7).to_json()
    narrower["consent"]["grants"] = narrower["consent"]["grants"][:1]
    put(db, SessionRecord.read(narrower))
    assert judged == ["take-1", "take-2"]


def test_places_follow_the_order_of_opening(db: Database) -> None:
    for record in itertools.chain([head(0, 1)], (take(number, 1 + number) for number in (11, 2, 1))):
        put(db, record)
    rows = db.read_sync(lambda conn: conn.execute(text("SELECT id, number, revision, step_number FROM take")).all())
    assert sorted(map(tuple, rows)) == [("take-1", 1, 2, 1), ("take-11", 11, 12, 11), ("take-2", 2, 3, 2)]
    assert [name for name, _ in takes_of(db)] == ["take-1", "take-2", "take-11"]


def test_the_titles_of_steps_are_rows(db: Database) -> None:
    """So what reads a session's record for each of its tasks reads no more of a long script than of a short one."""

    def put_steps(revision: int, titles: list[str]) -> SessionRecord:
        steps = [{"id": f"step-{number}", "title": title} for number, title in enumerate(titles, 1)]
        record = head(0, revision, steps=steps)
        assert put(db, record) == revision
        assert db.read_sync(lambda conn: describe_session(conn, "ses-1"))["record"] == record.to_json()
        return record

    def stored() -> int:
        return len(db.read_sync(lambda conn: conn.execute("SELECT record FROM session").scalar_one()))

    put_steps(1, [])
    empty = stored()
    put_steps(2, [f"Title {number}" for number in range(2000)])
    assert stored() == empty
    last = put_steps(3, ["One", "Two"])
    assert put(db, last) == 3
    with pytest.raises(SessionConflict):
        put(db, last.model_copy(update={"steps": last.steps[:1]}))
    put_steps(4, [])

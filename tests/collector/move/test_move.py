"""Rows move to the other engine and back: equal, wherever the move was stopped, and in one place at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collector.backup.pace import Course
from collector.backup.rows import dump_rows
from collector.move.move import Unit, move_data
from collector.move.places import DataPlace, one_move
from collector.move.problems import MoveDiffers, MoveToSamePlace, MoveUnderWay
from collector.store.fill import DatabaseNotEmpty
from collector.store.migrate import make_database
from collector.store.open import open_database
from collector.store.read_only import DataMoved, MoveUnfinished, ReadOnly, set_read_only
from collector.store.schema import newest_schema
from collector.store.sql import Connection, text
from tests.collector.move.moving import (
    Stopped,
    digest,
    furnished,
    nothing,
    other_engine,
    raise_stopped,
    starts,
    writes,
)
from tests.support import postgres
from tests.support.databases import Engine, on_both, only_sqlite


@pytest.fixture
def here(tmp_path: Path, engine: Engine) -> DataPlace:
    return furnished(tmp_path / "data", engine)


@pytest.fixture
def there(here: DataPlace) -> Iterator[DataPlace]:
    with other_engine(here) as place:
        yield place


@on_both
def test_rows_are_equal_at_the_other_engine_and_back_again(here: DataPlace, there: DataPlace) -> None:
    before = digest(here)
    moved = move_data(here, there, nothing)
    assert digest(there) == moved.digest == before and moved.rows > 50
    with pytest.raises(DataMoved, match="moved to"):
        starts(here)
    database = starts(there)
    add = text("INSERT INTO person (id, name, role, created_at) VALUES ('new', 'new', 'lead', '')")
    assert database.write_sync(lambda conn: conn.execute(add).rowcount) == 1
    changed = database.read_sync(dump_rows).digest
    database.close()
    if here.database is not None:  # a database of PostgreSQL has to be an empty one
        address = postgres.new_address(migrated=False)
        again = DataPlace(here.data, address)
        assert move_data(there, again, nothing).digest == changed != before
        postgres.drop(address)
        return
    assert move_data(there, here, nothing).digest == changed != before
    assert digest(here) == changed
    starts(here).close()
    with pytest.raises(DataMoved):
        starts(there)
    # What had been left there at the first move is set aside.
    assert len(list((here.data / "moved").iterdir())) == 1


@on_both
def test_a_move_that_is_stopped_between_any_two_steps_is_continued(
    here: DataPlace, there: DataPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(here)
    for name in ("_enter", "_copy", "_leave", "open_filled"):
        with monkeypatch.context() as patched, pytest.raises(Stopped):
            patched.setattr(f"collector.move.move.{name}", raise_stopped)
            move_data(here, there, nothing)
        assert digest(here) == before
        assert (writes(here), writes(there)) == (name == "_enter", False)
        if name != "open_filled":  # nor does another collector, with a data folder of its own
            with pytest.raises(MoveUnfinished):
                open_database(there.data if there.database is None else tmp_path / "new", there.database)
    assert move_data(here, there, nothing).digest == before == digest(there)
    assert (writes(here), writes(there)) == (False, True)
    with pytest.raises(DataMoved):
        move_data(here, there, nothing)


@on_both
def test_a_move_that_is_stopped_between_two_rows_is_continued(
    here: DataPlace, there: DataPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.store.fill.PIECE_ROWS", 4)
    monkeypatch.setattr("collector.move.move.REPORTED_ROWS", 1)

    for stop_at in (1, 20, 70, 110, 200):
        seen = [0]

        def advance(count: int, seen: list[int] = seen, stop_at: int = stop_at) -> None:
            seen[0] += count
            if seen[0] >= stop_at:
                raise Stopped

        with pytest.raises(Stopped):
            move_data(here, there, lambda _title, _unit: Course(advance=advance))
        assert not writes(here) and not writes(there)
    assert move_data(here, there, nothing).digest == digest(there) == digest(here)


@on_both
def test_a_target_with_rows_is_refused_before_anything_is_changed(
    here: DataPlace, there: DataPlace, tmp_path: Path
) -> None:
    if there.database is None:
        make_database(there.data / "collector.db", newest_schema())
    else:
        open_database(tmp_path / "x", there.database).close()
    with pytest.raises(DatabaseNotEmpty):
        move_data(here, there, nothing)
    assert here.read_only() is None


@on_both
def test_a_move_to_another_place_is_refused_while_one_has_not_ended(here: DataPlace, there: DataPlace) -> None:
    here.write(
        lambda conn: set_read_only(
            conn, ReadOnly("moving", "move-1", "2026-11-30T08:00:00Z", "elsewhere", blobs="s3://x")
        )
    )
    with pytest.raises(MoveUnderWay, match="elsewhere"):
        move_data(here, there, nothing)
    with pytest.raises(MoveToSamePlace):
        move_data(here, here, nothing)
    with one_move(here.data), pytest.raises(MoveUnderWay, match="Another command"):
        move_data(here, there, nothing)


@on_both
def test_going_back_while_rows_are_copied_ends_the_move(here: DataPlace, there: DataPlace) -> None:
    """On another machine, which does not see the lock of this one."""

    def phase(title: str, _unit: Unit) -> Course:
        if title.startswith("Compare"):
            state = here.read_only()
            assert state is not None
            here.write(lambda conn: set_read_only(conn, replace(state, move="move-2")))
        return Course()

    with pytest.raises(MoveUnderWay):
        move_data(here, there, phase)
    state = here.read_only()
    assert state is not None and state.why == "moving"
    with pytest.raises(MoveUnfinished):
        starts(there)


@only_sqlite  # it moves to PostgreSQL: a file has its name only once it was compared
def test_rows_that_changed_on_the_way_are_found(here: DataPlace, there: DataPlace) -> None:
    """By another program, which does not ask whether rows may be changed."""

    def phase(title: str, _unit: Unit) -> Course:
        if title.startswith("Compare"):
            there.write(_rename)
        return Course()

    with pytest.raises(MoveDiffers) as caught:
        move_data(here, there, phase)
    assert caught.value.facts["tables"] == ["person"]
    assert not writes(here) and not writes(there)


def _rename(conn: Connection) -> None:
    conn.execute(text("UPDATE person SET name = 'eve'"))


def test_what_people_are_told(tmp_path: Path) -> None:
    assert DataPlace(tmp_path, "postgresql://user:word@db.example/gleaner").shown == "postgresql://…@db.example/gleaner"
    assert str(tmp_path) in DataPlace(tmp_path).shown

"""Going back from a move, before its end and after it: without a loss, unless that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.move.back import go_back
from collector.move.move import move_data
from collector.move.places import DataPlace
from collector.move.problems import MoveNotFound, RowsSinceMove
from collector.store.read_only import DataMoved, MoveUnfinished, ReadOnly, set_read_only
from collector.store.sql import text
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
from tests.support.databases import Engine, on_both

ADD = text("INSERT INTO person (id, name, role, created_at) VALUES ('new', 'new', 'lead', '')")
pytestmark = on_both


@pytest.fixture
def here(tmp_path: Path, engine: Engine) -> DataPlace:
    return furnished(tmp_path / "data", engine, takes=1)


@pytest.fixture
def there(here: DataPlace) -> Iterator[DataPlace]:
    with other_engine(here) as place:
        yield place


def test_a_move_that_has_not_ended_is_given_up_and_may_be_begun_again(
    here: DataPlace, there: DataPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr("collector.move.move._leave", raise_stopped)
        move_data(here, there, nothing)
    assert go_back(here, None).why == "moving"
    assert writes(here) and not writes(there)
    here.write(lambda conn: conn.execute(ADD) and None)
    assert move_data(here, there, nothing).digest == digest(there) == digest(here)


def test_after_the_end_the_data_of_before_is_used_again(here: DataPlace, there: DataPlace) -> None:
    before = move_data(here, there, nothing).digest
    assert go_back(here, there).why == "moved"
    assert writes(here) and digest(here) == before
    with pytest.raises(DataMoved):
        starts(there)
    with pytest.raises(MoveNotFound):
        go_back(DataPlace(here.data, here.database), None)


def test_the_settings_may_name_either_place(here: DataPlace, there: DataPlace) -> None:
    move_data(here, there, nothing)
    assert go_back(there, here).why == "moved"
    assert writes(here) and not writes(there)


def test_what_was_written_since_is_only_lost_when_somebody_says_so(here: DataPlace, there: DataPlace) -> None:
    move_data(here, there, nothing)
    there.write(lambda conn: conn.execute(ADD) and None)
    with pytest.raises(RowsSinceMove, match="written"):
        go_back(here, there)
    assert not writes(here) and writes(there)
    go_back(here, there, discard=True)
    assert writes(here) and not writes(there)


def test_a_place_that_cannot_be_asked_needs_a_word(here: DataPlace, there: DataPlace, tmp_path: Path) -> None:
    move_data(here, there, nothing)
    nowhere = DataPlace(tmp_path / "nowhere")
    with pytest.raises(RowsSinceMove, match="not known"):
        go_back(here, nowhere)
    go_back(here, nowhere, discard=True)
    assert writes(here)


def test_the_place_of_a_move_with_a_password_has_to_be_named(here: DataPlace, there: DataPlace) -> None:
    state = ReadOnly(
        "moved", "move-1", "2026-11-30T08:00:00Z", "there", database="postgresql://…@db/gleaner", digest="ab" * 32
    )
    here.write(lambda conn: set_read_only(conn, state))
    with pytest.raises(RowsSinceMove, match="password"):
        go_back(here, None)
    go_back(here, None, discard=True)
    assert writes(here)


def test_there_is_nothing_to_go_back_from(here: DataPlace, there: DataPlace) -> None:
    with pytest.raises(MoveNotFound):
        go_back(here, None)
    here.write(lambda conn: set_read_only(conn, ReadOnly("filling", "move-1", "2026-11-30T08:00:00Z", "elsewhere")))
    with pytest.raises(MoveUnfinished):
        go_back(here, None)

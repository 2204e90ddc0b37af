"""A damaged database is called damaged, whoever meets it: at the start, at a read, at a write, in a command."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from collector.backup.verify import verify_data
from collector.cli import app
from collector.key_folder import KeyFolder
from collector.people.accounts import add_user, list_users
from collector.store.blobs_local import LocalBlobs
from collector.store.database import DatabaseDamaged, DatabaseLost
from collector.store.open import open_database, open_reader
from collector.store.sql import Connection
from tests.support.databases import command, new_database, only_sqlite

PAGE = 4096
Spoil = Callable[[Path], None]


def at(place: int, *values: int) -> Spoil:
    def spoil(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[place : place + len(values)] = bytes(values)
        file.write_bytes(content)

    return spoil


def cut(pages: float) -> Spoil:
    return lambda file: file.write_bytes(file.read_bytes()[: int(pages * PAGE)])


def zeroed(file: Path) -> None:
    """Every page but the first, as a disk leaves them that never got them."""
    file.write_bytes(file.read_bytes()[:PAGE].ljust(file.stat().st_size, b"\0"))


def unreadable_text(file: Path) -> None:
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("UPDATE person SET name = CAST(x'ff41' AS TEXT)")


SPOILS = pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(at(0, 0), id="name of the format"),
        pytest.param(at(16, 0, 3), id="size of a page"),
        pytest.param(at(18, 9), id="format for writers"),
        pytest.param(at(19, 9), id="format for readers"),
        pytest.param(at(47, 77), id="format of the schema"),
        pytest.param(at(100, 0), id="kind of the first page"),
        pytest.param(cut(0.5), id="half a page"),
        pytest.param(cut(7), id="seven pages"),
        pytest.param(zeroed, id="zeroed pages"),
        pytest.param(unreadable_text, id="a text that is none"),
    ],
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    db = new_database(tmp_path)
    db.write_sync(lambda conn: add_user(conn, "rita", "lead"))
    db.close()
    return tmp_path


@SPOILS
@only_sqlite
def test_whoever_opens_a_damaged_file_says_so(data: Path, spoil: Spoil) -> None:
    spoil(data / "collector.db")
    with pytest.raises(DatabaseDamaged) as caught:
        db = open_database(data)
        try:
            db.read_sync(list_users)
        finally:
            db.close()
    assert "restore" in caught.value.hint and "\udcff" not in str(caught.value) and "A'" not in str(caught.value)


@SPOILS
@only_sqlite
def test_commands_say_so(data: Path, spoil: Spoil) -> None:
    spoil(data / "collector.db")
    done = command(app, ["user", "list", "--data", str(data)], data)
    assert isinstance(done.exception, DatabaseDamaged)


@pytest.mark.parametrize("use", [list_users, lambda conn: add_user(conn, "ben", "annotator")])
@only_sqlite
def test_a_database_that_is_damaged_while_it_is_open(data: Path, use: Callable[[Connection], object]) -> None:
    db = open_database(data)
    try:
        zeroed(data / "collector.db")
        with pytest.raises(DatabaseDamaged):
            (db.read_sync if use is list_users else db.write_sync)(use)
    finally:
        db.close()


@only_sqlite
def test_verify_lists_it_and_goes_on(data: Path) -> None:
    db = open_reader(data)
    try:
        zeroed(data / "collector.db")
        found = verify_data(db, LocalBlobs(data / "blobs"), data, KeyFolder(data / "keys"))
    finally:
        db.close()
    assert {fault.kind for fault in found.faults} == {"database-damaged"} and found.digest is None


@only_sqlite
def test_an_empty_file_is_no_collector(tmp_path: Path) -> None:
    (tmp_path / "collector.db").touch()
    with pytest.raises(DatabaseLost):
        open_reader(tmp_path)

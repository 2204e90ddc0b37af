"""Statements, their lists, and rows, on a real SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.sql import Result, RowsUnexpected, text
from collector.store.sqlite_driver import SqliteConnection

PAIRS = text("SELECT a, b FROM pair WHERE a IN :some OR b IN :others OR a IN :some ORDER BY a")


@pytest.fixture(scope="module")
def conn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteConnection]:
    made = SqliteConnection(Path(tmp_path_factory.mktemp("sql")) / "pairs.db")
    made.exec_driver_sql("CREATE TABLE pair (a INTEGER, b TEXT)")
    made.execute("INSERT INTO pair VALUES (:a, :b)", [{"a": number, "b": f"n{number}"} for number in range(20)])
    yield made
    made.driver.close()


@given(st.lists(st.integers(0, 30), max_size=40), st.lists(st.integers(0, 30).map(lambda n: f"n{n}"), max_size=3))
def test_a_list_of_any_length_stands_behind_in(conn: SqliteConnection, some: list[int], others: list[str]) -> None:
    found = conn.execute(PAIRS, {"some": some, "others": others}).all()
    assert [row.a for row in found] == [n for n in range(20) if n in some or f"n{n}" in others]


def test_what_a_list_holds_is_never_sql(conn: SqliteConnection) -> None:
    found = conn.execute(PAIRS, {"some": [], "others": ["n3') OR ('1' = '1", "n4"]})
    assert [tuple(row) for row in found] == [(4, "n4")]


def test_a_row_is_read_by_column_by_place_and_in_pieces(conn: SqliteConnection) -> None:
    row = conn.execute("SELECT a, b AS name, count(*) FROM pair WHERE a = :a", {"a": 7}).one()
    number, name, _ = row
    assert (row.a, row.name, row[2], number, name) == (7, "n7", 1, 7, "n7")


def few(conn: SqliteConnection, count: int) -> Result:
    return conn.execute("SELECT a FROM pair ORDER BY a LIMIT :count", {"count": count})


def test_how_many_rows_there_may_be(conn: SqliteConnection) -> None:
    assert few(conn, 0).one_or_none() is few(conn, 0).first() is few(conn, 0).scalar() is None
    assert few(conn, 1).scalar_one() == few(conn, 3).scalar() == 0
    first = few(conn, 3).first()
    assert first is not None and first.a == 0
    assert few(conn, 0).scalar_one_or_none() is None
    for wrong in (0, 2):
        with pytest.raises(RowsUnexpected):
            few(conn, wrong).one()
    with pytest.raises(RowsUnexpected):
        few(conn, 2).one_or_none()
    assert list(few(conn, 3).scalars()) == [0, 1, 2]
    assert list(few(conn, 2).mappings()) == [{"a": 0}, {"a": 1}]


def test_a_value_that_is_missing_is_an_error(conn: SqliteConnection) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        conn.execute("SELECT a FROM pair WHERE a = :a", {})

"""The rows of pieces: what is joined, what is needed, what no row knows."""

from __future__ import annotations

from collector.ingest.pieces import (
    AT_ONCE,
    add_pieces,
    delete_pieces,
    end_of_pieces,
    join_pieces,
    pieces_of,
    unneeded_pieces,
    without_row,
)
from collector.store.database import Database
from collector.store.sql import Connection, text
from collector.store.staging import UploadPiece
from tests.support.databases import on_both
from tests.support.upload_rows import add_upload

pytestmark = on_both
ONE = [UploadPiece(0, 5, "one/0"), UploadPiece(5, 9, "one/5")]
TWO = [UploadPiece(0, 7, "two/0")]


def test_pieces_are_added_once_and_read_in_their_order(db: Database) -> None:
    db.write_sync(lambda conn: add_pieces(conn, "up", ONE[1:]))
    db.write_sync(lambda conn: add_pieces(conn, "up", ONE))
    assert db.read_sync(lambda conn: pieces_of(conn, "up")) == ONE
    assert db.read_sync(lambda conn: (end_of_pieces(conn, "up"), end_of_pieces(conn, "none"))) == (9, 0)


def test_joined_uploads_name_the_same_objects(db: Database) -> None:
    db.write_sync(lambda conn: (add_pieces(conn, "one", ONE), add_pieces(conn, "two", TWO)))
    db.write_sync(lambda conn: join_pieces(conn, "whole", [("two", 7), ("one", 9), ("two", 7), ("empty", 0)]))
    joined = [
        UploadPiece(0, 7, "two/0"),
        UploadPiece(7, 12, "one/0"),
        UploadPiece(12, 16, "one/5"),
        UploadPiece(16, 23, "two/0"),
    ]
    assert db.read_sync(lambda conn: pieces_of(conn, "whole")) == joined
    assert db.read_sync(lambda conn: pieces_of(conn, "one") + pieces_of(conn, "two")) == []
    assert sorted(db.read_sync(unneeded_pieces)) == ["one/0", "one/5", "two/0"], "there is no such upload"


def test_only_objects_of_uploads_that_nobody_needs_are_removed(db: Database) -> None:
    def fill(conn: object) -> None:
        for name, state, capture in (
            ("up-open", "open", None), ("up-whole", "durable", None), ("up-received", "durable", "received"),
            ("up-bad", "durable", "bad"), ("up-opened", "durable", "opened"), ("up-late", "open", "opened"),
        ):  # fmt: skip
            add_upload(conn, name, state, capture)  # type: ignore[arg-type]
            add_pieces(conn, name, [UploadPiece(0, 1, f"{name}/0")])  # type: ignore[arg-type]
        add_pieces(conn, "up-gone", [UploadPiece(0, 1, "up-gone/0")])  # type: ignore[arg-type]

    db.write_sync(fill)
    names = db.read_sync(unneeded_pieces)
    assert sorted(names) == ["up-gone/0", "up-opened/0"]
    db.write_sync(lambda conn: delete_pieces(conn, names))
    assert db.read_sync(unneeded_pieces) == []


def test_only_objects_that_never_get_a_row_are_left_behind(db: Database) -> None:
    """Their row is written with the fence that the name has, while the upload is open and has no higher one."""

    def fill(conn: Connection) -> None:
        for name, state in (("up-open", "open"), ("up-whole", "durable")):
            add_upload(conn, name, state, None)
            conn.execute(text("UPDATE upload SET fence = 4 WHERE id = :id"), {"id": name})
            add_pieces(conn, name, [UploadPiece(0, 1, f"{name}/00-3-row")])
        add_pieces(conn, "up-whole", [UploadPiece(1, 2, "up-joined/00-0-row")])

    db.write_sync(fill)
    kept = ["up-open/00-3-row", "up-open/00-4-now", "up-open/00-5-soon", "up-open/00-old", "up-whole/00-3-row"]
    gone = ["up-open/00-3-late", "up-whole/00-3-late", "up-whole/00-4-late", "up-joined/00-0-late", "up-gone/00-old"]
    found = db.read_sync(lambda conn: without_row(conn, [*kept, *gone, "up-joined/00-0-row"]))
    assert sorted(found.gone) == sorted(gone)
    assert sorted(found.undecided) == ["up-open/00-4-now", "up-open/00-5-soon", "up-open/00-old"]


def test_many_objects_are_compared_with_the_rows(db: Database) -> None:
    known = [UploadPiece(number, number + 1, f"up/{number}-0-x") for number in range(0, 2 * AT_ONCE + 7, 2)]
    db.write_sync(lambda conn: add_pieces(conn, "up", known))
    listed = [f"up/{number}-0-x" for number in range(2 * AT_ONCE + 7)]
    found = db.read_sync(lambda conn: without_row(conn, listed))
    assert found.gone == [name for number, name in enumerate(listed) if number % 2]

"""Sign-ins are remembered for seconds, and forgotten with every change of a credential."""

from __future__ import annotations

import asyncio
import math

import pytest

from collector.people import sign_ins
from collector.people.policy import Device, Person, end_session, find_person
from collector.people.sign_ins import Known, SignIns, credentials_changed
from collector.store.database import Database
from collector.store.sql import Connection

ANN = Person("person-1", "ann", "annotator")


class Book:
    """Counts how often the database is asked, and answers `who`."""

    def __init__(self, database: Database, seconds: float = math.inf) -> None:
        self.now = 0.0
        self.asked = 0
        self.who: object | None = ANN
        self.seconds = seconds
        self.sign_ins = SignIns(database, lambda: self.now)

    def look_up(self, _conn: Connection) -> Known | None:
        self.asked += 1
        return None if self.who is None else Known(self.who, self.seconds)

    def find(self, secret: str = "s", kind: str = "page") -> Person | None:
        return asyncio.run(self.sign_ins.find(kind, secret, Person, self.look_up))


def test_the_database_is_asked_once_in_a_while(db: Database) -> None:
    book = Book(db)
    assert [book.find(), book.find(), book.find()] == [ANN] * 3 and book.asked == 1
    book.now = sign_ins.REMEMBER_SECONDS - 0.01
    assert book.find() == ANN and book.asked == 1
    book.now += 0.02
    book.who = None
    assert book.find() is None and book.asked == 2


def test_each_kind_and_secret_is_somebody_else(db: Database) -> None:
    book = Book(db)
    for secret, kind in (("s", "page"), ("t", "page"), ("s", "api")):
        assert book.find(secret, kind) == ANN
    assert book.asked == 3
    book.who = Device("dev-1")
    assert book.find("u") is None, "a device's token is no person's"


def test_nobody_is_remembered_beyond_the_credentials_end(db: Database) -> None:
    book = Book(db, seconds=1.5)
    assert book.find() == ANN
    book.now, book.who = 1.6, None
    assert book.find() is None


def test_a_change_is_heard_of_before_it_is_answered(db: Database) -> None:
    book = Book(db)
    assert book.find() == ANN
    book.who = None
    db.write_sync(credentials_changed)
    assert book.find() is None and book.asked == 2


def test_what_was_read_before_a_change_is_not_remembered(db: Database) -> None:
    book = Book(db)

    def look_up(_conn: Connection) -> Known:
        db.write_sync(credentials_changed)  # while the read is on its way
        return Known(ANN, math.inf)

    assert asyncio.run(book.sign_ins.find("page", "s", Person, look_up)) == ANN
    book.who = None
    assert book.find() is None


def test_a_flood_of_credentials_takes_no_room(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "MAX_REMEMBERED", 3)
    book = Book(db)
    for number in range(20):
        book.find(f"s{number}")
    assert len(book.sign_ins._known) <= 3


def test_a_session_that_is_left_is_over_at_once(db: Database) -> None:
    from collector.people.accounts import add_user, new_link_code, sign_in

    db.write_sync(lambda conn: add_user(conn, "ann", "annotator"))
    code = db.write_sync(lambda conn: new_link_code(conn, "ann"))
    secret = db.write_sync(lambda conn: sign_in(conn, code)) or ""
    known = SignIns(db)

    def find() -> Person | None:
        return asyncio.run(known.find("page", secret, Person, lambda conn: find_person(conn, secret, "page", 3600)))

    person = find()
    assert person is not None and person.name == "ann"
    db.write_sync(lambda conn: end_session(conn, secret, person.id))
    assert find() is None

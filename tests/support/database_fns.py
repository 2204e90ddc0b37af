"""What tests of databases have run in transactions."""

from __future__ import annotations

from collections.abc import Callable

from collector.store.database import Database, notify
from collector.store.sql import Connection, text

ADD = text("INSERT INTO person (id, name, role, created_at) VALUES (:id, :id, 'lead', '')")


class Refused(Exception):
    """What a test's fn raises."""


def names(db: Database) -> list[str]:
    return db.read_sync(lambda conn: list(conn.execute(text("SELECT id FROM person ORDER BY id")).scalars()))


def writer(steps: list[str], *, fails: bool) -> Callable[[Connection], int]:
    """An fn that adds these people, notifies `people`, and returns how many they are."""

    def fn(conn: Connection) -> int:
        for step in steps:
            conn.execute(ADD, {"id": step})
        notify(conn, "people")
        if fails:
            raise Refused
        return len(steps)

    return fn

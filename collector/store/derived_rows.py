"""Values that can be worked out again at any time, in a file of their own next to the database: losing it costs time.

Whoever works them out saves them, the service or a command; the database has one writer and is not asked.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from collector.store.private import private_database
from collector.store.sql import Statement, text
from collector.store.sqlite_driver import SqliteConnection, roll_back

log = logging.getLogger("gleaner.store")
FILE = "derived.db"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS derived_row (kind TEXT NOT NULL, key TEXT NOT NULL, basis TEXT NOT NULL,"
    " body TEXT NOT NULL, PRIMARY KEY (kind, key))"
)
_FIND = text("SELECT key, basis, body FROM derived_row WHERE kind = :kind AND key IN :keys")
_ALL = text("SELECT key, basis, body FROM derived_row WHERE kind = :kind")
_KEYS = text("SELECT key, '' AS basis, '' AS body FROM derived_row WHERE kind = :kind")
_SAVE = text("INSERT OR REPLACE INTO derived_row (kind, key, basis, body) VALUES (:kind, :key, :basis, :body)")
_REMOVE = text("DELETE FROM derived_row WHERE kind = :kind AND key = :key")
_REMOVE_KINDS = text("DELETE FROM derived_row WHERE kind NOT IN :kinds")


class DerivedRow(NamedTuple):
    """A value as text, and what it was made of: another basis means that it has to be made anew."""

    key: str
    basis: str
    body: str


class DerivedRows:
    """The rows of some kinds. One thread at a time may use it.

    A file that is damaged is replaced by an empty one. Where none can be written, rows last as long as the object.

    Args:
        folder: of the database.
        kinds: those in use; rows of others are of another version and are removed.
    """

    def __init__(self, folder: Path, kinds: Sequence[str]) -> None:
        self._path = folder / FILE
        self._conn = _opened(self._path)
        with self._saving():
            self._conn.execute(_REMOVE_KINDS, {"kinds": kinds})

    def find(self, kind: str, keys: Sequence[str]) -> dict[str, DerivedRow]:
        """By key, those that are there."""
        return {row.key: row for row in self._rows(_FIND, {"kind": kind, "keys": keys})}

    def all(self, kind: str) -> list[DerivedRow]:
        return self._rows(_ALL, {"kind": kind})

    def save(self, kind: str, rows: Iterable[DerivedRow]) -> None:
        """Add rows, each in place of one with its key. A full disk or a busy file is no error: they are not saved."""
        with self._saving():
            self._conn.execute(_SAVE, [{"kind": kind, **row._asdict()} for row in rows])

    def remove_others(self, kind: str, keys: Collection[str]) -> None:
        """Remove the rows of what is no longer there."""
        known = set(keys)
        gone = [row.key for row in self._rows(_KEYS, {"kind": kind}) if row.key not in known]
        with self._saving():
            self._conn.execute(_REMOVE, [{"kind": kind, "key": key} for key in gone])

    def close(self) -> None:
        self._conn.driver.close()

    def _rows(self, statement: Statement, values: dict[str, Any]) -> list[DerivedRow]:
        try:
            return list(map(DerivedRow._make, self._conn.execute(statement, values)))
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
            return []

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        log.warning("%s is damaged and begins anew: %s", self._path, error)
        self.close()
        _remove(self._path)
        self._conn = _opened(self._path)

    @contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            self._conn.driver.execute("BEGIN IMMEDIATE")
            yield
            self._conn.driver.execute("COMMIT")
        except sqlite3.OperationalError as error:
            log.warning("%s was not saved: %s", FILE, error)
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
        finally:
            roll_back(self._conn.driver)


def _opened(path: Path) -> SqliteConnection:
    try:
        try:
            return _with_table(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            log.warning("%s is damaged and begins anew: %s", path, error)
            _remove(path)
            return _with_table(path)
    except (sqlite3.Error, OSError) as error:
        log.warning("%s cannot be used: %s", path, error)
    return _connected(Path(":memory:"))


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _with_table(path: Path) -> SqliteConnection:
    private_database(path)
    owner = path.parent.stat()
    with suppress(PermissionError):
        os.chown(path, owner.st_uid, owner.st_gid)  # root beside a service that is not
    return _connected(path)


def _connected(path: Path) -> SqliteConnection:
    conn = SqliteConnection(path)
    # What a power failure takes from the end of the log is worked out again.
    conn.driver.execute("PRAGMA synchronous=NORMAL")
    conn.driver.execute(_TABLE)
    return conn

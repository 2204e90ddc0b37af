"""SQLite connections: what each of them needs, errors in the words of the service, readers that are used again."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from collector.store.database import DatabaseDamaged, DatabaseFailed
from collector.store.read_only import FIND, ReadOnly, parsed
from collector.store.sql import Query, Result, Statement, Values

MAX_LOG_PAGES = 4000  # of 4 KiB; whoever commits past it copies the log (see `collector.store.sqlite_log`)
MAX_IDLE_LOG_BYTES = 16 * 2**20  # what that takes: a commit that lengthens the file waits longer for the disk
KEPT_STATEMENTS = 512  # prepared, by connection: more than there are texts in the collector
INSTRUCTIONS_PER_LOOK = 20_000  # of SQLite's own machine, between two looks at the clock
_HEADER_BYTES, _WRITE_FORMAT = 100, 18  # https://sqlite.org/fileformat2.html
_NO_TEXT = "Could not decode to UTF-8"


class SqliteConnection:
    """See `collector.store.sql.Connection`. One thread at a time may use it."""

    __slots__ = ("_run_as_is", "driver", "info", "lasting")

    def __init__(self, path: Path, *, query_only: bool = False) -> None:
        self.driver = connect(path)
        if query_only:
            self.driver.execute("PRAGMA query_only=ON")
        self.info: dict[str, Any] = {}
        self.lasting: dict[Any, Any] = {}
        self._run_as_is = 0

    def changes(self) -> int:
        """A number that is another one after something was written: rows, or by SQL text that was run as it is."""
        return self.driver.total_changes + self._run_as_is

    def execute(self, statement: Statement | str, values: Values | Sequence[Values] | None = None) -> Result:
        made = statement if isinstance(statement, Statement) else Statement(str(statement))
        if values is None:
            return Result(self.driver.execute(made.text), made)
        if isinstance(values, dict):  # before Sequence, whose check is slow
            return Result(self.driver.execute(*made.filled(values)), made)
        if isinstance(values, Sequence):
            return Result(self.driver.executemany(made.text, values), made)
        return Result(self.driver.execute(*made.filled(values)), made)

    def ahead(self, asked: Sequence[Query]) -> None:
        """Nothing to do: no statement travels."""

    def exec_driver_sql(self, sql: str) -> Result:
        self._run_as_is += 1
        return Result(self.driver.execute(sql), Statement(sql))


def connect(path: Path) -> sqlite3.Connection:
    """A connection of the driver's own, with what every connection here needs. Raises sqlite3.Error."""
    # Without isolation_level=None sqlite3 would begin transactions itself, and deferred ones.
    driver = sqlite3.connect(
        path, timeout=10.0, isolation_level=None, check_same_thread=False, cached_statements=KEPT_STATEMENTS
    )
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={MAX_LOG_PAGES}",
        f"journal_size_limit={MAX_IDLE_LOG_BYTES}",
    ):
        driver.execute(f"PRAGMA {pragma}")
    return driver


class Readers:
    """Connections that only read, used again and again: as many as there are reads at once, of which `kept` stay."""

    def __init__(self, path: Path, kept: int) -> None:
        self._path = path
        self._idle: queue.LifoQueue[SqliteConnection] = queue.LifoQueue(kept)

    @contextlib.contextmanager
    def one(self) -> Iterator[SqliteConnection]:
        """A connection inside a transaction of its own: everything read is of one moment. Raises sqlite3.Error."""
        try:
            conn = self._idle.get_nowait()
        except queue.Empty:
            conn = SqliteConnection(self._path, query_only=True)
        try:
            conn.driver.execute("BEGIN")
            yield conn
        finally:
            self._put_back(conn)

    def _put_back(self, conn: SqliteConnection) -> None:
        try:
            roll_back(conn.driver)
            self._idle.put_nowait(conn)
        except (sqlite3.Error, queue.Full):
            conn.driver.close()

    def close(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().driver.close()


@contextlib.contextmanager
def interrupted_after(driver: sqlite3.Connection, deadline: float) -> Iterator[None]:
    """SQLite gives up a statement that still runs at the deadline (`time.monotonic`)."""
    driver.set_progress_handler(lambda: int(time.monotonic() > deadline), INSTRUCTIONS_PER_LOOK)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def found_read_only(conn: SqliteConnection) -> ReadOnly | None:
    """As `find_read_only`, also in a database without tables. Raises sqlite3.Error."""
    try:
        found = conn.driver.execute(FIND).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return None
    return None if found is None else parsed(found[0])


def roll_back(driver: sqlite3.Connection) -> None:
    """End a transaction without a trace, if the engine has not ended it itself."""
    if driver.in_transaction:
        driver.execute("ROLLBACK")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite read what it cannot have written."""
    code = getattr(error, "sqlite_errorcode", None)  # the driver's own errors have none
    if code is None:
        return str(error).startswith(_NO_TEXT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or str(error) == "unsupported file format"


def check_header(path: Path) -> None:
    """A file whose header asks for a newer SQLite is opened for reading only. Raises DatabaseDamaged, OSError."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) == _HEADER_BYTES and header[_WRITE_FORMAT] not in (1, 2):
        raise DatabaseDamaged(f"The database is damaged: its header has the format {header[_WRITE_FORMAT]}.")


def failed(error: sqlite3.Error) -> DatabaseFailed:
    """The engine's own error in the words of the service."""
    if str(error).startswith(_NO_TEXT):
        return DatabaseDamaged("The database is damaged: a text in it cannot be read.")  # SQLite's sentence quotes it
    if is_damage(error):
        return DatabaseDamaged(f"The database is damaged: {error}.")
    return DatabaseFailed(f"The database could not do this: {error}.")

"""The database as everybody else sees it: `read(fn)` and `write(fn)`, where `fn(conn)` is plain SQL.

    rows = await db.read(lambda conn: conn.execute(NAMES).all())
    await db.write(lambda conn: conn.execute(ADD_NAME, {"name": name}))

with statements of `collector.store.sql`.

What the caller guarantees: `fn` does nothing but SQL on its connection (no other input or output, no waiting), keeps
no row or cursor past its return, and may run again. What the database guarantees: `write` returns after the commit is
on disk; an `fn` that raises leaves no trace and its exception reaches its caller; writes are serial.

An fn that takes a millisecond at most is `quick`: it may run on the event loop, because threads that wait for each
other's turn to run Python take longer than it does. Where it finds more to do, it calls `require_thread(conn)` first.
On PostgreSQL others can read what a quick write has done some milliseconds before it is on disk and answered: one after
which somebody deletes what lies outside the database is not quick (docs/decisions/0021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

from collector.store.sql import Connection
from wire.errors import GleanerError

T = TypeVar("T")
Fn = Callable[[Connection], T]
Along = Callable[[Connection, T], T]
_TOPICS = "gleaner.topics"
_QUICK = "gleaner.quick"


class DatabaseFailed(GleanerError):
    """The engine itself gave up (disk full, server gone): nothing of the transaction was kept."""

    code = "database-failed"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Look at the free space and the health of the disk that holds the data folder, then try again."


class DatabaseDamaged(DatabaseFailed):
    """The engine found in the database what it cannot have written. Once it is restored, devices and jobs continue."""

    code = "database-damaged"
    hint = (
        "Stop the service and keep the data folder. Restore the newest backup into a new one (`gleaner collector"
        " restore`) and start the service there. Then look at the disk. docs/backup.md: When something is damaged."
    )


class DatabaseLost(GleanerError):
    """Media are there, and the database that knows them is missing or empty."""

    code = "database-lost"
    status = 503
    exit_code = 3
    hint = "Put collector.db back from a backup. To start over, move the whole data folder away."


class ReadTooLong(GleanerError):
    """A list or report would have taken too long and was given up."""

    code = "read-too-long"
    status = 503
    retryable = True
    hint = "Request less at once (limit), or try again later."


class ThreadRequired(Exception):
    """Inside a quick `fn`: it would hold up the event loop. The database runs it again, in a thread."""


class TextUnusable(GleanerError):
    """A text holds a character that PostgreSQL cannot store."""

    code = "text-unusable"
    status = 400
    hint = "Remove the character U+0000 from the text."


class Database(Protocol):
    """Serial durable writes, concurrent short reads, and a word after each commit that concerns a topic."""

    async def read(self, fn: Fn[T], *, quick: bool = False) -> T:
        """Run `fn` on a read-only snapshot, off the event loop unless it is `quick`."""
        ...

    async def read_long(self, fn: Fn[T]) -> T:
        """`read` for lists, reports and metrics: on threads of its own, so that nobody's sign-in waits for it.

        Raises:
            ReadTooLong: it took longer than a person waits.
        """
        ...

    async def write(self, fn: Fn[T], *, quick: bool = False, along: Along[T] | None = None) -> T:
        """Run `fn` in a transaction; returns after the commit is durable.

        `along` reads what belongs to the answer: it is given what `fn` returned, and returns it with what it read.
        It runs in the transaction, or right after its commit where other processes wait for their turn, and is always
        `quick`. Where it would take longer, or fails, the value is that of `fn`.
        """
        ...

    def read_sync(self, fn: Fn[T]) -> T:
        """`read` for a thread or a command; never call it on the event loop."""
        ...

    def write_sync(self, fn: Fn[T]) -> T:
        """`write` for a thread or a command; never call it on the event loop or inside an `fn`."""
        ...

    def maintain(self) -> None:
        """Refresh what the engine knows of its tables and shorten its log: by the hour, not on the event loop."""
        ...

    def subscribe(self, topic: str, callback: Callable[[], None]) -> None:
        """Call `callback` after each commit in which `notify(conn, topic)` was said. It must not block."""
        ...

    def close(self) -> None:
        """Finish what was accepted, then let go of files and lock."""
        ...


@runtime_checkable
class ReportsCommits(Protocol):
    """A database whose engine groups writes, and reports each group."""

    def observe_commits(self, observe: Callable[[int, float], None]) -> None:
        """Have `observe` called after each commit with the number of writes in it and the seconds it took."""
        ...


def notify(conn: Connection, topic: str) -> None:
    """Inside an `fn`: subscribers of `topic` are called if and when this transaction commits."""
    conn.info.setdefault(_TOPICS, []).append(topic)


def notified_topics(conn: Connection) -> list[str]:
    """The topics said so far in the running transaction, in order; the engine cuts and clears this list."""
    topics: list[str] = conn.info.setdefault(_TOPICS, [])
    return topics


def require_thread(conn: Connection) -> None:
    """Before an `fn` does what may take longer than a millisecond. Raises ThreadRequired: on the event loop."""
    if conn.info.get(_QUICK):
        raise ThreadRequired


@contextmanager
def quickly(conn: Connection) -> Iterator[None]:
    """For engines: what runs inside is on the event loop, or as short as if it were."""
    before = conn.info.get(_QUICK, False)
    conn.info[_QUICK] = True
    try:
        yield
    finally:
        conn.info[_QUICK] = before

"""Which process has an upload in hand, where several take uploads: columns of its row, changed in transactions.

Each request that wants an upload takes the next number (`ticket`). Whoever has it in hand is `owner`, with its number
as `fence`. The owner is asked to leave as soon as a higher number is there: it saves what it has, and lets go in the
same transaction. One that does not is passed over after a while, and one whose process has gone at once. An offset is
promised only with the fence that the row has: nobody who was passed over, or taken for dead, moves one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from collector.ingest.offsets import UPLOADS_FREE, let_go
from collector.store.database import Database, notify
from collector.store.sql import Connection, text

UPLOADS_WANTED = "uploads-wanted"  # topic: an upload that some process has in hand is wanted by another
_IS_FREE = "(owner IS NULL OR owner = :me OR owner NOT IN (SELECT id FROM process))"
_TAKE = text(
    f"UPDATE upload SET ticket = ticket + 1, fence = CASE WHEN {_IS_FREE} THEN ticket + 1 ELSE fence END,"
    f" owner = CASE WHEN {_IS_FREE} THEN :me ELSE owner END WHERE id = :id RETURNING ticket, fence"
)
_TAKE_OVER = text("UPDATE upload SET owner = :me, fence = ticket WHERE id = :id AND ticket = :ticket")
_TAKE_FREE = text(f"{_TAKE_OVER} AND {_IS_FREE}")
_TICKET = text("SELECT ticket FROM upload WHERE id = :id")
_WANTED = text("SELECT id FROM upload WHERE owner = :me AND ticket > fence")
_BUSY = text(f"SELECT NOT {_IS_FREE} FROM upload WHERE id = :id")
# A fence that nobody has but the newest who waits, if somebody does: who had it in hand is refused, also if he lives.
_NEXT = "CASE WHEN ticket > fence THEN ticket ELSE ticket + 1 END"
_RELEASE = f"UPDATE upload SET owner = NULL, fence = {_NEXT}, ticket = {_NEXT}"
_RELEASE_LEFT = text(f"{_RELEASE} WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM process)")
_RELEASE_ALL = text(f"{_RELEASE} WHERE owner IS NOT NULL OR state = 'open'")


class Ticket(NamedTuple):
    """`is_mine`: the upload is in hand, with `number` as its fence. Else somebody has to leave first."""

    number: int
    is_mine: bool


class Passed(Exception):
    """A newer request wants the upload."""


class UploadOwners:
    """The uploads that this process, `me`, has in hand, among those of all processes."""

    def __init__(self, db: Database, me: str) -> None:
        self._db = db
        self._me = me

    def subscribe(self, wanted: Callable[[], None], free: Callable[[], None]) -> None:
        """Have `wanted` called when something in hand may be wanted elsewhere, `free` when something became free."""
        self._db.subscribe(UPLOADS_WANTED, wanted)
        self._db.subscribe(UPLOADS_FREE, free)

    async def is_busy(self, upload: str) -> bool:
        """Whether another process has it in hand."""
        values = {"me": self._me, "id": upload}
        return bool(await self._db.read(lambda conn: conn.execute(_BUSY, values).scalar(), quick=True))

    async def take(self, upload: str) -> Ticket:
        """Take it in hand if it is free, or else ask its owner to leave."""
        return await self._db.write(lambda conn: self._take_now(conn, upload))

    def _take_now(self, conn: Connection, upload: str) -> Ticket:
        row = conn.execute(_TAKE, {"me": self._me, "id": upload}).one_or_none()
        if row is None:
            return Ticket(0, True)  # there is no such upload: whoever looks for its row next finds that out
        if row.ticket != row.fence:
            notify(conn, UPLOADS_WANTED)
        return Ticket(row.ticket, row.ticket == row.fence)

    async def take_over(self, upload: str, number: int, *, by_force: bool) -> bool:
        """Whether it is in hand now: it became free, or is taken from who has it, `by_force`. Raises Passed."""
        statement = _TAKE_OVER if by_force else _TAKE_FREE

        def fn(conn: Connection) -> bool:
            values = {"me": self._me, "id": upload, "ticket": number}
            if conn.execute(statement, values).rowcount:
                return True
            newest = conn.execute(_TICKET, {"id": upload}).scalar()
            if newest not in (number, None):
                raise Passed
            return newest is None  # there is no such upload any more

        return await self._db.write(fn)

    async def wanted(self) -> list[str]:
        """What this process has in hand and another wants."""
        return await self._db.read(lambda conn: list(conn.execute(_WANTED, {"me": self._me}).scalars()))

    async def let_go(self, upload: str, fence: int) -> None:
        await self._db.write(lambda conn: let_go(conn, upload, fence))


def release_uploads(conn: Connection) -> int:
    """Nobody has in hand what processes had that are gone; returns how many there were."""
    count = conn.execute(_RELEASE_LEFT).rowcount
    if count:
        notify(conn, UPLOADS_FREE)
    return count


def release_all_uploads(conn: Connection) -> int:
    """The same for the only process there is, whose uploads have no owner: nothing is in hand at its start and end."""
    return conn.execute(_RELEASE_ALL).rowcount

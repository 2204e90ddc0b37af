"""The processes that take uploads and do jobs on one database, and what becomes of the work of one that has gone.

Each has an id of its own, made at its start, and a number in its row that rises every few seconds. One whose number has
not risen for DEAD_SECONDS is taken for dead: measured by the clock of whoever looks, for the clocks of two machines
differ. A start in the same data folder shows that the one before has ended, too. Its row goes, and what it had in hand
is free, in one transaction.

Nothing is wrong if one that was taken for dead still works: uploads and jobs have fences, by which it is refused what
another has meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.read_only import DataReadOnly
from collector.store.sql import Connection, text
from wire.base import new_id
from wire.errors import GleanerError
from wire.files import write_whole

log = logging.getLogger("gleaner.collector")
BEAT_SECONDS = 5.0
# More than a process that hangs can hold up the writes of all others (collector/store/postgres.py).
DEAD_SECONDS = 30.0
FOLDER_FILE = "process.id"
Release = Callable[[Connection], int]

_ADD = text(
    "INSERT INTO process (id, folder, name, beats, started_at, seen_at) VALUES (:id, :folder, :name, 0, :now, :now)"
    " ON CONFLICT (id) DO UPDATE SET beats = process.beats + 1, seen_at = excluded.seen_at"
)
_OTHERS = text("SELECT id, folder, beats FROM process WHERE id <> :id")
_FIRST = text("SELECT id FROM process ORDER BY started_at, id LIMIT 1")
_DELETE = text("DELETE FROM process WHERE id IN :ids")


class Processes:
    """This process and the others. `releases` free what processes have in hand that have no row here."""

    def __init__(
        self,
        db: Database,
        data: Path,
        name: str,
        releases: Sequence[Release],
        *,
        alone: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alone`: no other process can be at work on this database."""
        self.id = new_id("proc")
        self._db = db
        self._name = name
        self._releases = releases
        self._alone = alone
        self._clock = clock
        self._folder = _folder_id(data)
        self._has_begun = False
        self._seen: dict[str, tuple[int, float]] = {}  # id -> beats, and when they were first seen

    def start(self) -> None:
        """Take part: what those before had in hand is free; as soon as rows may be changed. Not on the event loop."""

        def begin(conn: Connection) -> None:
            ended = [row.id for row in conn.execute(_OTHERS, {"id": self.id}) if self._has_ended(row.folder)]
            self._add(conn)
            self._bury(conn, ended)

        with contextlib.suppress(DataReadOnly):
            self._db.write_sync(begin)
            self._has_begun = True

    def _has_ended(self, folder: str) -> bool:
        return self._alone or folder == self._folder

    def _add(self, conn: Connection) -> None:
        conn.execute(_ADD, {"id": self.id, "folder": self._folder, "name": self._name, "now": now_text()})

    def _bury(self, conn: Connection, ids: Sequence[str]) -> None:
        conn.execute(_DELETE, {"ids": ids})
        for release in self._releases:
            release(conn)

    def stop(self) -> None:
        """Take part no longer: what is still in hand is free. Not on the event loop."""
        self._db.write_sync(lambda conn: self._bury(conn, [self.id]))

    async def is_first(self) -> bool:
        """Whether what one process does for all is this one's: it is the oldest of those that live."""
        return self._alone or await self._db.read(lambda conn: conn.execute(_FIRST).scalar()) == self.id

    async def live(self) -> None:
        """Show that this process lives, and look after the others. Ends when cancelled."""
        while not (self._alone and self._has_begun):
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await (self.look_after() if self._has_begun else asyncio.to_thread(self.start))
            except DataReadOnly:
                self._seen.clear()  # nobody else can show that they live, either
            except GleanerError as error:
                log.warning("this process could not show that it lives: %s", error)

    async def look_after(self) -> list[str]:
        """One beat; returns the ids of processes that were found dead and are no more."""
        others = await self._db.read(lambda conn: conn.execute(_OTHERS, {"id": self.id}).all())
        now = self._clock()
        beats = {row.id: row.beats for row in others}
        self._seen = {one: self._seen.get(one, (-1, now)) for one in beats}
        for one, count in beats.items():
            if self._seen[one][0] != count:
                self._seen[one] = (count, now)
        silent = {one: beats[one] for one, (_, since) in self._seen.items() if now - since >= DEAD_SECONDS}

        def beat(conn: Connection) -> list[str]:
            self._add(conn)
            # Whoever rose while this waited for its turn lives.
            found = conn.execute(_OTHERS, {"id": self.id}) if silent else ()
            dead = [row.id for row in found if silent.get(row.id) == row.beats]
            if dead:
                self._bury(conn, dead)
            return dead

        dead = await self._db.write(beat)
        for one in dead:
            del self._seen[one]
            log.warning("the process %s has gone; what it had in hand is done by others", one)
        return dead


def _folder_id(data: Path) -> str:
    """By which a process finds what the one before it in the same data folder left. That folder has one process."""
    file = data / FOLDER_FILE
    if not file.exists():
        write_whole(file, new_id("folder").encode())
    return file.read_text(encoding="ascii").strip()

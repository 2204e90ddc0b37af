"""How many bytes each study has: of originals, of what was made from them, and of uploads on their way.

Every row of a study is added up for this, which takes a second at 100,000 captures: it is done at most every ten
minutes, beside the requests of people, and the answer says of when it is.
"""

from __future__ import annotations

import asyncio
import time

from collector.exports.export_runs import export_bytes
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.base import WireModel

MAX_AGE_SECONDS = 600.0
_CAPTURES = text(
    "SELECT session.study, count(*) AS captures FROM capture LEFT JOIN session ON session.id = capture.session_id"
    " GROUP BY session.study"
)
_BYTES = text(
    "SELECT session.study, sum(CASE WHEN derived.kind = 'original' THEN derived.bytes ELSE 0 END) AS original_bytes,"
    " sum(CASE WHEN derived.kind = 'original' THEN 0 ELSE derived.bytes END) AS derived_bytes FROM derived"
    " JOIN capture ON capture.id = derived.capture_id LEFT JOIN session ON session.id = capture.session_id"
    " GROUP BY session.study"
)
# Bytes of uploads that are not part of an opened capture yet: they are in the staging folder.
_STAGED = text(
    'SELECT session.study, sum(upload."offset") AS staged_bytes FROM upload'
    " LEFT JOIN capture ON capture.id = upload.capture_id LEFT JOIN session ON session.id = capture.session_id"
    " WHERE upload.state = 'open' OR capture.id IS NULL OR capture.state <> 'opened' GROUP BY session.study"
)


_NOTHING = dict.fromkeys(("captures", "original_bytes", "derived_bytes", "staged_bytes"), 0)


class StudyStorage(WireModel):
    """`study` null: captures and uploads whose session record has not come yet. Bytes that two captures share count
    for both."""

    study: str | None
    captures: int
    original_bytes: int
    derived_bytes: int
    staged_bytes: int


class Storage(WireModel):
    """The largest study first; `at` is when it was added up. `export_bytes`: of exports that the service made."""

    at: str
    studies: list[StudyStorage]
    exports: int
    export_bytes: int


def read_storage(conn: Connection) -> Storage:
    found: dict[str | None, dict[str, int]] = {}
    for statement in (_CAPTURES, _BYTES, _STAGED):
        for row in conn.execute(statement).mappings():
            study = row.pop("study")
            found.setdefault(study, dict(_NOTHING)).update({name: int(value) for name, value in row.items()})
    studies = [StudyStorage(study=study, **figures) for study, figures in found.items()]
    studies.sort(key=lambda one: (-one.original_bytes - one.derived_bytes - one.staged_bytes, one.study or ""))
    exports, exported = export_bytes(conn)
    return Storage(at=now_text(), studies=studies, exports=exports, export_bytes=exported)


class StorageFigures:
    """The newest answer, good for MAX_AGE_SECONDS; who asks meanwhile waits for the one that is being made."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._found: Storage | None = None
        self._until = 0.0

    async def get(self, db: Database) -> Storage:
        async with self._turn:
            if self._found is None or time.monotonic() >= self._until:
                self._found = await db.read_long(read_storage)
                self._until = time.monotonic() + MAX_AGE_SECONDS
            return self._found

"""Whether the blobs are those of a database: several processes may share both, and each names its own place."""

from __future__ import annotations

from secrets import token_hex

from collector.store.blobs import BlobStore
from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.errors import GleanerError

_READ = text("SELECT value FROM service_state WHERE name = 'blobs'")
_A_BLOB = text("SELECT blob FROM derived LIMIT 1")
_MOVE = "Set `blobs` as it was, and bring the media to their new place: gleaner collector move --to-blobs ADDRESS."
_DELETE = text("DELETE FROM service_state WHERE name = 'blobs'")
_WRITE = text("INSERT INTO service_state (name, value) VALUES ('blobs', :value) ON CONFLICT (name) DO NOTHING")


class BlobsElsewhere(GleanerError):
    """The blobs do not belong to the database."""

    code = "blobs-elsewhere"
    status = 503
    exit_code = 3
    hint = (
        "Give every collector of this database the same setting `blobs`; without it, make `blobs` in the data folder a"
        " link to that of the collector that takes uploads, or mount it there."
    )


def check_blobs(db: Database, blobs: BlobStore, *, may_mark: bool) -> None:
    """Compare the mark at the blobs with the one in the database.

    Args:
        may_mark: this process owns them: it makes marks where there are none yet.

    Raises:
        BlobsElsewhere: they differ, or one is missing that this process may not make.
        DiskFull, StorageUnusable.
    """
    mark, known = blobs.read_mark(), db.read_sync(mark_of)
    if may_mark and mark is None:
        named = db.read_sync(lambda conn: conn.execute(_A_BLOB).scalar())
        if named is not None and not blobs.exists(named):
            raise BlobsElsewhere("The media of this database lie elsewhere than the settings say.", hint=_MOVE)
        if known is None:
            known = db.write_sync(lambda conn: _marked(conn, token_hex(16)))
        mark = known
        blobs.write_mark(mark)
    if known is None or mark != known:
        raise BlobsElsewhere("The media of this database lie elsewhere than the settings say.")


def mark_of(conn: Connection) -> str | None:
    """By which the media of a database are known; None: nobody has asked yet."""
    found: str | None = conn.execute(_READ).scalar()
    return found


def set_mark(conn: Connection, mark: str) -> None:
    """From now on the media of the database are those with this mark."""
    conn.execute(_DELETE)
    conn.execute(_WRITE, {"value": mark})


def _marked(conn: Connection, new: str) -> str:
    """The mark of the database, which is `new` where it had none."""
    conn.execute(_WRITE, {"value": new})
    return str(conn.execute(_READ).scalar_one())

"""Whether a folder holds the blobs of a database: several processes may share both, and each names its own folder."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.errors import GleanerError
from wire.files import write_whole

MARK = ".database"
_READ = text("SELECT value FROM service_state WHERE name = 'blobs'")
_WRITE = text("INSERT INTO service_state (name, value) VALUES ('blobs', :value) ON CONFLICT (name) DO NOTHING")


class BlobsElsewhere(GleanerError):
    """The folder of the blobs does not belong to the database."""

    code = "blobs-elsewhere"
    status = 503
    exit_code = 3
    hint = "Make `blobs` in the data folder a link to that of the collector that takes uploads, or mount it there."


def check_blobs(db: Database, folder: Path, *, may_mark: bool) -> None:
    """Compare the mark in the folder with the one in the database.

    Args:
        may_mark: this process owns the folder: it makes marks where there are none yet.

    Raises:
        BlobsElsewhere: they differ, or one is missing that this process may not make.
    """
    file = folder / MARK
    mark = file.read_text(encoding="ascii") if file.exists() else None
    if may_mark:
        known = db.write_sync(lambda conn: _marked(conn, mark or token_hex(16)))
        if mark is None:
            write_whole(file, known.encode())
            mark = known
    else:
        known = db.read_sync(lambda conn: conn.execute(_READ).scalar())
    if known is None or mark != known:
        raise BlobsElsewhere(f"The folder {folder} does not hold the media of this database.")


def _marked(conn: Connection, new: str) -> str:
    """The mark of the database, which is `new` where it had none."""
    conn.execute(_WRITE, {"value": new})
    return str(conn.execute(_READ).scalar_one())

"""New databases of a collector, copied from one that was migrated once, so that a test waits for no migration."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from collector.store.database import Database
from collector.store.open import open_database

NAME = "collector.db"


def new_database(folder: Path) -> Database:
    """A database without rows, in a folder that may have to be made."""
    migrated(folder)
    return open_database(folder)


def migrated(folder: Path) -> None:
    """Lays an empty database of this version into a folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / NAME
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        open_database(name).close()
        return Path(name, NAME).read_bytes()

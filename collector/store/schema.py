"""Which schema a database has and which this version knows, without loading what migrates it (half a second)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

VERSIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def newest_schema() -> str:
    """The revision that migrations end at: they are numbered in their order, `0007_steps.py` is revision 0007."""
    return max(path.stem.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def schema_of(database: Path) -> str | None:
    """The revision a database is at; None where it is not known: a new, an empty or a damaged file."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            found = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return None if found is None else str(found[0])

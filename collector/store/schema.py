"""Which schema a database has and which this version knows, without loading what migrates it (half a second)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import NamedTuple

from collector.store.read_only import FIND, ReadOnly, parsed
from collector.store.sqlite_driver import failed, is_damage

VERSIONS = Path(__file__).parent / "migrations" / "versions"


class Standing(NamedTuple):
    """The revision a database is at, None for a new one, and why its rows may not be changed, None: they may."""

    schema: str | None
    read_only: ReadOnly | None


@cache
def newest_schema() -> str:
    """The revision that migrations end at: they are numbered in their order, `0007_steps.py` is revision 0007."""
    return max(path.stem.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def schema_of(database: Path) -> str | None:
    """The revision a database is at; None of a new or an empty file. Raises DatabaseDamaged."""
    return standing_of(database).schema


def standing_of(database: Path) -> Standing:
    """As far as it is known: of a new or an empty file, nothing is. Raises DatabaseDamaged."""
    schema = state = None
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            schema = conn.execute("SELECT version_num FROM alembic_version").fetchone()
            state = conn.execute(FIND).fetchone()
    except sqlite3.Error as error:
        if is_damage(error):
            raise failed(error) from error
    return Standing(None if schema is None else str(schema[0]), None if state is None else parsed(state[0]))

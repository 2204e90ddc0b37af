"""The one MetaData, with names for every constraint so that migrations can speak of them; what both engines need."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, Integer, MetaData, String, text
from sqlalchemy.ext.compiler import compiles

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# 64 bits everywhere. SQLite numbers rows by itself only where the type is called INTEGER.
WHOLE = BigInteger().with_variant(Integer(), "sqlite")


@compiles(String, "postgresql")
def _text(_type: String, _compiler: Any, **_: Any) -> str:
    """One type of text everywhere: PostgreSQL infers that of a parameter, and takes text and varchar for two."""
    return "TEXT"


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of the rows that meet a condition, on both engines."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))

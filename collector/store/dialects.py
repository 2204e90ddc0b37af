"""What SQLite and PostgreSQL write differently: one function per case, for the statements of every folder.

Statements are written once, in SQL that both engines read. Where there is none, a function of this module returns the
text for SQLite and remembers what PostgreSQL has instead; `postgres_text` puts that in its place.

    MEMBERS = text(f"SELECT id FROM task WHERE {in_json_list('study', 'studies')}")
"""

from __future__ import annotations

# SQLite's text -> PostgreSQL's. Filled as statements are made, which is once for each of them.
_ON_POSTGRES: dict[str, str] = {}


def differs(sqlite: str, postgres: str) -> str:
    """`sqlite`, which statements have as `postgres` when PostgreSQL runs them. Other cases may be inside both."""
    _ON_POSTGRES[sqlite] = postgres_text(postgres)
    return sqlite


def postgres_text(sql: str) -> str:
    """A statement's text with what PostgreSQL has in place of SQLite's words; parameters stay as they are."""
    # The longest first: a shorter one may be inside it.
    for sqlite in sorted((known for known in _ON_POSTGRES if known in sql), key=len, reverse=True):
        sql = sql.replace(sqlite, _ON_POSTGRES[sqlite])
    return sql


def in_json_list(value: str, parameter: str) -> str:
    """A condition: `value` is one of the texts in the JSON array that the parameter holds."""
    return differs(
        f"{value} IN (SELECT value FROM json_each(:{parameter}))",
        f"{value} IN (SELECT json_array_elements_text(CAST(:{parameter} AS json)))",
    )


def json_rows(parameter: str, name: str) -> str:
    """A table for FROM with the texts of a JSON array: one column, `name.value`."""
    return differs(
        f"json_each(:{parameter}) AS {name}",
        f"json_array_elements_text(CAST(:{parameter} AS json)) AS {name}(value)",
    )


def json_member(document: str, name: str) -> str:
    """A member of the JSON object in a column: a text as it is, anything else as JSON; NULL where there is none."""
    return differs(f"json_extract({document}, '$.{name}')", f"CAST({document} AS json) ->> '{name}'")


def json_array_of(value: str) -> str:
    """An aggregate: the values of all rows as a JSON array, `[]` without rows."""
    return differs(f"json_group_array({value})", f"coalesce(CAST(json_agg({value}) AS text), '[]')")


def joined(value: str, separator: str) -> str:
    """An aggregate: the texts of all rows in one, in no particular order; NULL without rows."""
    return differs(f"group_concat({value}, '{separator}')", f"string_agg({value}, '{separator}')")


NAMES_OF_TABLES = differs(
    "SELECT name FROM sqlite_master WHERE type = 'table'",
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
)
"""A statement: the `name` of every table."""
DATABASE_BYTES = differs(
    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "SELECT pg_database_size(current_database())",
)
"""A statement: how large the database is."""

"""What a PostgreSQL database has to be like before anything is read or written there, and which schema it has."""

from __future__ import annotations

import psycopg
from psycopg import conninfo

from collector.store.database import DatabaseFailed
from collector.store.postgres_driver import PostgresConnection
from collector.store.read_only import find_read_only
from collector.store.schema import Standing

MIN_SERVER = 14
CREATE = "createdb --template=template0 --encoding=UTF8 --locale=C gleaner"
_FACTS = (
    "SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS sorts_by,"
    " CAST(current_setting('server_version_num') AS bigint) / 10000 AS version FROM pg_database"
    " WHERE datname = current_database()"
)
_HAS_VERSION = "SELECT to_regclass('alembic_version') IS NOT NULL"


def postgres_standing(address: str) -> Standing:
    """What is known of a database before it is used.

    Raises:
        DatabaseFailed: it cannot store what the collector stores.
        psycopg.Error: it cannot be reached.
    """
    conn = PostgresConnection(address)
    try:
        _check(conn)
        if not conn.execute(_HAS_VERSION).scalar():
            return Standing(None, None)
        found = conn.execute("SELECT version_num FROM alembic_version").scalar()
        return Standing(None if found is None else str(found), find_read_only(conn))
    finally:
        conn.close()


def is_readable(address: str) -> bool:
    """Whether libpq can read an address; its own message would repeat a password."""
    try:
        conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        return False
    return True


def _check(conn: PostgresConnection) -> None:
    """Raises DatabaseFailed."""
    facts = conn.execute(_FACTS).one()
    if facts.version < MIN_SERVER:
        raise DatabaseFailed(
            f"The PostgreSQL server is of version {facts.version}; {MIN_SERVER} or newer is needed.",
            hint="Use a newer server.",
        )
    if facts.encoding != "UTF8" or facts.sorts_by not in ("C", "POSIX"):
        raise DatabaseFailed(
            f"The PostgreSQL database has the encoding {facts.encoding} and sorts text by {facts.sorts_by};"
            " UTF8 and C are needed.",
            hint=f"Make a new database: {CREATE}",
        )

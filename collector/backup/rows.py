"""Rows of every table as lines of JSON, in segments that stay the same as long as their rows do.

The order is that of the primary key. A segment ends after a line whose own hash says so, so that rows that are added
or changed leave the segments before and after them as they were: the next backup saves only what differs.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Column, String, Table

from collector.backup.problems import SchemaDiffers
from collector.backup.snapshot import RowList, digest_of
from collector.store.dialects import differs
from collector.store.long_select import stream
from collector.store.schema import newest_schema
from collector.store.sql import Connection, text
from collector.store.tables import metadata
from collector.store.tables.service import BUT_THOSE

if TYPE_CHECKING:
    from collector.store.integrity import TableRows

MIN_SEGMENT_BYTES = 64 << 10
MAX_SEGMENT_BYTES = 4 << 20
END_AFTER_ONE_IN = 128  # lines, on average, once a segment has its least length
COMPRESSION = 1
BLOBS = "blobs"
BLOB_COLUMNS = ("blob", "bytes")
_SCHEMA = text("SELECT version_num FROM alembic_version")
_BLOBS = "SELECT blob, max(bytes) AS bytes FROM derived GROUP BY blob ORDER BY blob"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
Save = Callable[[bytes], str]


class RowWriter:
    """Makes segments of rows; `save` is given each, compressed, and returns its content."""

    def __init__(self, save: Save | None) -> None:
        self._save = save
        self._digest = hashlib.sha256()
        self._lines: list[bytes] = []
        self._bytes = 0
        self.rows = 0
        self.segments: list[str] = []

    def add(self, values: Sequence[Any]) -> None:
        line = _encode(values).encode() + b"\n"
        self._lines.append(line)
        self._bytes += len(line)
        self.rows += 1
        if self._bytes >= MIN_SEGMENT_BYTES and (
            self._bytes >= MAX_SEGMENT_BYTES or zlib.crc32(line) % END_AFTER_ONE_IN == 0
        ):
            self._end_segment()

    def _end_segment(self) -> None:
        data = b"".join(self._lines)
        self._digest.update(data)
        if self._save is not None:
            self.segments.append(self._save(zlib.compress(data, COMPRESSION)))
        self._lines.clear()
        self._bytes = 0

    def finish(self, name: str, columns: Sequence[str]) -> RowList:
        if self._lines:
            self._end_segment()
        return RowList(
            name=name,
            columns=tuple(columns),
            rows=self.rows,
            sha256=self._digest.hexdigest(),
            segments=tuple(self.segments),
        )


@dataclass(frozen=True)
class RowDump:
    """The rows of one moment. `blobs` lists key and bytes of each blob that rows name, `blob_bytes` is their sum."""

    schema: str
    tables: tuple[RowList, ...]
    blobs: RowList
    blob_bytes: int

    @property
    def digest(self) -> str:
        return digest_of({table.name: table.sha256 for table in self.tables}, self.blobs.sha256)


def dump_rows(conn: Connection, save: Save | None = None) -> RowDump:
    """Every table, in the order in which they can be filled. Without `save` there are no segments, only hashes.

    Raises:
        SchemaDiffers: the database has the tables of another version.
    """
    reading = RowReading(conn, save)
    for _name, _columns, rows in reading.tables():
        deque(rows, maxlen=0)
    return reading.dump()


class RowReading:
    """Every row of a database, for whoever wants them, and what was read as a dump afterwards.

    Raises:
        SchemaDiffers: the database has the tables of another version.
    """

    def __init__(self, conn: Connection, save: Save | None = None) -> None:
        self._conn, self._save = conn, save
        self.schema = str(conn.execute(_SCHEMA).scalar())
        if self.schema != newest_schema():
            raise SchemaDiffers(f"The database is at schema {self.schema}, this version is at {newest_schema()}.")
        self._lists: list[RowList] = []

    def tables(self) -> Iterator[TableRows]:
        """Each table, in the order in which they can be filled; all rows of one are read before the next is."""
        for table in metadata.sorted_tables:
            columns = [column.name for column in table.columns]
            writer = RowWriter(self._save)
            yield table.name, columns, _through(writer, table_rows(self._conn, table))
            self._lists.append(writer.finish(table.name, columns))

    def dump(self) -> RowDump:
        """Once every row of every table was read."""
        blobs, blob_bytes = RowWriter(self._save), 0
        for row in stream(self._conn, _BLOBS):
            blobs.add(row)
            blob_bytes += row[1]
        return RowDump(self.schema, tuple(self._lists), blobs.finish(BLOBS, BLOB_COLUMNS), blob_bytes)


def _through(writer: RowWriter, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    for row in rows:
        writer.add(row)
        yield row


def table_rows(conn: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """Every row of a table as it is saved: all columns, in the order of the primary key."""
    flags = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    rows = stream(conn, _select(table))
    return (_with_flags(row, flags) for row in rows) if flags else rows


def _select(table: Table) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    order = ", ".join(_sorted_by(column) for column in table.primary_key.columns)
    some = f" WHERE {BUT_THOSE}" if table.name == "service_state" else ""
    return f'SELECT {columns} FROM "{table.name}"{some} ORDER BY {order}'


def _sorted_by(column: Column[Any]) -> str:
    """A term of ORDER BY: texts by their bytes, whatever the language of the database is."""
    if not isinstance(column.type, String):
        return f'"{column.name}"'
    return differs(f'"{column.name}" COLLATE BINARY', f'"{column.name}" COLLATE "C"')


def _with_flags(row: Sequence[Any], flags: Sequence[int]) -> list[Any]:
    # SQLite has 0 and 1 for them.
    values = list(row)
    for place in flags:
        values[place] = None if values[place] is None else bool(values[place])
    return values


def rows_of(rows: RowList, read: Callable[[str], bytes]) -> Iterator[list[Any]]:
    """The rows of a list, from the bytes of its segments. Raises what `read` raises, and zlib.error, ValueError."""
    for segment in rows.segments:
        for line in zlib.decompress(read(segment)).splitlines():
            yield json.loads(line)

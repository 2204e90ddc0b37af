"""Rows as lines: exactly the same rows come out, and few segments change when few rows do."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Float, Integer, String, Text

from collector.backup.problems import SchemaDiffers
from collector.backup.rows import MIN_SEGMENT_BYTES, dump_rows, rows_of
from collector.store.sql import text
from collector.store.tables import metadata
from tests.collector.backup.saving import furnish
from tests.collector.review.filled import Filled


class Segments(dict[str, bytes]):
    def save(self, data: bytes) -> str:
        name = f"{zlib.crc32(data):08x}{len(data):08x}" * 4
        self[name] = data
        return name


def test_every_row_of_every_table_is_there_with_its_values(filled: Filled) -> None:
    furnish(filled)
    segments = Segments()
    dump = filled.db.read_sync(lambda conn: dump_rows(conn, segments.save))
    assert {table.name for table in dump.tables} == set(metadata.tables)
    for table in dump.tables:
        found = [dict(zip(table.columns, row, strict=True)) for row in rows_of(table, segments.__getitem__)]
        rows = filled.rows(f'SELECT * FROM "{table.name}"')
        there = [{name: getattr(row, name) for name in table.columns} for row in rows]
        key = [column.name for column in metadata.tables[table.name].primary_key]
        assert found == sorted(there, key=lambda row: [row[name] for name in key]), table.name
        assert table.rows == len(there)
    assert sum(table.rows for table in dump.tables) > 50


def test_flags_are_written_as_such_whatever_the_engine_has(filled: Filled) -> None:
    furnish(filled)
    segments = Segments()
    dump = filled.db.read_sync(lambda conn: dump_rows(conn, segments.save))
    captures = next(table for table in dump.tables if table.name == "capture")
    place = captures.columns.index("complete")
    assert all(row[place] is True for row in rows_of(captures, segments.__getitem__))


def test_lines_carry_every_type_of_column() -> None:
    """A column of another type (bytes, a time) needs a way to be written as JSON first."""
    kinds = {type(column.type) for table in metadata.tables.values() for column in table.columns}
    assert kinds <= {String, Text, Integer, BigInteger, Float, Boolean}


def test_the_digest_is_of_the_rows_alone(filled: Filled) -> None:
    furnish(filled)
    before = filled.db.read_sync(dump_rows).digest
    assert filled.db.read_sync(lambda conn: dump_rows(conn, Segments().save)).digest == before
    filled.db.maintain()
    assert filled.db.read_sync(dump_rows).digest == before
    filled.execute("UPDATE person SET role = 'lead' WHERE name = 'ann'")
    assert filled.db.read_sync(dump_rows).digest != before


def test_a_new_row_changes_few_segments(filled: Filled) -> None:
    filled.person("ann")

    def add(start: int, end: int) -> None:
        rows = [{"name": f"{number:06d}" * 4, "value": "v" * 200} for number in range(start, end)]
        insert = text("INSERT INTO service_state (name, value) VALUES (:name, :value)")
        filled.db.write_sync(lambda conn: conn.execute(insert, rows).rowcount)

    add(0, 5000)
    before, after = Segments(), Segments()
    filled.db.read_sync(lambda conn: dump_rows(conn, before.save))
    add(2_000_000, 2_000_001)
    filled.execute("UPDATE service_state SET value = 'changed' WHERE name = :name", name="002500" * 4)
    filled.db.read_sync(lambda conn: dump_rows(conn, after.save))
    assert len(before) > 8
    assert len(set(after) - set(before)) <= 3


@given(value=st.one_of(st.none(), st.text(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False)))
def test_a_value_comes_out_as_it_went_in(value: Any) -> None:
    from collector.backup.rows import RowWriter

    segments = Segments()
    writer = RowWriter(segments.save)
    writer.add(["key", value])
    written = writer.finish("table", ["key", "value"])
    [(_, found)] = rows_of(written, segments.__getitem__)
    assert found == value and type(found) is type(value)


def test_segments_have_bounds(filled: Filled) -> None:
    filled.person("ann")
    insert = text("INSERT INTO service_state (name, value) VALUES (:name, :value)")
    rows = [{"name": f"n{number}", "value": "x" * MIN_SEGMENT_BYTES} for number in range(400)]
    filled.db.write_sync(lambda conn: conn.execute(insert, rows).rowcount)
    segments = Segments()
    filled.db.read_sync(lambda conn: dump_rows(conn, segments.save))
    assert max(len(zlib.decompress(data)) for data in segments.values()) < 5 << 20


def test_rows_of_another_schema_are_refused(filled: Filled, tmp_path: Path) -> None:
    filled.execute("UPDATE alembic_version SET version_num = '0005'")
    with pytest.raises(SchemaDiffers):
        filled.db.read_sync(dump_rows)

"""Bytes by study. On both databases."""

from __future__ import annotations

import asyncio

import pytest

from collector.installation.storage import StorageFigures, read_storage
from tests.collector.review.filled import Filled

pytestmark = pytest.mark.both_databases


def test_each_study_has_its_own_bytes(filled: Filled) -> None:
    filled.take("greet", "show", {"image": b"i" * 100}, ["boxes"])
    filled.begin("street")
    filled.take("walk", "show", {"image": b"j" * 1000, "audio": b"a" * 500}, ["boxes"])
    filled.execute("UPDATE capture SET session_id = 'ses-none' WHERE medium = 'audio'")
    found = {row.study: row for row in filled.db.read_sync(read_storage).studies}
    rows = filled.rows(
        "SELECT derived.kind, derived.bytes, session.study FROM derived JOIN capture ON capture.id = capture_id"
        " LEFT JOIN session ON session.id = capture.session_id"
    )
    for study in ("kitchen", "street", None):
        of_study = [row for row in rows if row.study == study]
        assert found[study].original_bytes == sum(row.bytes for row in of_study if row.kind == "original")
        assert found[study].derived_bytes == sum(row.bytes for row in of_study if row.kind != "original")
        assert found[study].captures == 1
    assert sum(row.original_bytes + row.derived_bytes for row in found.values()) >= 1600


def test_it_is_added_up_once_and_not_at_each_look(filled: Filled) -> None:
    filled.take("greet", "show", {"image": b"i"}, ["boxes"])

    async def looks() -> None:
        figures = StorageFigures()
        first, second = await asyncio.gather(figures.get(filled.db), figures.get(filled.db))
        assert first is second
        await asyncio.to_thread(filled.execute, "DELETE FROM derived")
        assert await figures.get(filled.db) is first

    asyncio.run(looks())

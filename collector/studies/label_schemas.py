"""The words of a study's label schema, by task type: the one place that reads them out of a version of a study."""

from __future__ import annotations

from functools import lru_cache

from collector.store.sql import Connection, text
from wire.script import LabelSchema
from wire.tasks import TaskType

_SCHEMA = text("SELECT label_schema FROM study_version WHERE id = :version")


@lru_cache(maxsize=256)
def read_schema(body: str) -> LabelSchema:
    """The column `label_schema` of a version; thousands of tasks have the same few."""
    return LabelSchema.model_validate_json(body)


def schema_words(body: str, kind: TaskType) -> list[str]:
    """`words_of` for a row that has the column `label_schema` of its version."""
    return list(getattr(read_schema(body), kind))


def words_of(conn: Connection, version: int, kind: TaskType) -> list[str]:
    """The words that people may choose from in tasks of a type under a version of a study; empty means any."""
    return schema_words(conn.execute(_SCHEMA, {"version": version}).scalar_one(), kind)


def drawn_words(schema: LabelSchema) -> list[str]:
    """The words of things in pictures: those that exports number (collector/studies/categories.py)."""
    return [*schema.boxes, *schema.tracks]

"""The words that people work with in tasks of one type, under one version of a study. A version never changes, so each
connection reads them once.
"""

from __future__ import annotations

from typing import NamedTuple

from collector.store.sql import Connection, text
from collector.studies.instructions import Instructions
from collector.studies.label_schemas import schema_words
from wire.tasks import TaskType

_WORDS = text(
    "SELECT study_version.label_schema, instruction.version, instruction.text, instruction.sha256 FROM study_version"
    " JOIN study_version_instruction AS named ON named.study_version_id = study_version.id AND named.type = :type"
    " JOIN instruction ON instruction.type = named.type AND instruction.version = named.version"
    " WHERE study_version.id = :version"
)


class TaskWords(NamedTuple):
    """The words of the label schema (none: any may be used) and the instructions."""

    classes: tuple[str, ...]
    instructions: Instructions


def task_words(conn: Connection, version: int, kind: TaskType) -> TaskWords:
    """Those of a version of a study, by its id, for a type of task."""
    key = (TaskWords, version, kind)
    known: TaskWords | None = conn.lasting.get(key)
    if known is None:
        row = conn.execute(_WORDS, {"version": version, "type": kind}).one()
        instructions = Instructions(version=row.version, text=row.text, sha256=row.sha256)
        known = conn.lasting[key] = TaskWords(tuple(schema_words(row.label_schema, kind)), instructions)
    return known

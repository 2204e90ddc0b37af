"""The words of a task are those of its version of the study, read once by each connection."""

from __future__ import annotations

import pytest

from collector.store.sql import Connection, text
from collector.studies.instructions import BUILT_IN
from collector.studies.task_words import TaskWords, task_words
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from wire.tasks import TaskType

pytestmark = on_both
CUPS = {"boxes": ["cup", "plate"], "speech": ["loud"]}
RENAME = text('UPDATE study_version SET label_schema = \'{"boxes": ["fork"]}\' WHERE id = :id')


class Undone(Exception):
    """What a test's fn raises."""


def version(filled: Filled, study: str, schema: dict[str, list[str]]) -> int:
    """The id of the version that a session of this study with these words is of."""
    filled.begin(study, schema)
    filled.make(filled.take("step", "answer", {"text": b"yes"}, ["text"])["take"])
    (found,) = filled.rows("SELECT id FROM study_version WHERE study = :study", study=study)[0]
    return int(found)


def test_words_are_by_version_and_type_and_read_once(filled: Filled) -> None:
    kitchen, garden = version(filled, "kitchen", CUPS), version(filled, "garden", {"boxes": ["spade"]})

    def found(conn: Connection) -> list[TaskWords]:
        wanted: list[tuple[int, TaskType]] = [
            (kitchen, "boxes"), (kitchen, "speech"), (garden, "boxes"), (garden, "text")
        ]  # fmt: skip
        return [task_words(conn, one, kind) for one, kind in wanted]

    seen = filled.db.write_sync(found)
    assert [one.classes for one in seen] == [("cup", "plate"), ("loud",), ("spade",), ("answer",)]
    assert [one.instructions for one in seen] == [BUILT_IN[kind] for kind in ("boxes", "speech", "boxes", "text")]
    filled.execute(RENAME.text, id=kitchen)  # which no part of the collector does
    assert filled.db.write_sync(found) == seen


def test_the_words_of_a_version_that_was_undone_are_read_anew(filled: Filled) -> None:
    kitchen = version(filled, "kitchen", CUPS)

    def undone(conn: Connection) -> None:
        conn.execute(RENAME, {"id": kitchen})
        assert task_words(conn, kitchen, "boxes").classes == ("fork",)
        raise Undone

    with pytest.raises(Undone):
        filled.db.write_sync(undone)
    assert filled.db.write_sync(lambda conn: task_words(conn, kitchen, "boxes").classes) == ("cup", "plate")

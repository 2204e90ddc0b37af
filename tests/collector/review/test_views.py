"""The lead's list of tasks: filters, pages, scope. On both databases."""

from __future__ import annotations

import pytest

from collector.review.problems import NoSuchTask
from collector.review.views import TaskRow, TaskRows, TasksAsked, task_rows
from collector.studies.scope import EVERYTHING, Scope
from tests.collector.review.filled import Filled
from tests.support.paging import all_rows

pytestmark = pytest.mark.both_databases


def all_pages(filled: Filled, asked: TasksAsked, limit: int, scope: Scope = EVERYTHING) -> list[TaskRow]:
    def page(after: str | None) -> TaskRows:
        return filled.db.read_sync(
            lambda conn: task_rows(conn, asked.model_copy(update={"limit": limit, "after": after}), scope)
        )

    return all_rows(page, lambda found: found.tasks, limit)


def test_pages_have_every_task_once_the_newest_first(filled: Filled) -> None:
    for number in range(4):
        filled.make(filled.take(f"step-{number}", "say", {"audio": b"a", "image": b"i"}, ["speech", "boxes"])["take"])
    everything = all_pages(filled, TasksAsked(), 100)
    assert len(everything) == len({row.id for row in everything}) == 8
    assert [(row.created_at, row.id) for row in everything] == sorted(
        ((row.created_at, row.id) for row in everything), reverse=True
    )
    for limit in (1, 3, 8):
        assert all_pages(filled, TasksAsked(), limit) == everything
    assert all_pages(filled, TasksAsked(type="boxes", state="open"), 3) == [
        row for row in everything if row.type == "boxes"
    ]
    assert all_pages(filled, TasksAsked(state="done"), 3) == []


def test_a_page_after_a_task_of_another_study_is_refused(filled: Filled) -> None:
    filled.make(filled.take("greet", "show", {"image": b"i"}, ["boxes"])["take"])
    hidden = all_pages(filled, TasksAsked(), 9)[0]
    filled.begin("street")
    filled.make(filled.take("walk", "show", {"image": b"i"}, ["boxes"])["take"])
    seen = all_pages(filled, TasksAsked(study="street"), 9)
    assert [row.study for row in seen] == ["street"] and all_pages(filled, TasksAsked(), 9, Scope(("street",))) == seen
    with pytest.raises(NoSuchTask):
        filled.db.read_sync(lambda conn: task_rows(conn, TasksAsked(after=hidden.id), Scope(("street",))))

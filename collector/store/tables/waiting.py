"""How many tasks wait to be finished, by study: kept by triggers of the task table, so that nobody has to count.

A task waits while it is open, or leased and never submitted. A migration that makes the task table anew has to make
its triggers anew, too: tests/collector/store/test_migrations.py compares them.
"""

from __future__ import annotations

from sqlalchemy import DDL, Column, Integer, String, Table, event

from collector.store.tables.base import metadata
from collector.store.tables.review import task

waiting = Table(
    "waiting",
    metadata,
    Column("study", String, primary_key=True),
    Column("tasks", Integer, nullable=False),
)

_WAITS = "({0}.state = 'open' OR ({0}.state = 'leased' AND {0}.revision_id IS NULL))"
_NEW, _OLD = _WAITS.format("NEW"), _WAITS.format("OLD")
_ONE_MORE = (
    f"INSERT INTO waiting (study, tasks) SELECT NEW.study, 1 WHERE {_NEW}"
    " ON CONFLICT (study) DO UPDATE SET tasks = tasks + 1;"
)
_ONE_LESS = f"UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study AND {_OLD};"
TRIGGERS = (
    f"CREATE TRIGGER task_waiting_insert AFTER INSERT ON task BEGIN {_ONE_MORE} END",
    "CREATE TRIGGER task_waiting_update AFTER UPDATE OF state, revision_id, study ON task"
    f" WHEN {_NEW} <> {_OLD} OR NEW.study <> OLD.study BEGIN {_ONE_LESS} {_ONE_MORE} END",
    f"CREATE TRIGGER task_waiting_delete AFTER DELETE ON task BEGIN {_ONE_LESS} END",
)
for _trigger in TRIGGERS:
    event.listen(task, "after_create", DDL(_trigger))  # type: ignore[no-untyped-call]

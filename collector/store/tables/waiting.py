"""How many tasks wait to be finished, by study: kept by triggers of the task table, so that nobody has to count.

A task waits while it is open, or leased and never submitted. A migration that makes the task table anew has to make
its triggers anew, too: tests/collector/store/test_migrations.py compares them.
"""

from __future__ import annotations

from sqlalchemy import DDL, Column, String, Table, event

from collector.store.tables.base import WHOLE, metadata
from collector.store.tables.review import task

waiting = Table(
    "waiting",
    metadata,
    Column("study", String, primary_key=True),
    Column("tasks", WHOLE, nullable=False),
)

_WAITS = "({0}.state = 'open' OR ({0}.state = 'leased' AND {0}.revision_id IS NULL))"
_NEW, _OLD = _WAITS.format("NEW"), _WAITS.format("OLD")
_ONE_MORE = (
    f"INSERT INTO waiting (study, tasks) SELECT NEW.study, 1 WHERE {_NEW}"
    " ON CONFLICT (study) DO UPDATE SET tasks = tasks + 1;"
)
_ONE_LESS = f"UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study AND {_OLD};"
_CHANGED = f"{_NEW} <> {_OLD} OR NEW.study <> OLD.study"
_ON_UPDATE = "CREATE TRIGGER task_waiting_update AFTER UPDATE OF state, revision_id, study ON task"
# PostgreSQL would read the text of a condition (WHEN) anew for each statement, which takes longer than the function.
TRIGGERS = {
    "sqlite": (
        f"CREATE TRIGGER task_waiting_insert AFTER INSERT ON task BEGIN {_ONE_MORE} END",
        f"{_ON_UPDATE} WHEN {_CHANGED} BEGIN {_ONE_LESS} {_ONE_MORE} END",
        f"CREATE TRIGGER task_waiting_delete AFTER DELETE ON task BEGIN {_ONE_LESS} END",
    ),
    "postgresql": (
        # OLD is null when a row is inserted, NEW when it is deleted.
        "CREATE FUNCTION count_waiting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'UPDATE' AND NOT ({_CHANGED}) THEN RETURN NULL; END IF;"
        f" IF {_OLD} THEN UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study; END IF;"
        f" IF {_NEW} THEN INSERT INTO waiting (study, tasks) VALUES (NEW.study, 1)"
        " ON CONFLICT (study) DO UPDATE SET tasks = waiting.tasks + 1; END IF;"
        " RETURN NULL; END $$",
        "CREATE TRIGGER task_waiting_insert AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION count_waiting()",
        f"{_ON_UPDATE} FOR EACH ROW EXECUTE FUNCTION count_waiting()",
        "CREATE TRIGGER task_waiting_delete AFTER DELETE ON task FOR EACH ROW EXECUTE FUNCTION count_waiting()",
    ),
}
for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        event.listen(task, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

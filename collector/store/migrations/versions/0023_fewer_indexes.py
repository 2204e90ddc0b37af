"""Two indexes of tasks that no statement uses, which every lease and every submit wrote to.

On PostgreSQL also the count of waiting tasks is kept with less work: without statements that change nothing, and
without a condition of the trigger, whose text the server would read anew for each statement.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

WAITS = "({0}.state = 'open' OR ({0}.state = 'leased' AND {0}.revision_id IS NULL))"
NEW, OLD = WAITS.format("NEW"), WAITS.format("OLD")
COUNT_WAITING = (
    "CREATE OR REPLACE FUNCTION count_waiting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    f" IF TG_OP = 'UPDATE' AND NOT ({NEW} <> {OLD} OR NEW.study <> OLD.study) THEN RETURN NULL; END IF;"
    f" IF {OLD} THEN UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study; END IF;"
    f" IF {NEW} THEN INSERT INTO waiting (study, tasks) VALUES (NEW.study, 1)"
    " ON CONFLICT (study) DO UPDATE SET tasks = waiting.tasks + 1; END IF;"
    " RETURN NULL; END $$"
)
ON_UPDATE = (
    "CREATE TRIGGER task_waiting_update AFTER UPDATE OF state, revision_id, study ON task"
    " FOR EACH ROW EXECUTE FUNCTION count_waiting()"
)


def upgrade() -> None:
    op.drop_index("ix_task_session_id", "task")
    op.drop_index("ix_task_done_at", "task")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(COUNT_WAITING)
        op.execute("DROP TRIGGER task_waiting_update ON task")
        op.execute(ON_UPDATE)

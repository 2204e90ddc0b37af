"""Two indexes of tasks that no statement uses, which every lease and every submit wrote to.

On PostgreSQL the count of waiting tasks also runs no statement that changes nothing.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

WAITS = "({0}.state = 'open' OR ({0}.state = 'leased' AND {0}.revision_id IS NULL))"
COUNT_WAITING = (
    "CREATE OR REPLACE FUNCTION count_waiting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    f" IF {WAITS.format('OLD')} THEN UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study; END IF;"
    f" IF {WAITS.format('NEW')} THEN INSERT INTO waiting (study, tasks) VALUES (NEW.study, 1)"
    " ON CONFLICT (study) DO UPDATE SET tasks = waiting.tasks + 1; END IF;"
    " RETURN NULL; END $$"
)


def upgrade() -> None:
    op.drop_index("ix_task_session_id", "task")
    op.drop_index("ix_task_done_at", "task")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(COUNT_WAITING)

"""How many tasks wait, by study, kept by triggers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITS = "({0}.state = 'open' OR ({0}.state = 'leased' AND {0}.revision_id IS NULL))"
NEW, OLD, TASK = WAITS.format("NEW"), WAITS.format("OLD"), WAITS.format("task")
ONE_MORE = (
    f"INSERT INTO waiting (study, tasks) SELECT NEW.study, 1 WHERE {NEW}"
    " ON CONFLICT (study) DO UPDATE SET tasks = tasks + 1;"
)
ONE_LESS = f"UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study AND {OLD};"


def upgrade() -> None:
    op.create_table(
        "waiting",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("tasks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study", name=op.f("pk_waiting")),
    )
    op.execute(f"INSERT INTO waiting (study, tasks) SELECT study, count(*) FROM task WHERE {TASK} GROUP BY study")
    op.execute(f"CREATE TRIGGER task_waiting_insert AFTER INSERT ON task BEGIN {ONE_MORE} END")
    op.execute(
        "CREATE TRIGGER task_waiting_update AFTER UPDATE OF state, revision_id, study ON task"
        f" WHEN {NEW} <> {OLD} OR NEW.study <> OLD.study BEGIN {ONE_LESS} {ONE_MORE} END"
    )
    op.execute(f"CREATE TRIGGER task_waiting_delete AFTER DELETE ON task BEGIN {ONE_LESS} END")

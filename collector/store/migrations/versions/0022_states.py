"""The index of tasks by state holds none that is leased, so that the queue's own statements cannot be planned with it.

With statistics of the tables SQLite read all open tasks by it, for each answer of the queue.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    condition = sa.text("state <> 'leased'")
    op.drop_index("ix_task_state_created_at_id", "task")
    op.create_index(
        "ix_task_state_created_at_id",
        "task",
        ["state", "created_at", "id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )

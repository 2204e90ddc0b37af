"""Indexes for the list of sessions, the report of a day and the skipped tasks; how long a task's consent lasts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("capture", schema=None) as batch_op:
        batch_op.drop_index("ix_capture_session_id")
        batch_op.create_index("ix_capture_session_id_state", ["session_id", "state"], unique=False)
        batch_op.create_index("ix_capture_received_at", ["received_at"], unique=False)
    with op.batch_alter_table("take", schema=None) as batch_op:
        batch_op.create_index("ix_take_opened_at", ["opened_at"], unique=False)
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index("ix_task_skipped", ["id"], unique=False, sqlite_where=sa.text("state = 'skipped'"))
        batch_op.add_column(
            sa.Column("usable_until", sa.String(), server_default="9999-12-31T23:59:59.999999Z", nullable=False)
        )
        batch_op.create_index(
            "ix_task_usable_until",
            ["state", "usable_until"],
            unique=False,
            sqlite_where=sa.text("usable_until < '9999'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_skipped", sqlite_where=sa.text("state = 'skipped'"))
        batch_op.drop_index("ix_task_usable_until", sqlite_where=sa.text("usable_until < '9999'"))
        batch_op.drop_column("usable_until")
    with op.batch_alter_table("take", schema=None) as batch_op:
        batch_op.drop_index("ix_take_opened_at")
    with op.batch_alter_table("capture", schema=None) as batch_op:
        batch_op.drop_index("ix_capture_received_at")
        batch_op.drop_index("ix_capture_session_id_state")
        batch_op.create_index("ix_capture_session_id", ["session_id"], unique=False)

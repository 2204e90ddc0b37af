"""The queue and the devices of each study are found by indexes, for people who are limited to some studies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_session_device_id_study", "session", ["device_id", "study"])
    op.create_index(
        "ix_task_open_of_study",
        "task",
        ["study", "type", "priority", "id"],
        sqlite_where=sa.text("state = 'open' AND reason_kind <> 'random'"),
    )
    op.create_index(
        "ix_task_random_of_study",
        "task",
        ["study", "type", "created_at", "id"],
        sqlite_where=sa.text("state = 'open' AND reason_kind = 'random'"),
    )

"""What several processes have in common: attempts with join codes, and keys, encrypted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from collector.store.tables.base import WHOLE

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "join_attempt",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_attempt")),
    )
    op.create_index("ix_join_attempt_address_at", "join_attempt", ["address", "at"])
    op.create_table(
        "wrapped_key",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_wrapped_key")),
    )

"""Which processes there are, and what each has in hand: uploads, and jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("seen_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
    )
    # No process works during an upgrade: what was leased waits again, and the attempt does not count.
    op.execute(sa.text("UPDATE job SET state = 'waiting', attempts = attempts - 1 WHERE state = 'leased'"))
    for table, columns in {"upload": ("ticket", "fence"), "job": ("fence",)}.items():
        op.add_column(table, sa.Column("owner", sa.String(), nullable=True))
        for name in columns:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        owned = sa.text("owner IS NOT NULL")
        op.create_index(f"ix_{table}_owner", table, ["owner"], sqlite_where=owned, postgresql_where=owned)

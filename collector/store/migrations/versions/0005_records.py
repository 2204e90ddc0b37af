"""Facts that cannot be made up later: every lease with its page, its lane and how it ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _describe_leases()


def _describe_leases() -> None:
    with op.batch_alter_table("lease", schema=None) as batch_op:
        for name in ("client", "started_at", "expires_at", "ended_at", "ended", "lane"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
        batch_op.add_column(sa.Column("probability", sa.Float(), nullable=True))
    # Of the newest lease of each task the task still knows more.
    op.execute(
        "UPDATE lease SET client = task.leased_client, started_at = task.leased_at, expires_at = task.lease_expires_at"
        " FROM task WHERE task.id = lease.task_id AND task.fence = lease.fence"
    )
    op.execute(
        "UPDATE lease SET ended = 'submitted', ended_at = (SELECT max(submitted_at) FROM revision WHERE"
        " revision.task_id = lease.task_id AND revision.fence = lease.fence) WHERE EXISTS (SELECT 1 FROM revision"
        " WHERE revision.task_id = lease.task_id AND revision.fence = lease.fence)"
    )
    op.execute(
        "UPDATE lease SET ended = skip.kind, ended_at = skip.at FROM skip WHERE skip.task_id = lease.task_id"
        " AND skip.fence = lease.fence AND lease.ended IS NULL"
    )

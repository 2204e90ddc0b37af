"""Why a capture is bad, in a column of its own.

Until now only the sentence said it. What the virus scanner found began alike; a capture that could not be opened has
its job among those that failed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("capture", sa.Column("bad_reason", sa.String(), nullable=True))
    op.execute(
        "UPDATE capture SET bad_reason = CASE"
        " WHEN problem LIKE 'The virus scanner found %' THEN 'infected'"
        " WHEN EXISTS (SELECT 1 FROM job WHERE kind = 'open' AND key = capture.id AND state = 'failed') THEN 'given-up'"
        " ELSE 'unreadable' END WHERE state = 'bad'"
    )
    condition = sa.text("bad_reason IS NOT NULL")
    op.create_index(
        "ix_capture_bad_reason", "capture", ["bad_reason"], sqlite_where=condition, postgresql_where=condition
    )

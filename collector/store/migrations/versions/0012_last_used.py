"""When a token was last used. Sessions of the page begin their idle time with this upgrade."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from collector.store.clock import now_text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("token", sa.Column("last_used_at", sa.String(), nullable=True))
    op.execute(sa.text("UPDATE token SET last_used_at = :now WHERE kind = 'page'").bindparams(now=now_text()))

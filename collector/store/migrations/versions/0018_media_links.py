"""Whether people get media of a study from the S3 server by links: no, until somebody says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("study", sa.Column("media_links", sa.Boolean(), nullable=False, server_default="0"))

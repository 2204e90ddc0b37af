"""A lease knows up to which change of the pre-labels people had seen them. Leases of before show those of now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lease", sa.Column("prelabel_event", sa.BigInteger(), nullable=True))

"""A calibration is of a model file or of one of its configurations. Those so far are of files, and stay in force."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calibration", sa.Column("configuration", sa.String(), nullable=True))
    op.drop_index("ix_calibration_model_sha256_id", "calibration")
    op.create_index(
        "ix_calibration_model_sha256_configuration_id", "calibration", ["model_sha256", "configuration", "id"]
    )

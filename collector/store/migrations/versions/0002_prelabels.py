"""Pre-labels of more than one model: which are shown, calibrations, runs over old captures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calibration",
        sa.Column("model_sha256", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("fitted_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("model_sha256", name=op.f("pk_calibration")),
    )
    op.create_table(
        "prelabel_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("captures", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prelabel_run")),
    )
    with op.batch_alter_table("prelabel_run", schema=None) as batch_op:
        batch_op.create_index("ix_prelabel_run_created_at", ["created_at"], unique=False)

    with op.batch_alter_table("labels_document", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shown", sa.Boolean(), server_default="1", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("labels_document", schema=None) as batch_op:
        batch_op.drop_column("shown")

    with op.batch_alter_table("prelabel_run", schema=None) as batch_op:
        batch_op.drop_index("ix_prelabel_run_created_at")

    op.drop_table("prelabel_run")
    op.drop_table("calibration")

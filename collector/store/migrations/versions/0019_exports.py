"""Exports that the service makes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _make_runs()
    op.create_table(
        "export_run_study",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        _refers("export_run_study", "run_id", "export_run"),
        _refers("export_run_study", "study", "study"),
        sa.PrimaryKeyConstraint("run_id", "study", name=op.f("pk_export_run_study")),
    )
    op.create_table(
        "export_run_session",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        _refers("export_run_session", "run_id", "export_run"),
        sa.PrimaryKeyConstraint("run_id", "session_id", "use", name=op.f("pk_export_run_session")),
    )
    op.create_table(
        "export_download",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        _refers("export_download", "run_id", "export_run"),
        _refers("export_download", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_download")),
    )
    op.create_index("ix_export_download_run_id", "export_download", ["run_id"])


def _make_runs() -> None:
    op.create_table(
        "export_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, server_default="running"),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("items", WHOLE, nullable=False, server_default="0"),
        sa.Column("counted", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("done", WHOLE, nullable=False, server_default="0"),
        sa.Column("bytes", WHOLE, nullable=False, server_default="0"),
        sa.Column("packed_bytes", WHOLE, nullable=True),
        sa.Column("per_second", sa.Float(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.String(), nullable=True),
        sa.Column("export_id", sa.String(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.Column("archive_bytes", WHOLE, nullable=True),
        sa.Column("archive_sha256", sa.String(), nullable=True),
        sa.Column("kept_until", sa.String(), nullable=True),
        sa.Column("removed", sa.String(), nullable=True),
        _refers("export_run", "person_id", "person"),
        _refers("export_run", "export_id", "export"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_run")),
    )
    op.create_index("ix_export_run_created_at", "export_run", ["created_at"])


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))

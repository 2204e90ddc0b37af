"""Runs of a model have their progress in a row of their own. Until now they had a job per capture."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from collector.store.clock import now_text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JOBS = "kind = 'prelabel' AND key >= :id || ':' AND key < :id || ';'"


def upgrade() -> None:
    op.add_column("prelabel_run", sa.Column("state", sa.String(), nullable=False, server_default="running"))
    op.add_column("prelabel_run", sa.Column("counted", sa.Boolean(), nullable=False, server_default="0"))
    for name in ("done", "failed", "withheld"):
        op.add_column("prelabel_run", sa.Column(name, WHOLE, nullable=False, server_default="0"))
    for name in ("done_to", "ended_at", "owner"):
        op.add_column("prelabel_run", sa.Column(name, sa.String(), nullable=True))
    op.add_column("prelabel_run", sa.Column("problem", sa.Text(), nullable=True))
    op.add_column("prelabel_run", sa.Column("per_second", sa.Float(), nullable=True))
    op.create_table(
        "prelabel_run_failure",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("capture_id", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["prelabel_run.id"], name=op.f("fk_prelabel_run_failure_run_id_prelabel_run")
        ),
        sa.ForeignKeyConstraint(
            ["capture_id"], ["capture.id"], name=op.f("fk_prelabel_run_failure_capture_id_capture")
        ),
        sa.PrimaryKeyConstraint("run_id", "capture_id", name=op.f("pk_prelabel_run_failure")),
    )
    conn = op.get_bind()
    for row in conn.execute(sa.text("SELECT id, captures FROM prelabel_run")).all():
        _move_jobs(conn, row)
    op.execute("DELETE FROM job WHERE kind = 'prelabel'")


def _move_jobs(conn: sa.Connection, run: sa.Row[Any]) -> None:
    """One that had captures waiting begins again: a capture that is done stays as it is when it is done again."""
    states: dict[str, int] = dict(
        conn.execute(sa.text(f"SELECT state, count(*) FROM job WHERE {_JOBS} GROUP BY state"), {"id": run.id}).all()
    )
    if states.get("waiting", 0) + states.get("leased", 0):
        return
    conn.execute(
        sa.text(
            "INSERT INTO prelabel_run_failure (run_id, capture_id, error) SELECT :id, capture.id,"
            " coalesce(job.error, '') FROM job JOIN capture ON capture.id = substr(job.key, length(:id) + 2)"
            f" WHERE job.state = 'failed' AND {_JOBS}"
        ),
        {"id": run.id},
    )
    conn.execute(
        sa.text(
            "UPDATE prelabel_run SET state = :state, counted = :yes, done = :done, ended_at = :now, failed ="
            " (SELECT count(*) FROM prelabel_run_failure WHERE run_id = :id) WHERE id = :id"
        ),
        {
            "id": run.id,
            "state": "done" if sum(states.values()) == run.captures else "cancelled",
            "yes": True,
            "done": states.get("done", 0),
            "now": now_text(),
        },
    )

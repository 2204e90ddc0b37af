"""The steps of a session are rows; its record no longer holds them."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "session_step",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_session_step_session_id_session")),
        sa.PrimaryKeyConstraint("session_id", "number", name=op.f("pk_session_step")),
    )
    op.create_index("ix_session_step_session_id_step_number", "session_step", ["session_id", "step", "number"])
    conn = op.get_bind()
    add = sa.text("INSERT INTO session_step (session_id, number, step, title) VALUES (:session, :number, :id, :title)")
    change = sa.text("UPDATE session SET record = :record WHERE id = :id")
    for session in conn.execute(sa.text("SELECT id FROM session")).scalars().all():
        body = conn.execute(sa.text("SELECT record FROM session WHERE id = :id"), {"id": session}).scalar_one()
        record = json.loads(body)
        steps = record.pop("steps", [])
        if steps:
            conn.execute(add, [step | {"session": session, "number": n} for n, step in enumerate(steps, 1)])
            conn.execute(change, {"id": session, "record": json.dumps(record)})

"""A take has a revision of its own and its place in the session."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("number", "revision"):
        op.add_column("take", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    conn = op.get_bind()
    conn.execute(
        sa.text("UPDATE take SET revision = (SELECT session.revision FROM session WHERE session.id = take.session_id)")
    )
    place = sa.text("UPDATE take SET number = :number WHERE id = :take")
    for session in conn.execute(sa.text("SELECT id FROM session")).scalars().all():
        record = conn.execute(sa.text("SELECT record FROM session WHERE id = :id"), {"id": session}).scalar_one()
        numbers = [
            {"number": number, "take": take["take"]} for number, take in enumerate(json.loads(record)["takes"], 1)
        ]
        if numbers:
            conn.execute(place, numbers)

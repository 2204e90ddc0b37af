"""What people submit is counted by the minute. Revisions of before are counted once, here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A lease's first submit, and a task's first one by a person on a local day of this machine.
COUNTED = """
INSERT INTO finished_minute (person_id, study, minute, pieces, tasks, first_at)
SELECT made.person_id, task.study, substr(made.submitted_at, 1, 16),
    sum(made.of_lease = 1), sum(made.of_day = 1), min(made.submitted_at)
FROM (
    SELECT person_id, task_id, submitted_at,
        row_number() OVER (PARTITION BY task_id, fence ORDER BY number) AS of_lease,
        row_number() OVER (
            PARTITION BY task_id, person_id, date(submitted_at, 'localtime') ORDER BY number
        ) AS of_day
    FROM revision
) AS made JOIN task ON task.id = made.task_id
GROUP BY made.person_id, task.study, substr(made.submitted_at, 1, 16)
"""


def upgrade() -> None:
    op.create_table(
        "finished_minute",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("minute", sa.String(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("tasks", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_finished_minute_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", "study", "minute", name=op.f("pk_finished_minute")),
    )
    op.create_index("ix_finished_minute_person_id_minute", "finished_minute", ["person_id", "minute"])
    op.execute(COUNTED)

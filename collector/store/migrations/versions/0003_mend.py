"""Indexes for the list of sessions, the report of a day and the skipped tasks; how long a task's consent lasts;
uploads that belong to no capture; who was ever given a task; words with lasting ids, instructions, exports; when
people worked.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_service_state()
    _mark_short_jobs()
    _index_what_is_counted()
    _let_uploads_have_no_capture()
    _remember_leases()
    _add_what_exports_need()
    _remember_when_people_worked()
    with op.batch_alter_table("capture", schema=None) as batch_op:
        batch_op.drop_index("ix_capture_session_id")
        batch_op.create_index("ix_capture_session_id_state", ["session_id", "state"], unique=False)
        batch_op.create_index("ix_capture_received_at", ["received_at"], unique=False)
    with op.batch_alter_table("take", schema=None) as batch_op:
        batch_op.create_index("ix_take_opened_at", ["opened_at"], unique=False)
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index("ix_task_skipped", ["id"], unique=False, sqlite_where=sa.text("state = 'skipped'"))
        batch_op.add_column(
            sa.Column("usable_until", sa.String(), server_default="9999-12-31T23:59:59.999999Z", nullable=False)
        )
        batch_op.create_index(
            "ix_task_usable_until",
            ["state", "usable_until"],
            unique=False,
            sqlite_where=sa.text("usable_until < '9999'"),
        )


def _add_service_state() -> None:
    op.create_table(
        "service_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_service_state")),
    )


COUNTED = (
    ("session", "ix_session_started_at_id", ["started_at", "id"]),
    ("session", "ix_session_study", ["study"]),
    ("take", "ix_take_session_id_state", ["session_id", "state"]),
    ("capture", "ix_capture_state_bytes", ["state", "bytes"]),
    ("job", "ix_job_kind_state", ["kind", "state"]),
    ("upload", "ix_upload_state", ["state"]),
    ("task", "ix_task_created_at_id", ["created_at", "id"]),
    ("task", "ix_task_state_created_at_id", ["state", "created_at", "id"]),
)


def _index_what_is_counted() -> None:
    op.drop_index("ix_take_session_id", "take")
    op.drop_index("ix_capture_state", "capture")
    for table, name, columns in COUNTED:
        op.create_index(name, table, columns)
    _index_the_queue(["type"])


def _index_the_queue(first: list[str]) -> None:
    """The indexes of open tasks begin with these columns."""
    op.drop_index("ix_task_open", "task")
    op.drop_index("ix_task_random", "task")
    op.create_index(
        "ix_task_open",
        "task",
        [*first, "priority", "id"],
        sqlite_where=sa.text("state = 'open' AND reason_kind <> 'random'"),
    )
    op.create_index(
        "ix_task_random",
        "task",
        [*first, "created_at", "id"],
        sqlite_where=sa.text("state = 'open' AND reason_kind = 'random'"),
    )


def _index_as_before() -> None:
    _index_the_queue([])
    for table, name, _columns in COUNTED:
        op.drop_index(name, table)
    op.create_index("ix_take_session_id", "take", ["session_id"])
    op.create_index("ix_capture_state", "capture", ["state"])


def _mark_short_jobs() -> None:
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_short", sa.Boolean(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_job_short",
            ["kind", "not_before", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting' AND is_short"),
        )


def _let_uploads_have_no_capture() -> None:
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.alter_column("capture_id", existing_type=sa.String(), nullable=True)
        batch_op.alter_column("part", existing_type=sa.String(), nullable=True)
        batch_op.add_column(sa.Column("metadata", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("concat", sa.String(), nullable=True))
        batch_op.create_index(
            "ix_upload_unclaimed", ["device_id"], unique=False, sqlite_where=sa.text("capture_id IS NULL")
        )


def _remember_leases() -> None:
    op.create_table(
        "lease",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lease_person_id_person")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_lease_task_id_task")),
        sa.PrimaryKeyConstraint("task_id", "fence", name=op.f("pk_lease")),
    )
    # What earlier versions left behind of each lease. Drafts are no witness: their fence was the caller's word.
    for rows in (
        "SELECT id, fence, leased_to FROM task WHERE leased_to IS NOT NULL",
        "SELECT task_id, fence, person_id FROM revision",
        "SELECT task_id, fence, person_id FROM skip",
        "SELECT task_id, fence, person_id FROM activity",
    ):
        op.execute(f"INSERT OR IGNORE INTO lease (task_id, fence, person_id) {rows}")


def _add_what_exports_need() -> None:
    op.create_table(
        "instruction",
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("type", "version", name=op.f("pk_instruction")),
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("word", name=op.f("uq_category_word")),
    )
    op.create_table(
        "export",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
    )
    _name_categories()


def _name_categories() -> None:
    """The words of the sessions that are here, in the order in which exports numbered them until now."""
    conn = op.get_bind()
    rows = conn.execute(sa.text("SELECT record FROM session ORDER BY started_at, id")).scalars().all()
    schemas = [json.loads(record)["label_schema"] for record in rows]
    words = [word for kind in ("boxes", "tracks") for schema in schemas for word in schema.get(kind, [])]
    for word in dict.fromkeys(words):
        conn.execute(sa.text("INSERT INTO category (word) VALUES (:word)"), {"word": word})


def _remember_when_people_worked() -> None:
    op.create_index("ix_activity_at", "activity", ["at"])
    op.create_table(
        "worked",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("ended_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_worked_person_id_person")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_worked_task_id_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worked")),
    )
    op.create_index("ix_worked_ended_at", "worked", ["ended_at"])
    # Of earlier submits the amount is known: it is laid before them.
    conn = op.get_bind()
    for row in conn.execute(sa.text("SELECT task_id, person_id, fence, submitted_at, active_ms FROM revision")).all():
        began = datetime.fromisoformat(row.submitted_at) - timedelta(milliseconds=row.active_ms)
        values = {**row._mapping, "began": began.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        conn.execute(
            sa.text(
                "INSERT INTO worked (task_id, person_id, fence, started_at, ended_at)"
                " VALUES (:task_id, :person_id, :fence, :began, :submitted_at)"
            ),
            values,
        )


def _uploads_have_a_capture() -> None:
    op.execute("DELETE FROM upload WHERE capture_id IS NULL")
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.drop_index("ix_upload_unclaimed")
        batch_op.drop_column("concat")
        batch_op.drop_column("metadata")
        batch_op.alter_column("part", existing_type=sa.String(), nullable=False)
        batch_op.alter_column("capture_id", existing_type=sa.String(), nullable=False)


def downgrade() -> None:
    _index_as_before()
    op.drop_table("lease")
    for table in ("worked", "export", "category", "instruction"):
        op.drop_table(table)
    op.drop_index("ix_activity_at", "activity")
    _uploads_have_a_capture()
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_skipped", sqlite_where=sa.text("state = 'skipped'"))
        batch_op.drop_index("ix_task_usable_until", sqlite_where=sa.text("usable_until < '9999'"))
        batch_op.drop_column("usable_until")
    with op.batch_alter_table("take", schema=None) as batch_op:
        batch_op.drop_index("ix_take_opened_at")
    with op.batch_alter_table("capture", schema=None) as batch_op:
        batch_op.drop_index("ix_capture_received_at")
        batch_op.drop_index("ix_capture_session_id_state")
        batch_op.create_index("ix_capture_session_id", ["session_id"], unique=False)
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index("ix_job_short")
        batch_op.drop_column("is_short")
    op.drop_table("service_state")

"""Facts that cannot be made up later: every lease with its page, its lane and how it ended; what became of documents of
pre-labels; what was on the screen at each submit; every calibration; every reason of the queue; studies, plans and
consent texts; tasks without pre-labels; reasons of skips, corrections and reopenings as codes;
several independent answers to a question.
"""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _describe_leases()
    _remember_prelabels()
    _hash_instructions()
    _remember_the_screen()
    _keep_every_calibration()
    _keep_every_reason()
    _make_studies()
    _draw_tasks_without_prelabels()
    _code_reasons()
    _let_a_question_be_asked_again()


def _describe_leases() -> None:
    with op.batch_alter_table("lease", schema=None) as batch_op:
        for name in ("client", "started_at", "expires_at", "ended_at", "ended", "lane"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
        batch_op.add_column(sa.Column("probability", sa.Float(), nullable=True))
    # Of the newest lease of each task the task still knows more.
    op.execute(
        "UPDATE lease SET client = task.leased_client, started_at = task.leased_at, expires_at = task.lease_expires_at"
        " FROM task WHERE task.id = lease.task_id AND task.fence = lease.fence"
    )
    op.execute(
        "UPDATE lease SET ended = 'submitted', ended_at = (SELECT max(submitted_at) FROM revision WHERE"
        " revision.task_id = lease.task_id AND revision.fence = lease.fence) WHERE EXISTS (SELECT 1 FROM revision"
        " WHERE revision.task_id = lease.task_id AND revision.fence = lease.fence)"
    )
    op.execute(
        "UPDATE lease SET ended = skip.kind, ended_at = skip.at FROM skip WHERE skip.task_id = lease.task_id"
        " AND skip.fence = lease.fence AND lease.ended IS NULL"
    )


def _remember_prelabels() -> None:
    op.create_table(
        "prelabel_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("raw_sha256", sa.String(), nullable=False),
        sa.Column("replaced", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["labels_document.id"], name=op.f("fk_prelabel_event_document_id_labels_document")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["prelabel_run.id"], name=op.f("fk_prelabel_event_run_id_prelabel_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prelabel_event")),
    )
    with op.batch_alter_table("prelabel_event", schema=None) as batch_op:
        batch_op.create_index("ix_prelabel_event_document_id", ["document_id"], unique=False)


def _hash_instructions() -> None:
    with op.batch_alter_table("instruction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sha256", sa.String(), nullable=False, server_default=""))
    conn = op.get_bind()
    for row in conn.execute(sa.text("SELECT type, version, text FROM instruction")).all():
        conn.execute(
            sa.text("UPDATE instruction SET sha256 = :sha256 WHERE type = :type AND version = :version"),
            {"type": row.type, "version": row.version, "sha256": sha256(row.text.encode()).hexdigest()},
        )
    with op.batch_alter_table("instruction", schema=None) as batch_op:
        batch_op.alter_column("sha256", existing_type=sa.String(), nullable=False, server_default=None)
        batch_op.create_index("ix_instruction_sha256", ["sha256"], unique=False)


def _remember_the_screen() -> None:
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("instruction_sha256", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("shown", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("told", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("page", sa.String(), nullable=True))
    # The words of every version that was in use are here.
    op.execute(
        "UPDATE revision SET instruction_sha256 = instruction.sha256 FROM task, instruction WHERE task.id ="
        " revision.task_id AND instruction.type = task.type AND instruction.version = revision.instruction_version"
    )


def _keep_every_calibration() -> None:
    op.rename_table("calibration", "calibration_before")
    op.create_table(
        "calibration",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model_sha256", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("fitted_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
    )
    op.execute(
        "INSERT INTO calibration (model_sha256, body, fitted_at)"
        " SELECT model_sha256, body, fitted_at FROM calibration_before ORDER BY fitted_at, model_sha256"
    )
    op.drop_table("calibration_before")
    with op.batch_alter_table("calibration", schema=None) as batch_op:
        batch_op.create_index("ix_calibration_model_sha256_id", ["model_sha256", "id"], unique=False)


def _keep_every_reason() -> None:
    op.create_table(
        "task_reason",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_task_reason_task_id_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_reason")),
    )
    with op.batch_alter_table("task_reason", schema=None) as batch_op:
        batch_op.create_index("ix_task_reason_task_id", ["task_id"], unique=False)
    # What is in force now is all that was kept so far.
    op.execute(
        "INSERT INTO task_reason (task_id, at, kind, text, priority)"
        " SELECT id, created_at, reason_kind, reason_text, priority FROM task ORDER BY created_at, id"
    )


def _make_studies() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("control_share", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
    )
    # As a new study by default; a lead changes it.
    op.execute(
        "INSERT INTO study (id, created_at, control_share) SELECT study, min(started_at), 0.05 FROM session"
        " GROUP BY study"
    )
    op.create_table(
        "script_plan",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("script_id", sa.String(), nullable=False),
        sa.Column("script_version", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_script_plan_device_id_device")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_script_plan")),
    )
    op.create_table(
        "consent_text",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_consent_text")),
    )


def _draw_tasks_without_prelabels() -> None:
    # By ALTER TABLE: a table that is made anew would lose its triggers.
    op.add_column("task", sa.Column("control", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("task", sa.Column("control_probability", sa.Float(), nullable=True))


def _code_reasons() -> None:
    op.add_column("skip", sa.Column("code", sa.String(), nullable=True))
    op.add_column("lease", sa.Column("why", sa.String(), nullable=True))
    op.add_column("revision", sa.Column("correction", sa.String(), nullable=True))
    # The page offered these four sentences and no field to write another.
    for code, sentence in (
        ("not-perceptible", "it cannot be seen or heard well enough"),
        ("recording-broken", "the recording is broken"),
        ("not-covered", "the instructions do not cover this"),
        ("knows-person", "I know this person"),
    ):
        op.execute(f"UPDATE skip SET code = '{code}' WHERE kind = 'skipped' AND reason = '{sentence}'")


def _let_a_question_be_asked_again() -> None:
    triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'task' ORDER BY name"
    kept = list(op.get_bind().execute(sa.text(triggers)).scalars())
    indexes = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'task' AND sql IS NOT NULL"
        " ORDER BY rowid"
    )
    known = list(op.get_bind().execute(sa.text(indexes)))
    with op.batch_alter_table("task", schema=None, recreate="always") as batch_op:
        batch_op.add_column(sa.Column("round", sa.Integer(), nullable=False, server_default="1"))
        batch_op.drop_constraint(op.f("uq_task_take_id_type"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_task_take_id_type_round"), ["take_id", "type", "round"])
    # The table was made anew: its triggers went with the old one.
    for trigger in kept:
        op.execute(trigger)
    # Its indexes were made in any order, and of two that serve alike the engine takes the older one.
    for name, sql in known:
        op.drop_index(name, "task")
        op.execute(sql)

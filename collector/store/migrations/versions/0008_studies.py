"""Studies have versions, which sessions, tasks and revisions name; consents and languages of sessions are rows and
columns; people can be limited to studies, and runs of models name those of their captures.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What every study was shown by the version that wrote schema 0007.
INSTRUCTIONS = {
    "boxes": (
        2,
        "Draw one box around each thing in the list, tight around the part you can see. If the picture cuts a thing"
        " off, draw its box up to the edge. If nothing is visible, submit with no boxes.",
    ),
    "speech": (
        2,
        "Make one region per stretch of speech, from the first sound to the last; start a new one after a pause of half"
        " a second or more. Write what was really said, even if it differs from what was expected.",
    ),
    "text": (
        4,
        "Typed answer: check it against the question; correct the spelling only where the meaning stays the same."
        " Spoken answer: write what was said, in the language that was spoken; leave it empty if nothing is usable."
        " Text in a picture: write it exactly as shown, one field per piece; reject what is not text.",
    ),
    "tracks": (
        2,
        "Make one track per person or thing, from the first frame you can see it to the last. Set a keyframe where the"
        " box no longer fits. Where it leaves the picture, hide the track. Where something covers it, mark it covered.",
    ),
}
DEFAULT_SCHEMA = {"boxes": [], "tracks": [], "speech": ["speech"], "text": ["answer"]}


def upgrade() -> None:
    _make_tables()
    _add_columns()
    conn = op.get_bind()
    _save_consents(conn)
    _make_versions(conn)
    op.execute(
        "UPDATE task SET study_version_id = (SELECT study_version_id FROM session WHERE session.id = task.session_id)"
    )
    op.execute(
        "UPDATE revision SET study_version_id = (SELECT study_version_id FROM task WHERE task.id = revision.task_id)"
    )
    # A run over every study had captures of any of those there are.
    op.execute(
        "INSERT INTO prelabel_run_study (run_id, study) SELECT prelabel_run.id, study.id FROM prelabel_run JOIN study"
        " ON study.id = coalesce(json_extract(prelabel_run.asked, '$.study'), study.id)"
    )


def _make_tables() -> None:
    op.create_table(
        "study_version",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("label_schema", sa.Text(), nullable=False),
        sa.Column("consent_text_sha256", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("origin_id", sa.String(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_study_version_study_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_version")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_study_version_study_number")),
        sa.UniqueConstraint("study", "sha256", name=op.f("uq_study_version_study_sha256")),
    )
    op.create_table(
        "study_version_instruction",
        sa.Column("study_version_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_version_id"],
            ["study_version.id"],
            name=op.f("fk_study_version_instruction_study_version_id_study_version"),
        ),
        sa.ForeignKeyConstraint(
            ["type", "version"],
            ["instruction.type", "instruction.version"],
            name=op.f("fk_study_version_instruction_type_instruction"),
        ),
        sa.PrimaryKeyConstraint("study_version_id", "type", name=op.f("pk_study_version_instruction")),
    )
    op.create_table(
        "person_study",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_study_person_id_person")),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_person_study_study_study")),
        sa.PrimaryKeyConstraint("person_id", "study", name=op.f("pk_person_study")),
    )
    op.create_table(
        "session_grant",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_session_grant_session_id_session")),
        sa.PrimaryKeyConstraint("session_id", "use", name=op.f("pk_session_grant")),
    )
    op.create_table(
        "prelabel_run_study",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["prelabel_run.id"], name=op.f("fk_prelabel_run_study_run_id_prelabel_run")
        ),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_prelabel_run_study_study_study")),
        sa.PrimaryKeyConstraint("run_id", "study", name=op.f("pk_prelabel_run_study")),
    )


def _add_columns() -> None:
    op.add_column("session", sa.Column("language", sa.String(), nullable=False, server_default=""))
    # By ALTER TABLE: a table that is made anew would lose its triggers.
    for table in ("session", "task", "revision", "script_plan"):
        name = f"fk_{table}_study_version_id_study_version"
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN study_version_id INTEGER CONSTRAINT {name} REFERENCES study_version (id)"
        )


def _save_consents(conn: sa.Connection) -> None:
    language = sa.text("UPDATE session SET language = :language WHERE id = :id")
    grant = sa.text("INSERT INTO session_grant (session_id, use, until) VALUES (:id, :use, :until)")
    for session in conn.execute(sa.text("SELECT id FROM session")).scalars().all():
        record = _record(conn, session)
        conn.execute(language, {"id": session, "language": record["language"]})
        grants = [{"id": session, "use": one["use"], "until": one.get("until")} for one in record["consent"]["grants"]]
        if grants:
            conn.execute(grant, grants)


def _make_versions(conn: sa.Connection) -> None:
    """One per study and content: those of plans in the order they came, then those of sessions without a plan."""
    op.execute(
        "INSERT INTO study (id, created_at, control_share) SELECT study, min(at), 0.05 FROM (SELECT study, started_at"
        " AS at FROM session UNION ALL SELECT study, received_at FROM script_plan) WHERE true GROUP BY study"
        " ON CONFLICT (id) DO NOTHING"
    )
    studies = conn.execute(sa.text("SELECT id FROM study")).scalars().all()
    instructions = _instructions(conn) if studies else {}
    found = conn.execute(
        sa.text(
            "SELECT 'plan' AS origin, sha256 AS id, study, received_at AS at FROM script_plan UNION ALL"
            " SELECT 'session', id, study, started_at FROM session ORDER BY at, origin, id"
        )
    ).all()
    plans: dict[tuple[str, str], int] = {}
    known: dict[tuple[str, str], int] = {}
    for row in [row for row in found if row.origin == "plan"]:
        body = json.loads(
            conn.execute(sa.text("SELECT body FROM script_plan WHERE sha256 = :id"), {"id": row.id}).scalar_one()
        )
        consent = sha256(body["consent"]["text"].encode()).hexdigest()
        plans[row.study, row.id] = _version(conn, known, row, body["labels"], consent, instructions)
    point = sa.text("UPDATE session SET study_version_id = :version WHERE id = :id")
    script = sa.text("SELECT script_sha256 FROM session WHERE id = :id")
    for row in [row for row in found if row.origin == "session"]:
        version = plans.get((row.study, conn.execute(script, {"id": row.id}).scalar_one()))
        if version is None:
            record = _record(conn, row.id)
            consent = record["consent"]["text_sha256"]
            version = _version(conn, known, row, record["label_schema"], consent, instructions)
        conn.execute(point, {"version": version, "id": row.id})
    for (_study, plan), version in plans.items():
        conn.execute(
            sa.text("UPDATE script_plan SET study_version_id = :version WHERE sha256 = :plan"),
            {"version": version, "plan": plan},
        )


def _instructions(conn: sa.Connection) -> dict[str, tuple[int, str]]:
    """(version, sha256) by task type, of rows that are there now."""
    add = sa.text(
        "INSERT INTO instruction (type, version, text, sha256, first_used_at) VALUES (:type, :version, :text, :sha256,"
        " strftime('%Y-%m-%dT%H:%M:%f000Z')) ON CONFLICT DO NOTHING"
    )
    find = sa.text("SELECT sha256 FROM instruction WHERE type = :type AND version = :version")
    found = {}
    for kind, (version, words) in INSTRUCTIONS.items():
        values = {"type": kind, "version": version, "text": words, "sha256": sha256(words.encode()).hexdigest()}
        conn.execute(add, values)
        found[kind] = version, conn.execute(find, values).scalar_one()
    return found


def _version(
    conn: sa.Connection,
    known: dict[tuple[str, str], int],
    row: Any,
    words: dict[str, list[str]],
    consent: str,
    instructions: dict[str, tuple[int, str]],
) -> int:
    """The id of the version with this content, made where there is none yet."""
    schema = {**DEFAULT_SCHEMA, **words}
    content = {
        "consent_text": consent,
        "instructions": {kind: sha for kind, (_, sha) in instructions.items()},
        "label_schema": schema,
    }
    digest = sha256(_canonical(content).encode()).hexdigest()
    if (row.study, digest) in known:
        return known[row.study, digest]
    number = sum(study == row.study for study, _ in known) + 1
    made: int = conn.execute(
        sa.text(
            "INSERT INTO study_version (study, number, sha256, label_schema, consent_text_sha256, origin, origin_id,"
            " made_at) VALUES (:study, :number, :sha256, :schema, :consent, :origin, :id, :at) RETURNING id"
        ),
        {**row._mapping, "number": number, "sha256": digest, "schema": _canonical(schema), "consent": consent},
    ).scalar_one()
    conn.execute(
        sa.text(
            "INSERT INTO study_version_instruction (study_version_id, type, version) VALUES (:made, :type, :version)"
        ),
        [{"made": made, "type": kind, "version": version} for kind, (version, _) in instructions.items()],
    )
    known[row.study, digest] = made
    return made


def _canonical(value: Any) -> str:
    """RFC 8785, for values of text alone with names in ASCII."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _record(conn: sa.Connection, session: str) -> dict[str, Any]:
    body = conn.execute(sa.text("SELECT record FROM session WHERE id = :id"), {"id": session}).scalar_one()
    record: dict[str, Any] = json.loads(body)
    return record

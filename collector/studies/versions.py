"""Versions of a study: its label schema, consent text and instructions together. Each is made once and never changes.

A plan, or the record of a session that came without one, brings label schema and consent text; the instructions are
those of the study's newest version, of a new study the built-in ones. The same content is the same version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collector.store.clock import now_text
from collector.store.sql import Connection, text
from collector.studies.categories import save_words
from collector.studies.instructions import BUILT_IN, instructions_of, save_instructions
from collector.studies.label_schemas import drawn_words
from collector.studies.studies import ensure_study
from wire.canonical import canonical_json, sha256_hex
from wire.script import LabelSchema, Plan
from wire.session import SessionRecord

Origin = Literal["plan", "session"]

_NEWEST = text("SELECT id, number FROM study_version WHERE study = :study ORDER BY number DESC LIMIT 1")
_FIND = text("SELECT id FROM study_version WHERE study = :study AND sha256 = :sha256")
_ADD = text(
    "INSERT INTO study_version (study, number, sha256, label_schema, consent_text_sha256, origin, origin_id, made_at)"
    " VALUES (:study, :number, :sha256, :label_schema, :consent, :origin, :origin_id, :now) RETURNING id"
)
_ADD_INSTRUCTION = text(
    "INSERT INTO study_version_instruction (study_version_id, type, version) VALUES (:made, :type, :version)"
)
_OF_PLAN = text(
    "SELECT script_plan.study_version_id AS id FROM script_plan WHERE script_plan.sha256 = :sha256"
    " AND script_plan.study = :study"
)


@dataclass(frozen=True)
class StudyContent:
    """What a plan or a session says of its study."""

    study: str
    label_schema: LabelSchema
    consent_text_sha256: str


def content_of_plan(plan: Plan) -> StudyContent:
    return StudyContent(plan.study, plan.labels, sha256_hex(plan.consent.text.encode()))


def content_of_session(record: SessionRecord) -> StudyContent:
    return StudyContent(record.study, record.label_schema, record.consent.text_sha256)


def version_of_session(conn: Connection, record: SessionRecord, control_share: float) -> int:
    """The id of the version that a session was recorded under: its plan's, where that is here, else its record's."""
    asked = {"sha256": record.script.sha256, "study": record.study}
    found: int | None = conn.execute(_OF_PLAN, asked).scalar()
    if found is not None:
        return found
    return ensure_version(conn, content_of_session(record), "session", record.session, control_share)


def ensure_version(
    conn: Connection, content: StudyContent, origin: Origin, origin_id: str, control_share: float
) -> int:
    """The id of the version with this content, which is made where there is none; and so is the study.

    Args:
        origin_id: sha256 of the plan or id of the session that defines it.
        control_share: of a study that is new here.
    """
    ensure_study(conn, content.study, control_share)
    newest = conn.execute(_NEWEST, {"study": content.study}).one_or_none()
    if newest is None:
        save_instructions(conn)
        instructions = BUILT_IN
    else:
        instructions = instructions_of(conn, newest.id)
    schema = canonical_json(content.label_schema)
    body = {
        "consent_text": content.consent_text_sha256,
        "instructions": {kind: shown.sha256 for kind, shown in instructions.items()},
        "label_schema": content.label_schema.to_json(),
    }
    values = {"study": content.study, "sha256": sha256_hex(canonical_json(body))}
    known: int | None = conn.execute(_FIND, values).scalar()
    if known is not None:
        return known
    more = {
        "number": 1 if newest is None else newest.number + 1,
        "label_schema": schema.decode(),
        "consent": content.consent_text_sha256,
        "origin": origin,
        "origin_id": origin_id,
        "now": now_text(),
    }
    made: int = conn.execute(_ADD, {**values, **more}).scalar_one()
    rows = [{"made": made, "type": kind, "version": shown.version} for kind, shown in instructions.items()]
    conn.execute(_ADD_INSTRUCTION, rows)
    save_words(conn, drawn_words(content.label_schema))
    return made

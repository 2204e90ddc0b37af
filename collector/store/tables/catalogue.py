"""Sessions with consent, takes, captures, what was derived from captures, labels documents, the access log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from collector.store.tables.base import WHOLE, metadata, partial_index

session = Table(
    "session",
    metadata,
    Column("id", String, primary_key=True),
    Column("study", String, nullable=False),
    Column("script_id", String, nullable=False),
    Column("script_version", String, nullable=False),
    Column("script_sha256", String, nullable=False),
    Column("device_id", ForeignKey("device.id"), nullable=False),
    Column("participant", String, nullable=False),
    Column("home", String, nullable=False),
    Column("consent", String, nullable=False),
    Column("state", String, nullable=False),  # running | finished | stopped | refused
    Column("revision", WHOLE, nullable=False),
    Column("record", Text, nullable=False),  # the SessionRecord without its steps; from schema 3 on without takes
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("language", String, nullable=False, server_default=""),
    Column("study_version_id", ForeignKey("study_version.id")),  # that it was recorded under; every row has one
    Index("ix_session_started_at_id", "started_at", "id"),
    Index("ix_session_study", "study"),
    Index("ix_session_device_id_study", "device_id", "study"),
)

# What the participant allowed: no row, no use. `until` null: as long as the study keeps its data.
session_grant = Table(
    "session_grant",
    metadata,
    Column("session_id", ForeignKey("session.id"), primary_key=True),
    Column("use", String, primary_key=True),  # video | audio | image | text
    Column("until", String),
)

session_step = Table(
    "session_step",
    metadata,
    Column("session_id", ForeignKey("session.id"), primary_key=True),
    Column("number", WHOLE, primary_key=True),  # 1-based, in the order of the plan
    Column("step", String, nullable=False),
    Column("title", Text, nullable=False),
    Index("ix_session_step_session_id_step_number", "session_id", "step", "number"),
)

take = Table(
    "take",
    metadata,
    Column("id", String, primary_key=True),
    Column("session_id", ForeignKey("session.id"), nullable=False),
    Column("number", WHOLE, nullable=False, server_default="0"),  # 1-based order of opening in the session
    Column("revision", WHOLE, nullable=False, server_default="0"),  # of the document that said what is here
    Column("step", String, nullable=False),
    Column("step_number", WHOLE),  # 1-based order in which the steps were first taken
    Column("attempt", WHOLE, nullable=False),
    Column("kind", String, nullable=False),  # say | do | show | answer
    Column("state", String, nullable=False),  # open | closed | torn
    Column("prompt", Text, nullable=False),
    Column("expected", Text),
    Column("opened_us", BigInteger, nullable=False),  # device monotonic microseconds
    Column("closed_us", BigInteger),
    Column("opened_at", String, nullable=False),
    Column("closed_at", String),
    Column("record", Text, nullable=False),  # the TakeRecord
    Index("ix_take_session_id_state", "session_id", "state"),
    Index("ix_take_opened_at", "opened_at"),
)

capture = Table(
    "capture",
    metadata,
    Column("id", String, primary_key=True),
    Column("take_id", String, nullable=False),  # no foreign key: a manifest may come before its session record
    Column("session_id", String, nullable=False),
    Column("device_id", ForeignKey("device.id"), nullable=False),
    Column("medium", String, nullable=False),  # video | audio | image | text
    Column("sensor", String, nullable=False),
    Column("step", String, nullable=False),
    Column("attempt", WHOLE, nullable=False),
    Column("consent", String, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("state", String, nullable=False),  # received | opened | bad
    Column("manifest", Text, nullable=False),  # the bytes as received
    Column("manifest_sha256", String, nullable=False),
    Column("sha256", String),  # of the original bytes; of a torn one known once it is opened
    Column("bytes", BigInteger),
    Column("duration_us", BigInteger),
    Column("frames", WHOLE),
    Column("opened_us", BigInteger, nullable=False),
    Column("wall_at", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("opened_at", String),
    Column("bad_reason", String),  # unreadable | infected | given-up, when state is bad
    Column("problem", Text),  # one sentence when state is bad, or what a torn one lost
    Index("ix_capture_take_id", "take_id"),
    Index("ix_capture_session_id_state", "session_id", "state"),
    Index("ix_capture_received_at", "received_at"),
    Index("ix_capture_state_bytes", "state", "bytes"),
    partial_index("ix_capture_bad_reason", "bad_reason", where="bad_reason IS NOT NULL"),
)

derived = Table(
    "derived",
    metadata,
    Column("capture_id", ForeignKey("capture.id"), nullable=False, primary_key=True),
    Column("kind", String, nullable=False, primary_key=True),  # original | play | frames | peaks | thumbnail
    Column("blob", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("media_type", String, nullable=False),
    Index("ix_derived_blob", "blob"),
)

labels_document = Table(
    "labels_document",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("capture_id", ForeignKey("capture.id"), nullable=False),
    Column("name", String, nullable=False),  # NAME of the part labels:NAME
    Column("source_kind", String, nullable=False),
    Column("source_name", String, nullable=False),
    Column("source_sha256", String),
    Column("body", Text, nullable=False),  # the bytes as received
    Column("raw_sha256", String, nullable=False),
    # Whether people see it. What another model replaced stays, for the queue's doubts and the quality report.
    Column("shown", Boolean, nullable=False, server_default="1"),
    UniqueConstraint("capture_id", "name"),
)

# What became of a document of pre-labels, in the order it happened: when it came, which run hid or replaced it.
# Documents that came before migration 0005 have no `received` row.
prelabel_event = Table(
    "prelabel_event",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("document_id", ForeignKey("labels_document.id"), nullable=False),
    Column("at", String, nullable=False),
    Column("event", String, nullable=False),  # received | shown | hidden | replaced
    Column("run_id", ForeignKey("prelabel_run.id")),  # the run that did it; null: the device sent it
    Column("raw_sha256", String, nullable=False),  # of the body from then on
    Column("replaced", Text),  # the body until then, where another took its place
    Index("ix_prelabel_event_document_id", "document_id"),
)

look = Table(
    "look",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("capture_id", ForeignKey("capture.id"), nullable=False),
    Column("at", String, nullable=False),
    Column("why", String, nullable=False),
    Index("ix_look_capture_id", "capture_id"),
    Index("ix_look_person_id_capture_id", "person_id", "capture_id"),
)

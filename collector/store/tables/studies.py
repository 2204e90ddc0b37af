"""Studies and their versions, and what their sessions were run with, by hash: plans and consent texts."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, ForeignKeyConstraint, String, Table, Text, UniqueConstraint

from collector.store.tables.base import WHOLE, metadata

study = Table(
    "study",
    metadata,
    Column("id", String, primary_key=True),  # the word that scripts call it by
    Column("created_at", String, nullable=False),
    Column("control_share", Float, nullable=False),  # of new tasks that get no pre-labels, drawn by chance
    Column("media_links", Boolean, nullable=False, server_default="0"),  # media may be got from the S3 server by links
)

# What a study's label schema, consent text and instructions were together. A row never changes; sessions, tasks and
# revisions name the one that they were recorded and answered under.
study_version = Table(
    "study_version",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("study", ForeignKey("study.id"), nullable=False),
    Column("number", WHOLE, nullable=False),  # 1, 2, … per study
    Column("sha256", String, nullable=False),  # of its content (collector/studies/versions.py)
    Column("label_schema", Text, nullable=False),  # the LabelSchema as canonical JSON
    Column("consent_text_sha256", String, nullable=False),
    Column("origin", String, nullable=False),  # plan | session (the record of a device that sends no plans)
    Column("origin_id", String, nullable=False),  # sha256 of that plan, or id of that session
    Column("made_at", String, nullable=False),
    UniqueConstraint("study", "number"),
    UniqueConstraint("study", "sha256"),
)

# The instructions of a version: one row of `instruction` per task type.
study_version_instruction = Table(
    "study_version_instruction",
    metadata,
    Column("study_version_id", ForeignKey("study_version.id"), primary_key=True),
    Column("type", String, primary_key=True),
    Column("version", WHOLE, nullable=False),
    ForeignKeyConstraint(["type", "version"], ["instruction.type", "instruction.version"]),
)

# The studies that a person is limited to; somebody without a row may see every study.
person_study = Table(
    "person_study",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("study", ForeignKey("study.id"), primary_key=True),
)

script_plan = Table(
    "script_plan",
    metadata,
    Column("sha256", String, primary_key=True),  # of the body
    Column("study", String, nullable=False),
    Column("script_id", String, nullable=False),
    Column("script_version", String, nullable=False),
    Column("body", Text, nullable=False),  # the Plan as canonical JSON
    Column("device_id", ForeignKey("device.id"), nullable=False),  # that sent it first
    Column("received_at", String, nullable=False),
    # With its label schema and consent text. Every row has one; a column that is added can refer to nothing else.
    Column("study_version_id", ForeignKey("study_version.id")),
)

consent_text = Table(
    "consent_text",
    metadata,
    Column("sha256", String, primary_key=True),  # of the text as UTF-8: what consent records name
    Column("text", Text, nullable=False),
    Column("received_at", String, nullable=False),
)

"""Studies, and what their sessions were run with, by hash: plans and consent texts."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, String, Table, Text

from collector.store.tables.base import metadata

study = Table(
    "study",
    metadata,
    Column("id", String, primary_key=True),  # the word that scripts call it by
    Column("created_at", String, nullable=False),
    Column("control_share", Float, nullable=False),  # of new tasks that get no pre-labels, drawn by chance
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
)

consent_text = Table(
    "consent_text",
    metadata,
    Column("sha256", String, primary_key=True),  # of the text as UTF-8: what consent records name
    Column("text", Text, nullable=False),
    Column("received_at", String, nullable=False),
)

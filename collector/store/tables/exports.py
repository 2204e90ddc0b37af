"""Exports that the service makes: what was asked for, how far each is, what it holds, and who fetched it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, String, Table, Text

from collector.store.tables.base import WHOLE, metadata

export_run = Table(
    "export_run",
    metadata,
    Column("id", String, primary_key=True),
    Column("asked", Text, nullable=False),  # the options, as JSON
    Column("person_id", ForeignKey("person.id")),  # who started it; null: a command
    Column("created_at", String, nullable=False),
    Column("state", String, nullable=False, server_default="running"),  # running | paused | cancelled | done
    Column("owner", String),  # the process that does it
    Column("items", WHOLE, nullable=False, server_default="0"),
    Column("counted", Boolean, nullable=False, server_default="0"),
    Column("done", WHOLE, nullable=False, server_default="0"),  # items
    Column("bytes", WHOLE, nullable=False, server_default="0"),  # of the files so far
    Column("packed_bytes", WHOLE),  # of them in the archive; null: it has not begun
    Column("per_second", Float),  # items, lately; once there is an archive, bytes
    Column("problem", Text),  # why it is paused or waits
    Column("ended_at", String),
    # Of one that is done:
    Column("export_id", ForeignKey("export.id")),  # its record
    Column("counts", Text),  # what is in it, as JSON
    Column("archive_bytes", WHOLE),
    Column("archive_sha256", String),
    Column("kept_until", String),  # null: for ever
    Column("removed", String),  # why the archive is there no more: deleted | expired
    Index("ix_export_run_created_at", "created_at"),
)

# The studies that it may hold items of.
export_run_study = Table(
    "export_run_study",
    metadata,
    Column("run_id", ForeignKey("export_run.id"), primary_key=True),
    Column("study", ForeignKey("study.id"), primary_key=True),
)

# Whose recordings it holds, and of which medium. A session that was erased stays named here: its recordings are still
# in the archive, and nobody is to fetch that any more.
export_run_session = Table(
    "export_run_session",
    metadata,
    Column("run_id", ForeignKey("export_run.id"), primary_key=True),
    Column("session_id", String, primary_key=True),
    Column("use", String, primary_key=True),
)

export_download = Table(
    "export_download",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("export_run.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("at", String, nullable=False),
    Index("ix_export_download_run_id", "run_id"),
)

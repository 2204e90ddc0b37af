"""Work that waits: rows by which rooms hand things on, and worker processes lease."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text, UniqueConstraint

from collector.store.tables.base import WHOLE, metadata, partial_index

job = Table(
    "job",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", String, nullable=False),  # waiting | leased | done | failed
    Column("attempts", WHOLE, nullable=False),
    Column("not_before", String, nullable=False),
    Column("error", Text),
    Column("created_at", String, nullable=False),
    Column("done_at", String),
    # Done on the short lane when every worker is busy; one that failed is not short any more.
    Column("is_short", Boolean, nullable=False, server_default="0"),
    Column("owner", String),  # the process that has leased it
    Column("fence", BigInteger, nullable=False, server_default="0"),  # rises with each lease
    UniqueConstraint("kind", "key"),
    Index("ix_job_kind_state", "kind", "state"),
    partial_index("ix_job_waiting", "kind", "not_before", "id", where="state = 'waiting'"),
    partial_index("ix_job_short", "kind", "not_before", "id", where="state = 'waiting' AND is_short"),
    partial_index("ix_job_owner", "owner", where="owner IS NOT NULL"),
)

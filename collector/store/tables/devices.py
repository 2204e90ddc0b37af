"""Devices known here and the codes by which new ones join."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from collector.store.tables.base import WHOLE, metadata

device = Table(
    "device",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("model", String, nullable=False),
    Column("token_hash", String, nullable=False, unique=True),
    Column("joined_at", String, nullable=False),
    Column("revoked_at", String),
    Column("last_seen_at", String),
    Column("heartbeat", Text),  # the newest Heartbeat document
)

join_code = Table(
    "join_code",
    metadata,
    Column("handle", String, primary_key=True),  # the first letters of the code
    Column("salt", String, nullable=False),
    Column("code_hash", String, nullable=False),
    Column("tries", WHOLE, nullable=False),
    Column("created_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
    Column("device_id", ForeignKey("device.id")),
)

# Of the last minute: whoever guesses is stopped by all processes together.
join_attempt = Table(
    "join_attempt",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("address", String, nullable=False),
    Column("at", String, nullable=False),
    Index("ix_join_attempt_address_at", "address", "at"),
)

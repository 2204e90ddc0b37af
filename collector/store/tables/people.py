"""Who may do what: people and the tokens they or their pages show. Only hashes of secrets are kept."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from collector.store.tables.base import metadata

person = Table(
    "person",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("disabled_at", String),
)

token = Table(
    "token",
    metadata,
    Column("hash", String, primary_key=True),  # sha256 of the secret
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("kind", String, nullable=False),  # api | enter | page
    Column("created_at", String, nullable=False),
    Column("expires_at", String),
    # Of an enter code: when it was used up; of the others: when they were ended or revoked.
    Column("used_at", String),
    Column("last_used_at", String),  # at most a minute late, by the steady clock; null: never
    Index("ix_token_person_id", "person_id"),
)

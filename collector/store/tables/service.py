"""What the service knows of itself: the receipt key in use, when it was last seen to be able to write, and the latest
time seen.
"""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from collector.store.tables.base import metadata

service_state = Table(
    "service_state",
    metadata,
    Column("name", String, primary_key=True),  # verify_key | ready_at | time_seen
    Column("value", Text, nullable=False),
)

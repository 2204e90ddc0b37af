"""What the service knows of itself: the receipt key in use, when it was last seen to be able to write, and the latest
time seen; and the processes that work on this database.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from collector.store.tables.base import metadata

# Rows that say something of one place. They are no part of the data, which may be copied to another.
OF_THIS_PLACE = ("backup_at", "blobs", "read_only")
BUT_THOSE = f"name NOT IN ({', '.join(map(repr, OF_THIS_PLACE))})"

service_state = Table(
    "service_state",
    metadata,
    Column("name", String, primary_key=True),  # verify_key | ready_at | time_seen | blobs | read_only
    Column("value", Text, nullable=False),
)

process = Table(
    "process",
    metadata,
    Column("id", String, primary_key=True),  # made anew at each start
    Column("folder", String, nullable=False),  # the same at each start in a data folder
    Column("name", String, nullable=False),  # for people: machine and port
    Column("beats", BigInteger, nullable=False),  # rises as long as the process lives
    Column("started_at", String, nullable=False),
    Column("seen_at", String, nullable=False),
)

# Keys that all processes have, encrypted with the master key that each has in a file (collector/shared_keys.py).
wrapped_key = Table(
    "wrapped_key",
    metadata,
    Column("name", String, primary_key=True),  # the file's name in the folder of the keys
    Column("body", Text, nullable=False),
    Column("made_at", String, nullable=False),
)

"""What is on its way in: uploads, manifests that disagree, receipts given."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from collector.store.tables.base import WHOLE, metadata, partial_index

upload = Table(
    "upload",
    metadata,
    Column("id", String, primary_key=True),
    # No foreign key: bytes come before their manifest. Null with the part: an upload that belongs to no capture.
    Column("capture_id", String),
    Column("part", String),
    Column("device_id", ForeignKey("device.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),  # bytes known to be on disk
    Column("length", BigInteger),  # null while the capture is still being recorded
    Column("staged", String, nullable=False),  # path inside the staging folder
    Column("sha256", String),
    Column("state", String, nullable=False),  # open | durable
    Column("created_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("metadata", Text),  # Upload-Metadata of the creation, as it came
    Column("concat", String),  # Upload-Concat of the creation, as it came
    # Where several processes take uploads: which has it in hand, the number of the newest request that wants it, and
    # that of the one that has it or had it last.
    Column("owner", String),
    Column("ticket", BigInteger, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("capture_id", "part"),
    Index("ix_upload_state", "state"),
    partial_index("ix_upload_open", "expires_at", where="state = 'open'"),
    partial_index("ix_upload_unclaimed", "device_id", where="capture_id IS NULL"),
    partial_index("ix_upload_owner", "owner", where="owner IS NOT NULL"),
)

# Where staging lies on an S3 server: which object has which bytes. A row outlives its upload until its object is gone.
upload_piece = Table(
    "upload_piece",
    metadata,
    Column("upload_id", String, primary_key=True),
    Column("start_byte", BigInteger, primary_key=True),
    Column("end_byte", BigInteger, nullable=False),
    Column("object", String, nullable=False),
    Index("ix_upload_piece_object", "object"),
)

manifest_conflict = Table(
    "manifest_conflict",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("capture_id", String, nullable=False),
    Column("device_id", ForeignKey("device.id"), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("manifest_sha256", String, nullable=False),
    Column("received_at", String, nullable=False),
    UniqueConstraint("capture_id", "manifest_sha256"),
)

receipt = Table(
    "receipt",
    metadata,
    Column("capture_id", ForeignKey("capture.id"), primary_key=True),
    Column("body", Text, nullable=False),
)

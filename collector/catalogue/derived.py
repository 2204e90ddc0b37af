"""Blobs made from a capture, its original included: each a row that names its capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collector.store.sql import Connection, text

_FIND = text("SELECT blob, bytes, media_type FROM derived WHERE capture_id = :capture AND kind = :kind")
DerivedKind = Literal["original", "play", "frames", "redaction", "peaks", "thumbnail"]


@dataclass(frozen=True)
class Derived:
    """One row: `blob` is the key, `bytes` its size."""

    blob: str
    bytes: int
    media_type: str


def save_derived(conn: Connection, capture: str, kind: DerivedKind, blob: str, size: int, media_type: str) -> None:
    conn.execute(
        text(
            "INSERT INTO derived (capture_id, kind, blob, bytes, media_type)"
            " VALUES (:capture, :kind, :blob, :bytes, :media_type)"
            " ON CONFLICT (capture_id, kind) DO UPDATE SET blob = excluded.blob, bytes = excluded.bytes,"
            " media_type = excluded.media_type"
        ),
        {"capture": capture, "kind": kind, "blob": blob, "bytes": size, "media_type": media_type},
    )


def find_derived(conn: Connection, capture: str, kind: DerivedKind) -> Derived | None:
    row = conn.execute(_FIND, {"capture": capture, "kind": kind}).one_or_none()
    return None if row is None else Derived(*row)

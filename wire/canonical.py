"""Canonical JSON (RFC 8785) for hashes and signatures."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785
from pydantic import BaseModel


def canonical_json(value: Any) -> bytes:
    """The one byte string of a JSON value: RFC 8785, UTF-8."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True)
    return rfc8785.dumps(value)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def document_hash(value: Any) -> str:
    """sha256 over the canonical JSON of a value, 64 lower-case hex digits."""
    return sha256_hex(canonical_json(value))

"""What a device reports about itself, how it joins, and the collector's receipt for a capture."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)

from wire.base import Count, Document, Id, Sha256, Utc, WireModel, is_none
from wire.canonical import canonical_json
from wire.capture import Part, set_schema

TIME_HEADER = "Gleaner-Time"  # of the answer to a heartbeat: the collector's time, as every Utc is written


class DeviceInfo(WireModel):
    name: str = Field(min_length=1, max_length=100)
    model: str
    agent_version: str
    sensors: list[str] = []


class JoinRequest(Document):
    """`known_as` (schema 2): the id under which the device recorded what still waits on it; it wants it back."""

    SCHEMA: ClassVar[int] = 2

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4}-?[A-Z0-9]{4}$")]
    device: DeviceInfo
    known_as: Id | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        set_schema(self, 1 if self.known_as is None else 2)
        return self


class JoinReply(Document):
    """The token is shown once; the collector stores only its hash."""

    device: Id
    token: str
    collector: str
    verify_key: str = Field(description="Ed25519 public key of the receipts, 64 hex digits")


class Backlog(WireModel):
    captures: Count
    bytes: Count
    free_bytes: Count


class Heartbeat(Document):
    device: Id
    at: Utc
    agent_version: str
    session: Id | None = None
    state: str
    backlog: Backlog


class Receipt(Document):
    """Ed25519 over canonical JSON of everything but the signature. A device deletes only on a receipt."""

    capture: Id
    manifest_sha256: Sha256
    parts: list[Part]
    sha256: Sha256
    complete: StrictBool
    collector: str
    at: Utc
    signature: str = ""

    def signed_bytes(self) -> bytes:
        body = self.to_json()
        del body["signature"]
        return canonical_json(body)

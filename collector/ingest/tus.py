"""The rules of tus 1.0.0 (https://tus.io/protocols/resumable-upload) over plain values: no socket, no file, no row.

Extensions: creation, creation-with-upload, creation-defer-length, checksum, expiration, termination.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Protocol

from wire.base import is_id
from wire.capture import PART_PATTERN
from wire.errors import GleanerError

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
ALGORITHMS = ("sha256", "sha1")
BODY_TYPE = "application/offset+octet-stream"
_PART = re.compile(PART_PATTERN)
_NUMBER = re.compile(r"[0-9]{1,16}")


class Digest(Protocol):
    def update(self, data: Any, /) -> None: ...

    def digest(self) -> bytes: ...


class TusVersionWrong(GleanerError):
    code = "tus-version"
    status = 412
    hint = f"Send `Tus-Resumable: {VERSION}`."


class TusHeaderInvalid(GleanerError):
    code = "tus-header-invalid"
    status = 400
    hint = "docs/http-api.md, Uploads, names the headers of each request."


class UploadMetadataInvalid(GleanerError):
    code = "upload-metadata-invalid"
    status = 400
    hint = "Upload-Metadata: `capture BASE64,part BASE64`; part is media, frames, redaction or labels:NAME."


class BodyTypeWrong(GleanerError):
    code = "upload-body-type"
    status = 415
    hint = f"Send `Content-Type: {BODY_TYPE}`."


class OffsetMismatch(GleanerError):
    code = "offset-mismatch"
    status = 409
    retryable = True
    hint = "Ask for the offset with HEAD and go on from there."


class UploadTooLong(GleanerError):
    code = "upload-too-long"
    status = 413
    hint = "The sender and the collector disagree about the length of the upload; nothing past it was kept."


class LengthConflict(GleanerError):
    code = "upload-length-conflict"
    status = 409
    hint = "An upload has one length. Terminate it with DELETE to begin again."


class ChecksumUnknown(GleanerError):
    code = "checksum-unknown"
    status = 400
    hint = f"Upload-Checksum: ALGORITHM BASE64 with one of {', '.join(ALGORITHMS)}."


class ChecksumMismatch(GleanerError):
    code = "checksum-mismatch"
    status = 460
    retryable = True
    hint = "The chunk was discarded; send it again from the same offset."


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    expected: bytes

    def start(self) -> Digest:
        return hashlib.new(self.algorithm)


@dataclass(frozen=True)
class Creation:
    """What `POST /api/uploads` asks for. `length` None: deferred."""

    capture: str
    part: str
    length: int | None
    has_body: bool
    checksum: Checksum | None


@dataclass(frozen=True)
class Chunk:
    """What a PATCH says of itself. `length`: of the whole upload, if it comes with this one."""

    offset: int
    length: int | None
    content_length: int | None
    checksum: Checksum | None


@dataclass(frozen=True)
class UploadState:
    """What an upload is at the moment: bytes that are on disk, and its length once known."""

    offset: int
    length: int | None

    @property
    def whole(self) -> bool:
        return self.length is not None and self.offset == self.length


def check_version(headers: Mapping[str, str]) -> None:
    """Raises TusVersionWrong."""
    said = headers.get("tus-resumable")
    if said != VERSION:
        raise TusVersionWrong(
            f"The request speaks {'tus ' + said if said else 'no tus version'}, here it is {VERSION}."
        )


def parse_creation(headers: Mapping[str, str], max_bytes: int) -> Creation:
    """Raises TusVersionWrong, TusHeaderInvalid, UploadMetadataInvalid, UploadTooLong, ChecksumUnknown."""
    check_version(headers)
    metadata = parse_metadata(headers.get("upload-metadata", ""))
    capture, part = metadata.get("capture", ""), metadata.get("part", "")
    if not is_id(capture):
        raise UploadMetadataInvalid("Upload-Metadata names no valid capture.")
    if not _PART.fullmatch(part):
        raise UploadMetadataInvalid(f"Upload-Metadata names no valid part ({part!r}).")
    length = _number(headers, "upload-length")
    deferred = headers.get("upload-defer-length")
    if deferred not in (None, "1"):
        raise TusHeaderInvalid("Upload-Defer-Length can only be 1.")
    if (length is None) == (deferred is None):
        raise TusHeaderInvalid("A creation has either Upload-Length or Upload-Defer-Length: 1.")
    check_size(length, max_bytes)
    has_body = headers.get("content-type", "").split(";")[0].strip() == BODY_TYPE
    return Creation(capture, part, length, has_body, _checksum(headers))


def parse_chunk(headers: Mapping[str, str]) -> Chunk:
    """Raises TusVersionWrong, BodyTypeWrong, TusHeaderInvalid, ChecksumUnknown."""
    check_version(headers)
    if headers.get("content-type", "").split(";")[0].strip() != BODY_TYPE:
        raise BodyTypeWrong(f"The body of a PATCH is {BODY_TYPE}.")
    offset = _number(headers, "upload-offset")
    if offset is None:
        raise TusHeaderInvalid("Upload-Offset is missing.")
    return Chunk(offset, _number(headers, "upload-length"), _number(headers, "content-length"), _checksum(headers))


def begin_chunk(state: UploadState, chunk: Chunk, max_bytes: int) -> UploadState:
    """The state in which a chunk may be received: its offset fits, its length agrees, its bytes have room.

    Raises:
        OffsetMismatch, LengthConflict, UploadTooLong.
    """
    if chunk.offset != state.offset:
        raise OffsetMismatch(
            f"The chunk begins at {chunk.offset}, the upload stands at {state.offset}.", offset=state.offset
        )
    length = state.length
    if chunk.length is not None:
        if length is not None and chunk.length != length:
            raise LengthConflict(f"The upload has {length} bytes, the chunk says {chunk.length}.")
        if chunk.length < state.offset:
            raise LengthConflict(f"The upload has {state.offset} bytes already, the chunk says {chunk.length} in all.")
        check_size(chunk.length, max_bytes)
        length = chunk.length
    room = (max_bytes if length is None else length) - state.offset
    if chunk.content_length is not None and chunk.content_length > room:
        raise UploadTooLong(f"The chunk has {chunk.content_length} bytes, there is room for {room}.")
    return UploadState(state.offset, length)


def check_size(length: int | None, max_bytes: int) -> None:
    """Raises UploadTooLong."""
    if length is not None and length > max_bytes:
        raise UploadTooLong(f"The upload would have {length} bytes, the most taken here is {max_bytes}.")


def answer_headers(state: UploadState, expires_at: str) -> dict[str, str]:
    """Headers of an answer about an upload: offset, length or its deferral, expiry until it is whole."""
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(state.offset), "Cache-Control": "no-store"}
    if state.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(state.length)
    if not state.whole:
        headers["Upload-Expires"] = format_datetime(datetime.fromisoformat(expires_at), usegmt=True)
    return headers


def option_headers(max_bytes: int) -> dict[str, str]:
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(max_bytes),
    }


def parse_metadata(header: str) -> dict[str, str]:
    """`key base64,key base64` -> values. Raises UploadMetadataInvalid."""
    found: dict[str, str] = {}
    for item in filter(None, (piece.strip() for piece in header.split(","))):
        key, _, value = item.partition(" ")
        if key in found:
            raise UploadMetadataInvalid(f"Upload-Metadata names {key} twice.")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError as error:
            raise UploadMetadataInvalid(f"The value of {key} in Upload-Metadata is not base64 of UTF-8.") from error
    return found


def _checksum(headers: Mapping[str, str]) -> Checksum | None:
    header = headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnknown(f"The checksum algorithm {algorithm!r} is not known here.")
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except ValueError as error:
        raise ChecksumUnknown("The value of Upload-Checksum is not base64.") from error
    if len(expected) != hashlib.new(algorithm).digest_size:
        raise ChecksumUnknown(f"The value of Upload-Checksum is not a {algorithm}.")
    return Checksum(algorithm, expected)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise TusHeaderInvalid(f"{name} is not a number of bytes: {text[:40]!r}.")
    return int(text)

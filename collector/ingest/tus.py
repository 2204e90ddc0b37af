"""The rules of tus 1.0.0 (https://tus.io/protocols/resumable-upload) over plain values: no socket, no file, no row.

Extensions: creation, creation-with-upload, creation-defer-length, checksum, expiration, termination, concatenation,
concatenation-unfinished.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from collector.store.staging import Checksum
from wire.base import is_id
from wire.capture import PART_PATTERN
from wire.errors import GleanerError

VERSION = "1.0.0"
UPLOADS = "/api/uploads"
EXTENSIONS = (
    "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination,concatenation,"
    "concatenation-unfinished"
)
ALGORITHMS = ("sha256", "sha1", "crc32c")
BODY_TYPE = "application/offset+octet-stream"
PARTIAL = "partial"
_PART = re.compile(PART_PATTERN)
_NUMBER = re.compile(r"[0-9]{1,16}")
_METADATA_KEY = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~:/-]+")
_UPLOAD_PATH = re.compile(r".*/api/uploads/(?P<id>[A-Za-z0-9_-]{1,64})")
MAX_METADATA_BYTES = 8192
MAX_PARTIAL_UPLOADS = 64
# An upload that names no capture and no length: what its sender may send at most.
MAX_DEFERRED_UNCLAIMED_BYTES = 2**30


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
    hint = "Upload-Metadata: `capture BASE64,part BASE64`, or neither; part is media, frames, redaction or labels:NAME."


class BodyTypeWrong(GleanerError):
    code = "upload-body-type"
    status = 415
    hint = f"Send `Content-Type: {BODY_TYPE}`."


class OffsetMismatch(GleanerError):
    code = "offset-mismatch"
    status = 409
    retryable = True
    hint = "Ask for the offset with HEAD and resume there."


class UploadTooLong(GleanerError):
    code = "upload-too-long"
    status = 413
    hint = "The sender and the collector disagree about the length of the upload; nothing past it was kept."


class ConcatInvalid(GleanerError):
    """`Upload-Concat` is neither `partial` nor `final;` with the addresses of uploads made as `partial`."""

    code = "upload-concat-invalid"
    status = 400
    hint = "Upload-Concat: `partial`, or `final;URL URL …` without Upload-Length and without a body."


class ConcatFinal(GleanerError):
    """A PATCH to an upload that was joined from partial ones."""

    code = "upload-concatenated"
    status = 403
    hint = "A final upload is whole from the beginning."


class LengthConflict(GleanerError):
    code = "upload-length-conflict"
    status = 409
    hint = "An upload has one length. Terminate it with DELETE to begin again."


class ChecksumUnknown(GleanerError):
    code = "checksum-unknown"
    status = 400
    hint = f"Upload-Checksum: ALGORITHM BASE64 with one of {', '.join(ALGORITHMS)}."


@dataclass(frozen=True)
class Creation:
    """What `POST /api/uploads` asks for.

    `capture` and `part` are None for an upload that belongs to no capture (yet), as a partial one never does.
    `length` None: deferred, or the sum of `partials`. `metadata` and `concat` are the headers as they came.
    """

    capture: str | None
    part: str | None
    length: int | None
    has_body: bool
    checksum: Checksum | None
    metadata: str | None = None
    concat: str | None = None
    partials: tuple[str, ...] = ()


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


def is_upload_path(path: str) -> bool:
    return path == UPLOADS or path.startswith(f"{UPLOADS}/")


def check_version(headers: Mapping[str, str]) -> None:
    """Raises TusVersionWrong."""
    named = headers.get("tus-resumable")
    if named != VERSION:
        raise TusVersionWrong(
            f"The request names {'tus ' + named if named else 'no tus version'}; this collector needs {VERSION}."
        )


def parse_creation(headers: Mapping[str, str], max_bytes: int) -> Creation:
    """What is asked for.

    Raises:
        TusVersionWrong, TusHeaderInvalid, UploadMetadataInvalid, ConcatInvalid, UploadTooLong, ChecksumUnknown.
    """
    check_version(headers)
    metadata = headers.get("upload-metadata")
    concat = headers.get("upload-concat")
    partials = partial_ids(concat)
    capture, part = _claim(parse_metadata(metadata or ""))
    if concat == PARTIAL:
        capture = part = None
    has_body = headers.get("content-type", "").split(";")[0].strip() == BODY_TYPE
    length = _number(headers, "upload-length")
    if partials:
        _check_final(headers, length, has_body)
    else:
        _check_lengths(length, headers.get("upload-defer-length"))
    check_size(length, max_bytes)
    return Creation(capture, part, length, has_body, _checksum(headers), metadata, concat, partials)


def partial_ids(concat: str | None) -> tuple[str, ...]:
    """The ids of the uploads that a final one is joined from. Raises ConcatInvalid."""
    if concat in (None, PARTIAL):
        return ()
    kind, _, addresses = concat.partition(";")
    found = [_UPLOAD_PATH.fullmatch(path_of(address)) for address in addresses.split()]
    ids = tuple(match["id"] for match in found if match is not None)
    if kind != "final" or not ids or len(ids) != len(found) or len(ids) > MAX_PARTIAL_UPLOADS:
        raise ConcatInvalid("Upload-Concat names no partial uploads of this collector, or more than 64.")
    return ids


def path_of(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _claim(metadata: Mapping[str, bytes]) -> tuple[str | None, str | None]:
    """The capture and part that an upload is for; None, None for one that names neither."""
    if "capture" not in metadata and "part" not in metadata:
        return None, None
    # What is no UTF-8 becomes U+FFFD, which no id and no part has.
    capture, part = (metadata.get(key, b"").decode(errors="replace") for key in ("capture", "part"))
    if not is_id(capture):
        raise UploadMetadataInvalid("Upload-Metadata names no valid capture.")
    if not _PART.fullmatch(part):
        raise UploadMetadataInvalid(f"Upload-Metadata names no valid part ({part[:80]!r}).")
    return capture, part


def _check_final(headers: Mapping[str, str], length: int | None, has_body: bool) -> None:
    if length is not None or "upload-defer-length" in headers or has_body:
        raise ConcatInvalid("A final upload has the length and the bytes of its partial uploads and no others.")


def _check_lengths(length: int | None, deferred: str | None) -> None:
    if deferred not in (None, "1"):
        raise TusHeaderInvalid("Upload-Defer-Length can only be 1.")
    if (length is None) == (deferred is None):
        raise TusHeaderInvalid("A creation has either Upload-Length or Upload-Defer-Length: 1.")


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
            f"The chunk begins at {chunk.offset}, the upload is at {state.offset}.", offset=state.offset
        )
    length = state.length
    if chunk.length is not None:
        if length is not None and chunk.length != length:
            raise LengthConflict(f"The upload has {length} bytes, but the chunk names {chunk.length}.")
        if chunk.length < state.offset:
            raise LengthConflict(
                f"The upload has {state.offset} bytes already, but the chunk names a whole length of {chunk.length}."
            )
        check_size(chunk.length, max_bytes)
        length = chunk.length
    room = (max_bytes if length is None else length) - state.offset
    if chunk.content_length is not None and chunk.content_length > room:
        raise UploadTooLong(f"The chunk has {chunk.content_length} bytes, but only {room} are left of the upload.")
    return UploadState(state.offset, length)


def check_size(length: int | None, max_bytes: int) -> None:
    """Raises UploadTooLong."""
    if length is not None and length > max_bytes:
        raise UploadTooLong(f"The upload would have {length} bytes, the limit is {max_bytes}.")


def answer_headers(
    state: UploadState, expires_at: str, metadata: str | None = None, concat: str | None = None
) -> dict[str, str]:
    """Headers of an answer about an upload: offset, length or its deferral, expiry until it is whole.

    `metadata` and `concat` are what came with the creation; a HEAD is answered with them.
    """
    is_waiting = concat not in (None, PARTIAL) and not state.whole  # a final upload has no offset before it is joined
    headers = {"Cache-Control": "no-store"} | ({} if is_waiting else {"Upload-Offset": str(state.offset)})
    if metadata:
        headers["Upload-Metadata"] = metadata
    if concat is not None:
        headers["Upload-Concat"] = concat
    if state.length is None and not is_waiting:
        headers["Upload-Defer-Length"] = "1"
    elif state.length is not None:
        headers["Upload-Length"] = str(state.length)
    if not state.whole:
        headers["Upload-Expires"] = format_datetime(datetime.fromisoformat(expires_at), usegmt=True)
    return headers


def option_headers(max_bytes: int) -> dict[str, str]:
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(max_bytes),
    }


def parse_metadata(header: str) -> dict[str, bytes]:
    """`key base64,key base64,key` -> values, any bytes. Raises UploadMetadataInvalid."""
    if len(header) > MAX_METADATA_BYTES:
        raise UploadMetadataInvalid(f"Upload-Metadata is longer than {MAX_METADATA_BYTES} bytes.")
    found: dict[str, bytes] = {}
    for piece in filter(str.strip, header.split(",")):
        key, _, value = piece.strip().partition(" ")
        if piece.startswith(" ") and not value:
            key = ""  # " BASE64": a value whose key is empty
        if not _METADATA_KEY.fullmatch(key):
            raise UploadMetadataInvalid(f"Upload-Metadata has an empty or unusable key ({key[:80]!r}).")
        if key in found:
            raise UploadMetadataInvalid(f"Upload-Metadata names {key} twice.")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True)
        except ValueError as error:
            raise UploadMetadataInvalid(f"The value of {key} in Upload-Metadata is not base64.") from error
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
    checksum = Checksum(algorithm, expected)
    if len(expected) != checksum.start().digest_size:
        raise ChecksumUnknown(f"The value of Upload-Checksum is not a {algorithm}.")
    return checksum


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise TusHeaderInvalid(f"{name} is not a number of bytes: {text[:40]!r}.")
    return int(text)

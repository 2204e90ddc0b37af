"""A typed answer -> UTF-8, normalised once (NFC) so that offsets into it mean the same everywhere."""

from __future__ import annotations

import unicodedata

from device_agent.record.recorded import Recorded
from wire.canonical import sha256_hex
from wire.capture import CaptureFormat


def text_format() -> CaptureFormat:
    return CaptureFormat(container="plain", codec="utf-8", media_type="text/plain; charset=utf-8")


def text_bytes(text: str) -> bytes:
    """NFC, lines ended by a line feed, UTF-8; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    lines = whole.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", lines).encode()


def recorded_text(data: bytes, stamp_us: int) -> Recorded:
    """An answer has no length; the moment it was given is media time 0."""
    return Recorded(sha256=sha256_hex(data), bytes=len(data), duration_us=None, clock_map=[(0, stamp_us)])

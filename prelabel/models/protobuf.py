"""Protobuf's wire format: fields of a message, read without copying, and written.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# The largest networks have some hundred thousand nodes; without a limit a crafted file keeps a reader busy for hours.
MAX_FIELDS = 2_000_000


class NotProtobuf(ValueError):
    """The bytes end in the middle of a field or are no protobuf message at all."""


def fields(message: memoryview) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """(field number, wire type, whole field, payload) of each field in order; views, not copies.

    Raises:
        NotProtobuf: while iterating, where the message ends in the middle of a field.
    """
    at = count = 0
    while at < len(message):
        start = at
        key, at = varint(message, at)
        wire_type = key & 7
        if wire_type == VARINT:
            payload = at
            _, at = varint(message, at)
        elif wire_type == BYTES:
            length, payload = varint(message, at)
            at = payload + length
        elif wire_type in (FIXED64, FIXED32):
            payload = at
            at += 8 if wire_type == FIXED64 else 4
        else:
            raise NotProtobuf(f"wire type {wire_type}")
        count += 1
        if at > len(message) or key >> 3 == 0 or count > MAX_FIELDS:
            raise NotProtobuf("cut off")
        yield key >> 3, wire_type, message[start:at], message[payload:at]


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at `at`, and where the next byte is. Raises NotProtobuf."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise NotProtobuf("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def bytes_of(message: memoryview, number: int) -> memoryview | None:
    """The first field `number` that holds bytes; None without one."""
    return next((payload for field, kind, _, payload in fields(message) if field == number and kind == BYTES), None)


def text_of(message: memoryview, number: int) -> str:
    """The first field `number` as text, empty without one."""
    payload = bytes_of(message, number)
    return "" if payload is None else bytes(payload).decode(errors="replace")


def number_of(message: memoryview, number: int) -> int | None:
    """The first field `number` that holds a number, as a signed 64 bit one; None without one."""
    for field, kind, _, payload in fields(message):
        if field == number and kind == VARINT:
            value = varint(payload, 0)[0]
            return value - 2**64 if value >= 2**63 else value
    return None


def number_field(field: int, value: int) -> bytes:
    return _encoded(field << 3 | VARINT) + _encoded(value)


def bytes_field(field: int, payload: bytes) -> bytes:
    return _encoded(field << 3 | BYTES) + _encoded(len(payload)) + payload


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

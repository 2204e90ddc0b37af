"""Byte ranges of HTTP (RFC 9110, section 14) over plain values."""

from __future__ import annotations

import re

from wire.errors import GleanerError

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class RangeNotSatisfiable(GleanerError):
    code = "range-not-satisfiable"
    status = 416
    hint = "Ask for bytes within the size that Content-Range names."


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) asked for, or None for all of them. Several ranges or another unit mean all (allowed).

    Raises:
        RangeNotSatisfiable: the range begins past the end.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        wanted = int(last)
        if wanted == 0:
            raise RangeNotSatisfiable("A range of 0 bytes cannot be served.", size=size)
        return max(0, size - wanted), size
    start = int(first)
    end = size if last == "" else min(size, int(last) + 1)
    if last != "" and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(f"The range begins at byte {start}, but there are only {size} bytes.", size=size)
    return start, end


def still_same(if_range: str | None, etag: str) -> bool:
    """Whether a Range holds: without If-Range always, with it only for the very same bytes. Dates never match."""
    return if_range is None or if_range.strip() == etag


def not_modified(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags

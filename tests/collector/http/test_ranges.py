"""Byte ranges, against slicing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.http.ranges import RangeNotSatisfiable, not_modified, parse_range, still_same


@given(st.integers(0, 500), st.integers(0, 600), st.integers(0, 600))
def test_first_and_last(size: int, first: int, last: int) -> None:
    data = bytes(n % 251 for n in range(size))
    header = f"bytes={first}-{last}"
    if last < first:
        assert parse_range(header, size) is None
    elif first >= size:
        with pytest.raises(RangeNotSatisfiable):
            parse_range(header, size)
    else:
        start, end = parse_range(header, size) or (0, 0)
        assert data[start:end] == data[first : last + 1]


@given(st.integers(1, 500), st.integers(1, 600))
def test_the_last_bytes(size: int, count: int) -> None:
    assert parse_range(f"bytes=-{count}", size) == (max(0, size - count), size)


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=5-2"])
def test_everything_else_means_all(header: str | None) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    ("header", "holds"), [(None, True), ('"a"', True), ('"b"', False), ("Mon, 23 Nov 2026", False)]
)
def test_if_range(header: str | None, holds: bool) -> None:
    assert still_same(header, '"a"') is holds


@pytest.mark.parametrize(
    ("header", "same"), [(None, False), ('"a"', True), ('W/"a", "b"', True), ("*", True), ('"c"', False)]
)
def test_if_none_match(header: str | None, same: bool) -> None:
    assert not_modified(header, '"a"') is same

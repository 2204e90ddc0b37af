"""Bodies with many labels are checked in pieces, and refused with the same places as when checked whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.types import Message

from collector.review.long_bodies import LABELS_AT_ONCE, with_documents
from collector.review.submit import MAX_SUBMIT_LABELS, Submit


def box(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"b{number}", "kind": "box", "label": "cup", "x": 1, "y": 2, "width": 3, "height": 4} | changes


def body(*documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "fence": 1,
        "submit": "0b5c7a7e-6f39-4c0a-8d2b-0a6f5f6f9c11",
        "opened_at": "2026-01-01T00:00:00Z",
        "documents": [
            {"schema": 1, "capture": f"cap-{place}", "source": {"kind": "person", "name": "x"}, "labels": labels}
            for place, labels in enumerate(documents)
        ],
    }


def read(raw: bytes) -> Submit:
    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": [], "path": "/"}, receive)
    return asyncio.run(with_documents(Submit, MAX_SUBMIT_LABELS)(request))


def places(error: RequestValidationError | ValidationError, *before: str) -> list[tuple[tuple[Any, ...], str]]:
    return [((*before, *row["loc"]), row["msg"]) for row in error.errors()]


@pytest.mark.parametrize("count", [0, 1, LABELS_AT_ONCE, 3 * LABELS_AT_ONCE + 7])
def test_what_is_read_in_pieces_is_what_is_read_whole(count: int) -> None:
    value = body([box(number) for number in range(count)], [box(1)])
    assert read(json.dumps(value).encode()) == Submit.model_validate(value)


@pytest.mark.parametrize("wrong", [0, LABELS_AT_ONCE - 1, LABELS_AT_ONCE, 2 * LABELS_AT_ONCE + 3])
@pytest.mark.parametrize("change", [{"x": "left"}, {"kind": "blob"}, {"extra": 1}, {"id": ""}])
def test_a_wrong_label_is_named_by_its_place_in_the_whole(wrong: int, change: dict[str, Any]) -> None:
    labels = [box(number) for number in range(3 * LABELS_AT_ONCE)]
    labels[wrong] |= change
    value = body([box(0)], labels)
    value["documents"].insert(0, body([box(1)])["documents"][0])
    with pytest.raises(RequestValidationError) as pieces:
        read(json.dumps(value).encode())
    with pytest.raises(ValidationError) as whole:
        Submit.model_validate(value)
    assert places(pieces.value) == places(whole.value, "body")


@pytest.mark.parametrize(
    "change",
    [{"fence": -1}, {"documents": None}, {"documents": [7]}, {"documents": [{"labels": {}}]}, {"opened_at": "soon"}],
)
def test_what_is_wrong_outside_labels_is_named_too(change: dict[str, Any]) -> None:
    value = body([box(0)]) | change
    with pytest.raises(RequestValidationError) as pieces:
        read(json.dumps(value).encode())
    with pytest.raises(ValidationError) as whole:
        Submit.model_validate(value)
    assert places(pieces.value) == places(whole.value, "body")


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b"7", b'"documents"', b"null"])
def test_what_is_no_submit_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestValidationError):
        read(raw)


def test_too_many_labels_are_refused_before_one_is_checked() -> None:
    labels: list[Any] = [0] * (MAX_SUBMIT_LABELS // 2 + 1)
    with pytest.raises(RequestValidationError, match="20000 that one person can send"):
        read(json.dumps(body(labels, labels)).encode())

"""Bodies with thousands of labels, in and out, without holding up the event loop: read and written in threads, and
checked a few labels at a time, because a thread that checks lets no other run meanwhile. Most bodies have a few labels;
to wake a thread for them would take longer than they do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from collector.http.bodies import read_body
from wire.labels import Label

M = TypeVar("M", bound=BaseModel)
LABELS_AT_ONCE = 200
SHORT_BYTES = 16 * 2**10  # of a body that is read on the event loop: some tenths of a millisecond
_LABELS: TypeAdapter[list[Any]] = TypeAdapter(list[Label])


def with_documents(model: type[M], max_labels: int) -> Callable[[Request], Awaitable[M]]:
    """A dependency that reads a body whose `documents` hold labels.

    Raises:
        BodyTooLong, BodyCut, RequestValidationError.
    """

    async def read(request: Request) -> M:
        raw = await read_body(request)
        if len(raw) <= SHORT_BYTES:
            return _validated(model, raw, max_labels)
        return await asyncio.to_thread(_validated, model, raw, max_labels)

    return read


def json_response(answer: BaseModel) -> Response:
    """A long answer, written in the reader's thread that made it and not on the event loop."""
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")


def _validated(model: type[M], raw: bytes, max_labels: int) -> M:
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise _invalid("json_invalid", ("body",), f"the body is not JSON: {error}") from error
    documents = value.get("documents") if isinstance(value, dict) else None
    rows = enumerate(documents) if isinstance(documents, list) else ()
    lists = [(place, one) for place, one in rows if isinstance(one, dict) and isinstance(one.get("labels"), list)]
    amount = sum(len(one["labels"]) for _, one in lists)
    if amount > max_labels:
        sentence = f"{amount} labels are more than the {max_labels} that one person can send"
        raise _invalid("too_long", ("body", "documents"), sentence)
    for place, one in lists:
        one["labels"] = _checked_labels(one["labels"], ("body", "documents", place, "labels"))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _refused(error, ("body",), 0) from error


def _checked_labels(labels: list[Any], at: tuple[int | str, ...]) -> list[Any]:
    done: list[Any] = []
    for start in range(0, len(labels), LABELS_AT_ONCE):
        try:
            done += _LABELS.validate_python(labels[start : start + LABELS_AT_ONCE])
        except ValidationError as error:
            raise _refused(error, at, start) from error
    return done


def _refused(error: ValidationError, at: tuple[int | str, ...], start: int) -> RequestValidationError:
    """The problems with their places in the whole body; `start` is the number of the first label of the piece."""
    rows = error.errors(include_url=False, include_input=False, include_context=False)
    for row in rows:
        first, *rest = row["loc"] or ("",)
        row["loc"] = (*at, first + start if isinstance(first, int) else first, *rest)
    return RequestValidationError(rows)


def _invalid(kind: str, at: tuple[int | str, ...], sentence: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": at, "msg": sentence}])

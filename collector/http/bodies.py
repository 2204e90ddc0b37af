"""Wire documents as request bodies: read through `Document.read`, so that a schema that is too new is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import Message

from wire.base import Document, WireModel
from wire.errors import GleanerError

D = TypeVar("D", bound=Document)
MAX_DOCUMENT_BYTES = 4 * 2**20
MAX_REQUEST_BYTES = 256 * 2**10  # of a body that is no document: it is read on the event loop
MAX_STRANGER_BYTES = 64 * 2**10  # of a body on a route that needs no credential
MAX_BODY_SECONDS = 120.0
# uvicorn has no timeout for slow bodies of its own.
IDLE_SECONDS = 30.0


class BodyTooLong(GleanerError):
    """A JSON body is larger than any document here can be."""

    code = "body-too-long"
    status = 413
    hint = "Send media through /api/uploads; documents are small."


class BodyCut(GleanerError):
    """The connection ended, or fell silent, inside a body."""

    code = "body-cut"
    status = 400
    retryable = True
    hint = "Send it again."


async def read_body(request: Request, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The whole body; how long it may take to arrive is limited for all routes (body_limit.py).

    Raises:
        BodyTooLong, BodyCut.
    """
    pieces: list[bytes] = []
    size, has_more = 0, True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BodyCut("The connection ended before the document did.")
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise BodyTooLong(f"The body is longer than {limit} bytes.")
        pieces.append(piece)
        has_more = message.get("more_body", False)
    return b"".join(pieces)


def document(model: type[D]) -> Callable[[Request], Awaitable[D]]:
    """A dependency that reads the body as this document. Raises SchemaTooNew, BadDocument, BodyTooLong."""

    async def read(request: Request) -> D:
        raw = await read_body(request)
        return await asyncio.to_thread(model.read, raw)

    return read


async def bounded(request: Request) -> Request:
    """The same request with its body read, if it is no longer than MAX_REQUEST_BYTES. Raises BodyTooLong, BodyCut."""
    raw = await read_body(request, MAX_REQUEST_BYTES)
    messages = iter([{"type": "http.request", "body": raw, "more_body": False}])

    async def receive() -> Message:
        return next(messages, None) or await request.receive()

    return Request(request.scope, receive)


def body_schema(model: type[WireModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body through `document` or `read_body`."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    return {"requestBody": {"required": True, "content": content}}

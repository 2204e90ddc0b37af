"""Bytes that never change as an answer: whole, or the range that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from collector.http.ranges import RangeNotSatisfiable, not_modified, parse_range, still_same
from http_shell.problems import problem_response


async def ranged_response(
    request: Request,
    size: int,
    etag: str,
    media_type: str,
    headers: Mapping[str, str],
    read: Callable[[int, int], Iterator[bytes]],
) -> Response:
    """200, 206, 304 or 416, by what the request asks for.

    Args:
        etag: of these very bytes, in quotes.
        read: bytes [start, end) in pieces, in a thread. What it raises before the first one is the answer.
    """
    fixed = {"ETag": etag, "Accept-Ranges": "bytes", **headers}
    if not_modified(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=fixed)
    wanted = None
    if still_same(request.headers.get("if-range"), etag):
        try:
            wanted = parse_range(request.headers.get("range"), size)
        except RangeNotSatisfiable as error:
            return problem_response(error, fixed | {"Content-Range": f"bytes */{size}"})
    start, end = wanted or (0, size)
    fixed["Content-Length"] = str(end - start)
    if wanted is not None:
        fixed["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=fixed, media_type=media_type)
    pieces = read(start, end)
    # The first piece is read before the status line leaves: what it raises can still be answered.
    first = await asyncio.to_thread(next, pieces, b"")
    return StreamingResponse(chain((first,), pieces), status_code=status, headers=fixed, media_type=media_type)

"""The review page's built files, from `collector/web/dist`: `/`, `/assets/…` and the page's own addresses."""

from __future__ import annotations

import mimetypes
import re
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from collector.people.policy import Anyone, PolicyRoute

DIST = Path(__file__).parent / "web" / "dist"
router = APIRouter(include_in_schema=False, route_class=PolicyRoute)
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Gleaner</title>
<h1>The review page is not built</h1><p>{sentence}</p></html>"""


def page_file(path: str, dist: Path | None = None) -> Path | None:
    """The built file behind an address, never one outside the folder; None: there is none."""
    root = (dist or DIST).resolve()
    try:
        found = (root / path).resolve()
        return found if found.is_relative_to(root) and found.is_file() else None
    except (OSError, ValueError):  # too long for the file system, or with a NUL: no such file
        return None


# What `collector/web/build.py` writes next to a file, best first.
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


def accepted_encodings(header: str) -> set[str]:
    """The encodings that an Accept-Encoding header takes; one with `q=0` is refused."""
    taken = set()
    for part in header.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        refused = any(re.fullmatch(r"q\s*=\s*0(\.0*)?", word) for word in parameters)
        if not refused:
            taken.add(name)
    return taken


def file_reply(request: Request, found: Path, cache: str) -> Response:
    """A built file, compressed where the client takes it so."""
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    taken = accepted_encodings(request.headers.get("accept-encoding", ""))
    media_type = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    for encoding, ending in ENCODINGS:
        smaller = found.with_name(found.name + ending)
        if encoding in taken and smaller.is_file():
            return FileResponse(smaller, media_type=media_type, headers=headers | {"Content-Encoding": encoding})
    return FileResponse(found, media_type=media_type, headers=headers)


@router.get("/assets/{path:path}", dependencies=[Anyone])
async def asset(path: str, request: Request) -> Response:
    """Named by their content's hash by the build: good for a year."""
    found = page_file(f"assets/{path}")
    if found is None:
        raise HTTPException(404)
    return file_reply(request, found, "public, max-age=31536000, immutable")


@router.get("/favicon.svg", dependencies=[Anyone])
async def favicon(request: Request) -> Response:
    found = page_file("favicon.svg")
    if found is None:
        raise HTTPException(404)
    return file_reply(request, found, "public, max-age=86400")


@router.get("/", dependencies=[Anyone])
@router.get("/today", dependencies=[Anyone])
@router.get("/prelabels", dependencies=[Anyone])
@router.get("/exports", dependencies=[Anyone])
@router.get("/studies", dependencies=[Anyone])
@router.get("/installation", dependencies=[Anyone])
async def page(request: Request) -> Response:
    found = page_file("index.html")
    if found is None:
        sentence = escape("Run `make web` in the checkout, then load this page again. The service itself works.")
        return HTMLResponse(_NOT_BUILT.format(sentence=sentence), status_code=503, headers={"Retry-After": "60"})
    return file_reply(request, found, "no-cache")

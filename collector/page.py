"""The review page's built files, from `collector/web/dist`: `/`, `/assets/…` and the page's own addresses."""

from __future__ import annotations

from html import escape
from pathlib import Path

from fastapi import APIRouter
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


@router.get("/assets/{path:path}", dependencies=[Anyone])
async def asset(path: str) -> Response:
    """Named by their content's hash by the build: good for a year."""
    found = page_file(f"assets/{path}")
    if found is None:
        raise HTTPException(404)
    return FileResponse(found, headers={"Cache-Control": "public, max-age=31536000, immutable"})


@router.get("/favicon.svg", dependencies=[Anyone])
async def favicon() -> Response:
    found = page_file("favicon.svg")
    if found is None:
        raise HTTPException(404)
    return FileResponse(found, headers={"Cache-Control": "public, max-age=86400"})


@router.get("/", dependencies=[Anyone])
@router.get("/today", dependencies=[Anyone])
@router.get("/prelabels", dependencies=[Anyone])
async def page() -> Response:
    found = page_file("index.html")
    if found is None:
        sentence = escape("Run `make web` in the checkout, then load this page again. The service itself works.")
        return HTMLResponse(_NOT_BUILT.format(sentence=sentence), status_code=503, headers={"Retry-After": "60"})
    return FileResponse(found, headers={"Cache-Control": "no-cache"})

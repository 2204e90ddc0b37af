"""Exports over HTTP, for leads: start one, follow it, fetch it (docs/http-api.md, Exports)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from collector.exports.archives import ExportArchives
from collector.exports.asked import ExportAsked
from collector.exports.downloads import record_download
from collector.exports.export_runs import (
    ExportRun,
    change_export,
    check_fetchable,
    delete_export,
    find_export,
    list_exports,
    start_export,
)
from collector.http.ranged_response import ranged_response
from collector.http.ranges import parse_range
from collector.people.policy import Lead, PolicyRoute
from collector.security.log import Event, SecurityLog
from collector.services import Db, services_of
from collector.store.read_only import DataReadOnly
from collector.studies.scope import scope_of
from wire.base import WireModel

router = APIRouter(prefix="/api", tags=["exports"], route_class=PolicyRoute)
ARCHIVE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "a ZIP archive", "content": {"application/zip": {}}},
    206: {"description": "the range that was asked for", "content": {"application/zip": {}}},
    304: {"description": "the browser has it already"},
}


async def _archives(request: Request) -> ExportArchives:
    return services_of(request).get(ExportArchives)


Archives = Annotated[ExportArchives, Depends(_archives)]


class ExportsReply(WireModel):
    exports: list[ExportRun]


@router.get("/exports")
async def get_exports(person: Lead, db: Db) -> ExportsReply:
    """Exports that the service makes or has made, the newest first."""
    return ExportsReply(exports=await db.read_long(lambda conn: list_exports(conn, scope=scope_of(person))))


@router.get("/exports/{export}")
async def get_export(export: str, person: Lead, db: Db) -> ExportRun:
    return await db.read_long(lambda conn: find_export(conn, export, scope_of(person)))


@router.post("/exports", status_code=202)
async def new_export(person: Lead, request: Request, db: Db, body: ExportAsked) -> ExportRun:
    """Make an export of what has been submitted when its turn comes. Those of other studies leave nothing in it."""
    export = await db.write(lambda conn: start_export(conn, body, person.id, scope_of(person)))
    _log(request, "export-started", export, person.name)
    return await db.read_long(lambda conn: find_export(conn, export))


@router.post("/exports/{export}/pause")
async def pause_export(export: str, person: Lead, db: Db) -> ExportRun:
    """Do nothing more of it until it is resumed; what is there stays."""
    return await db.write(lambda conn: change_export(conn, export, "pause", scope_of(person)))


@router.post("/exports/{export}/resume")
async def resume_export(export: str, person: Lead, db: Db) -> ExportRun:
    """Continue one that is paused, whether somebody paused it or something was wrong."""
    return await db.write(lambda conn: change_export(conn, export, "resume", scope_of(person)))


@router.post("/exports/{export}/cancel")
async def cancel_export(export: str, person: Lead, db: Db) -> ExportRun:
    """End it, and delete what is there of it."""
    return await db.write(lambda conn: change_export(conn, export, "cancel", scope_of(person)))


@router.delete("/exports/{export}")
async def remove_export(export: str, person: Lead, request: Request, db: Db) -> ExportRun:
    """Delete the archive of one that is done; what it was stays listed."""
    found = await db.write(lambda conn: delete_export(conn, export, scope_of(person)))
    _log(request, "export-deleted", export, person.name)
    return found


@router.head("/exports/{export}/archive", include_in_schema=False)
@router.get("/exports/{export}/archive", response_class=Response, responses=ARCHIVE_RESPONSES)
async def get_archive(export: str, person: Lead, request: Request, db: Db, archives: Archives) -> Response:
    """The archive, with ranges: a download that broke off continues. Every download is a logged row."""
    found = await db.read_long(lambda conn: find_export(conn, export, scope_of(person)))
    check_fetchable(found)
    size = await asyncio.to_thread(archives.size, export)
    reply = await ranged_response(
        request,
        size,
        f'"{found.archive_sha256}"',
        "application/zip",
        {
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="{found.name}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
        lambda start, end: archives.read(export, start, end),
    )
    if reply.status_code in (200, 206) and request.method == "GET":
        start = parse_range(request.headers.get("range"), size)
        goes_on = start is not None and start[0] > 0
        try:
            is_new = await db.write(lambda conn: record_download(conn, export, person.id, goes_on=goes_on))
        except DataReadOnly:  # the line of the security log has to do
            is_new = True
        if is_new:
            _log(request, "export-downloaded", export, person.name)
    return reply


def _log(request: Request, event: Event, export: str, by: str) -> None:
    services_of(request).get(SecurityLog).record(event, export=export, by=by)

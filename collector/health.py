"""`/api/health`, `/api/ready`, `/metrics`, `/api/openapi.json`: for programs on this machine."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from collector.jobs.runner import JobRunner
from collector.metrics.instruments import Instruments
from collector.metrics.rows import RowFigures, read_rows
from collector.people.policy import AnyoneHere, PolicyRoute
from collector.readiness import Readiness, readiness
from collector.services import Db, services_of
from collector.store.staging import Staging

router = APIRouter(tags=["health"], route_class=PolicyRoute)


@router.get("/api/health", dependencies=[AnyoneHere])
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(
    "/api/ready", dependencies=[AnyoneHere], response_model_exclude_none=True, responses={503: {"model": Readiness}}
)
async def ready(request: Request, response: Response, db: Db) -> Readiness:
    """A row and a file were written just now, every table is there and every job lane runs; 503 otherwise.

    While the data moves to another place the service can only read: 200 with the status `read-only`.
    """
    services = services_of(request)
    found = await readiness(db, services.get(Staging), services.blobs, services.get(JobRunner))
    response.status_code = 200 if found.status in ("ready", "read-only") else 503
    return found


@router.get("/metrics", dependencies=[AnyoneHere], response_class=PlainTextResponse)
async def metrics(request: Request, db: Db) -> PlainTextResponse:
    """Prometheus text, version 0.0.4; docs/metrics.md lists every figure."""
    services = services_of(request)
    kinds = services.get(JobRunner).kinds
    services.get(RowFigures).readings = await db.read_long(lambda conn: read_rows(conn, kinds))
    text = await asyncio.to_thread(services.get(Instruments).text)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


@router.get("/api/openapi.json", dependencies=[AnyoneHere], include_in_schema=False)
async def openapi(request: Request) -> dict[str, Any]:
    document: dict[str, Any] = request.app.openapi()
    return document

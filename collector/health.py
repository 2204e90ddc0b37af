"""`/api/health`, `/api/ready`, `/metrics`, `/api/openapi.json`: for programs on this machine."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from collector.ingest.staging_local import LocalStaging
from collector.jobs.runner import JobRunner
from collector.people.policy import AnyoneHere, PolicyRoute
from collector.readiness import Readiness, readiness
from collector.services import Db, services_of
from collector.store.sql import Connection, text

router = APIRouter(tags=["health"], route_class=PolicyRoute)
_METRICS = (
    ("gleaner_captures", "captures by state", "SELECT state, count(*) FROM capture GROUP BY state"),
    ("gleaner_uploads", "uploads by state", "SELECT state, count(*) FROM upload GROUP BY state"),
    ("gleaner_jobs", "jobs by kind and state", "SELECT kind || '/' || state, count(*) FROM job GROUP BY kind, state"),
    ("gleaner_tasks", "review tasks by state", "SELECT state, count(*) FROM task GROUP BY state"),
    ("gleaner_opened_bytes", "bytes of opened captures", "SELECT 'all', coalesce(sum(bytes), 0) FROM capture"),
)


@router.get("/api/health", dependencies=[AnyoneHere])
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(
    "/api/ready", dependencies=[AnyoneHere], response_model_exclude_none=True, responses={503: {"model": Readiness}}
)
async def ready(request: Request, response: Response, db: Db) -> Readiness:
    """A row and a file were written just now, every table is there and every job lane runs; 503 otherwise."""
    services = services_of(request)
    folders = (services.settings.staging_folder, services.settings.blobs_folder)
    found = await readiness(db, services.get(LocalStaging), folders, services.get(JobRunner))
    response.status_code = 200 if found.status == "ready" else 503
    return found


@router.get("/metrics", dependencies=[AnyoneHere], response_class=PlainTextResponse)
async def metrics(db: Db) -> PlainTextResponse:
    """Prometheus text, version 0.0.4."""
    return PlainTextResponse(await db.read_long(_metrics_text), media_type="text/plain; version=0.0.4")


@router.get("/api/openapi.json", dependencies=[AnyoneHere], include_in_schema=False)
async def openapi(request: Request) -> dict[str, Any]:
    document: dict[str, Any] = request.app.openapi()
    return document


def _metrics_text(conn: Connection) -> str:
    lines: list[str] = []
    for name, meaning, query in _METRICS:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [f'{name}{{of="{row[0]}"}} {row[1]}' for row in conn.execute(text(query))]
    return "\n".join(lines) + "\n"

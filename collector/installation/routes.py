"""`/api/installation`, `/api/failed-jobs`, `/api/storage`: for leads of every study and admins."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from collector.ingest.scan import scanner_problem
from collector.installation.failed_jobs import AgainAsked, FailedJobs, StartedAgain, list_failed_jobs, try_again
from collector.installation.link_check import LinkCheck
from collector.installation.overview import Disk, InstallationFacts, Overview, read_overview
from collector.installation.storage import Storage, StorageFigures
from collector.jobs.runner import JobRunner
from collector.metrics.rows import RowFigures
from collector.people.policy import PolicyRoute
from collector.readiness import readiness
from collector.security.log import SecurityLog
from collector.security.sender import SecurityLogSender
from collector.services import Blobs, Db, services_of
from collector.store.staging import Staging
from collector.users import AccountKeeper

router = APIRouter(prefix="/api", tags=["installation"], route_class=PolicyRoute)
_NEWEST = 2**53 - 1


@router.get("/installation")
async def get_installation(_keeper: AccountKeeper, request: Request, db: Db, blobs: Blobs) -> Overview:
    """How the installation is, and what to do about it, the most urgent first."""
    services = services_of(request)
    figures = services.get(RowFigures)
    disks = await asyncio.to_thread(figures.disks)
    facts = InstallationFacts(
        readiness=await readiness(db, services.get(Staging), blobs, services.get(JobRunner)),
        disks=[Disk(folder=name, bytes=total, free_bytes=free) for name, (free, total) in disks.items()],
        engine="SQLite" if services.settings.database is None else "PostgreSQL",
        log_bytes=figures.log_bytes(),
        links_problem=await services.get(LinkCheck).problem(db, blobs, services.settings),
        security_log_problem=await asyncio.to_thread(services.get(SecurityLogSender).problem),
        scanner_problem=await asyncio.to_thread(scanner_problem, services.settings.scan),
    )
    return await db.read_long(lambda conn: read_overview(conn, facts))


@router.get("/failed-jobs")
async def get_failed_jobs(
    _keeper: AccountKeeper,
    db: Db,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int, Query(ge=1, le=_NEWEST)] = _NEWEST,
) -> FailedJobs:
    """Work that was given up after five attempts, the newest first."""
    return await db.read_long(lambda conn: list_failed_jobs(conn, limit, before))


@router.post("/failed-jobs/again")
async def try_failed_jobs_again(keeper: AccountKeeper, request: Request, db: Db, body: AgainAsked) -> StartedAgain:
    """Try one again, or every failed one of a kind."""
    started = await db.write(lambda conn: try_again(conn, body))
    log = services_of(request).get(SecurityLog)
    log.record("jobs-started-again", job_kind=body.kind, key=body.key, count=started.started, by=keeper.name)
    return started


@router.get("/storage")
async def get_storage(_keeper: AccountKeeper, request: Request, db: Db) -> Storage:
    """Bytes by study, added up at most every ten minutes."""
    return await services_of(request).get(StorageFigures).get(db)

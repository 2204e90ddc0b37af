"""Pre-labels over HTTP, for leads: how good they are, and running a model again over what is here."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from collector.people.policy import Lead, PolicyRoute
from collector.prelabels.known_models import known_model
from collector.prelabels.report_worker import Measures
from collector.prelabels.reviewed_rows import Asked
from collector.prelabels.runs import (
    PrelabelRun,
    RunAsked,
    RunFailures,
    cancel_run,
    find_run,
    list_failures,
    list_runs,
    pause_run,
    resume_run,
    start_run,
)
from collector.services import Db
from collector.studies.scope import scope_of
from prelabel.quality.shapes import PrelabelReport
from wire.base import Id, Utc, WireModel

router = APIRouter(tags=["pre-labels"], route_class=PolicyRoute)


class RunsReply(WireModel):
    runs: list[PrelabelRun]


@router.get("/api/reports/prelabels")
async def report_prelabels(
    person: Lead,
    measurer: Measures,
    study: Annotated[Id | None, Query()] = None,
    model: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[Utc | None, Query()] = None,
) -> PrelabelReport:
    """What people made of the models' pre-labels: per model, class, device and step. `since` is an aware time."""
    return await measurer.report(Asked(study=study, since=since, model=model, scope=scope_of(person)))


@router.get("/api/prelabel-runs")
async def prelabel_runs(person: Lead, db: Db) -> RunsReply:
    """Runs of models over captures that are here, the newest first."""
    return RunsReply(runs=await db.read_long(lambda conn: list_runs(conn, scope=scope_of(person))))


@router.post("/api/prelabel-runs", status_code=202)
async def new_prelabel_run(person: Lead, db: Db, body: RunAsked) -> PrelabelRun:
    """Run a model over the captures asked for. People's open work is never changed under their hands."""
    facts = await asyncio.to_thread(known_model, body.model)
    run = await db.write(lambda conn: start_run(conn, body, facts.source, facts.media, scope_of(person)))
    return await db.read(lambda conn: find_run(conn, run))


@router.post("/api/prelabel-runs/{run}/pause")
async def pause_prelabel_run(person: Lead, db: Db, run: str) -> PrelabelRun:
    """Do nothing more of it until it is resumed; what is done stays."""
    return await db.write(lambda conn: pause_run(conn, run, scope_of(person)))


@router.post("/api/prelabel-runs/{run}/resume")
async def resume_prelabel_run(person: Lead, db: Db, run: str) -> PrelabelRun:
    """Continue a paused run, and try again what failed."""
    return await db.write(lambda conn: resume_run(conn, run, scope_of(person)))


@router.post("/api/prelabel-runs/{run}/cancel")
async def cancel_prelabel_run(person: Lead, db: Db, run: str) -> PrelabelRun:
    """End it: what has not begun is left as it is, what is done stays."""
    return await db.write(lambda conn: cancel_run(conn, run, scope_of(person)))


@router.get("/api/prelabel-runs/{run}/failures")
async def prelabel_run_failures(person: Lead, db: Db, run: str) -> RunFailures:
    """What it could not label, with one sentence each; at most 1,000."""
    return await db.read_long(lambda conn: list_failures(conn, run, scope=scope_of(person)))

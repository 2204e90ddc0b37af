"""Pre-labels over HTTP, for leads: how good they are, and running a model again over what is here."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from collector.people.policy import Lead, PolicyRoute
from collector.prelabels.report_worker import Measures
from collector.prelabels.reviewed_rows import Asked
from collector.prelabels.runs import PrelabelRun, RunAsked, find_run, list_runs, start_run, stop_run
from collector.services import Db
from collector.studies.scope import scope_of
from prelabel.labelling.one_file import ModelDescription, describe
from prelabel.models import catalogue
from prelabel.quality.shapes import PrelabelReport
from wire.base import Id, Utc, WireModel
from wire.errors import GleanerError

router = APIRouter(tags=["pre-labels"], route_class=PolicyRoute)


class ModelNotPulled(GleanerError):
    """A model of the catalogue that is not on the collector's machine yet; a request does not wait for a download."""

    code = "model-not-pulled"
    status = 409
    exit_code = 3
    hint = "Run `gleaner prelabel pull` with its name on the collector's machine, then ask again."


def known_model(name: str) -> ModelDescription:
    """What is known of a model that is on this machine.

    Raises:
        ModelNotPulled: it would have to be downloaded first. And what `open_model` raises.
    """
    if any(item.name == name for item in catalogue.items()) and catalogue.locate(name) is None:
        raise ModelNotPulled(f"The model {name} is not on the collector's machine.")
    return describe(name)


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
    """Run a model over the captures asked for: one job each. People's open work is never changed under their hands."""
    facts = await asyncio.to_thread(known_model, body.model)
    run = await db.write(lambda conn: start_run(conn, body, facts.source, facts.media, scope_of(person)))
    return await db.read(lambda conn: find_run(conn, run))


@router.post("/api/prelabel-runs/{run}/stop")
async def stop_prelabel_run(person: Lead, db: Db, run: str) -> PrelabelRun:
    """Take back what has not begun; what is done stays."""
    return await db.write(lambda conn: stop_run(conn, run, scope_of(person)))

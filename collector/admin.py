"""Verbs over HTTP, for commands on this machine alone: they show the key of the data folder."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from collector.people.policy import Command, PolicyRoute
from collector.security.log import SecurityLog
from collector.services import Db, services_of
from collector.verbs import READS, logged_members, run_verb

router = APIRouter(prefix="/api/admin", tags=["admin"], include_in_schema=False, route_class=PolicyRoute)


@router.post("/{verb}", dependencies=[Command])
async def ask(verb: str, request: Request, db: Db, given: Annotated[dict[str, str], Body()]) -> dict[str, Any]:
    services = services_of(request)
    do = db.read if verb in READS else db.write
    done = await do(lambda conn: run_verb(conn, verb, given, services.settings))
    services.get(SecurityLog).record("command", verb=verb, **logged_members(done.given))
    return done.answer

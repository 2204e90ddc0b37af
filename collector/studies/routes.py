"""Studies, plans and consent texts over HTTP (docs/http-api.md, Studies)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from collector.http.bodies import body_schema, document
from collector.people.policy import JoinedDevice, Lead, PolicyRoute
from collector.security.log import SecurityLog
from collector.services import Db, services_of
from collector.studies import plans, studies
from collector.studies.scope import scope_of
from wire.base import Id, Sha256
from wire.script import Plan

router = APIRouter(prefix="/api", tags=["studies"], route_class=PolicyRoute)


@router.put("/plans/{sha256}", status_code=204, openapi_extra=body_schema(Plan))
async def put_plan(
    sha256: Sha256, device: JoinedDevice, db: Db, request: Request, plan: Annotated[Plan, Depends(document(Plan))]
) -> Response:
    """The plan that sessions of this device name by hash. The same again changes nothing."""
    share = services_of(request).settings.control_share
    await db.write(lambda conn: plans.save_plan(conn, sha256, plan, device.id, share))
    return Response(status_code=204)


@router.get("/plans/{sha256}")
async def get_plan(sha256: Sha256, person: Lead, db: Db) -> Plan:
    return await db.read(lambda conn: plans.plan_by_hash(conn, sha256, scope_of(person)))


@router.get("/consent-texts/{sha256}")
async def get_consent_text(sha256: Sha256, person: Lead, db: Db) -> plans.ConsentTextView:
    """The words that participants agreed to, which consent records name by hash."""
    return await db.read(lambda conn: plans.consent_text_by_hash(conn, sha256, scope_of(person)))


@router.get("/studies")
async def get_studies(person: Lead, db: Db, request: Request) -> studies.StudyRows:
    links_from = services_of(request).settings.linked_media
    return await db.read(lambda conn: studies.list_studies(conn, links_from, scope_of(person)))


@router.get("/studies/{study}")
async def get_study(study: Id, person: Lead, db: Db) -> studies.StudyDetail:
    """A study with its versions: label schema, consent text and instructions of each, with their hashes."""
    return await db.read(lambda conn: studies.study_detail(conn, study, scope_of(person)))


@router.patch("/studies/{study}")
async def change_study(
    study: Id, person: Lead, db: Db, request: Request, change: Annotated[studies.StudyChange, Body()]
) -> studies.StudyRow:
    made = await db.write(lambda conn: studies.change_study(conn, study, change, scope_of(person)))
    changed = change.model_dump(exclude_unset=True)
    services_of(request).get(SecurityLog).record("study-changed", study=study, **changed, by=person.name)
    return made

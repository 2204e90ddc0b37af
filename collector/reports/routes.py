"""Reports over HTTP, for leads."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from collector.people.policy import Lead, PolicyRoute
from collector.reports.days import Day, Zone
from collector.reports.today import Today, today
from collector.services import Db
from collector.studies.scope import scope_of

router = APIRouter(tags=["reports"], route_class=PolicyRoute)


@router.get("/api/reports/today")
async def report_today(person: Lead, db: Db, day: Day | None = None, zone: Zone | None = None) -> Today:
    """Takes, captures, uploads on their way, tasks, and people, of a local day of the collector's machine or a zone."""
    where = None if zone is None else ZoneInfo(zone)
    return await db.read_long(lambda conn: today(conn, datetime.now(UTC), day, where, scope_of(person)))

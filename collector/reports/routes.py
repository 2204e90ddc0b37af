"""Reports over HTTP, for leads."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter

from collector.people.policy import Lead, PolicyRoute
from collector.reports.today import Today, today
from collector.store.depends import Db

router = APIRouter(tags=["reports"], route_class=PolicyRoute)


@router.get("/api/reports/today")
async def report_today(_person: Lead, db: Db) -> Today:
    """Takes, captures, uploads on their way, tasks, and people, of the collector's local day."""
    return await db.read_long(lambda conn: today(conn, datetime.now(UTC)))

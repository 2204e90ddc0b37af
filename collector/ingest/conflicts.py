"""Manifests that came for a capture which had another one: what a lead reads to decide between them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from collector.people.policy import Keeper, PolicyRoute
from collector.services import Db
from collector.store.dialects import json_member
from collector.store.sql import Connection, text
from collector.studies.scope import Scope, scope_of, within, within_session
from wire.base import WireModel

router = APIRouter(prefix="/api", tags=["uploads"], route_class=PolicyRoute)
_NEWEST = 2**53 - 1
_OTHER_STUDY = json_member("manifest_conflict.manifest", "study")
_PAGE = text(
    "SELECT manifest_conflict.id, manifest_conflict.capture_id AS capture, manifest_conflict.device_id AS device,"
    " manifest_conflict.received_at, manifest_conflict.manifest, manifest_conflict.manifest_sha256,"
    " capture.device_id AS kept_device, capture.received_at AS kept_received_at, capture.manifest AS kept_manifest,"
    " capture.manifest_sha256 AS kept_manifest_sha256"
    " FROM manifest_conflict JOIN capture ON capture.id = manifest_conflict.capture_id"
    f" WHERE manifest_conflict.id < :before AND {within_session('capture.session_id')} AND {within(_OTHER_STUDY)}"
    " ORDER BY manifest_conflict.id DESC LIMIT :limit"
)


class ManifestConflict(WireModel):
    """Two manifests of one capture, each as its device sent it. The one that is kept came first and rules."""

    id: int
    capture: str
    device: str
    received_at: str
    manifest: str
    manifest_sha256: str
    kept_device: str
    kept_received_at: str
    kept_manifest: str
    kept_manifest_sha256: str


class ManifestConflicts(WireModel):
    """A page of conflicts, newest first. `next` is the `before` of the page that follows, None at the end."""

    conflicts: list[ManifestConflict]
    next: int | None


@router.get("/manifest-conflicts")
async def get_manifest_conflicts(
    person: Keeper,
    db: Db,
    limit: Annotated[int, Query(ge=1, le=20)] = 10,
    before: Annotated[int, Query(ge=1, le=_NEWEST)] = _NEWEST,
) -> ManifestConflicts:
    """Captures that came with two manifests, with both of them."""
    scope = scope_of(person)
    found = await db.read_long(lambda conn: _list_conflicts(conn, limit, before, scope))
    return ManifestConflicts.model_validate(found)


def _list_conflicts(conn: Connection, limit: int, before: int, scope: Scope) -> dict[str, Any]:
    rows = list(conn.execute(_PAGE, {"limit": limit + 1, "before": before, **scope.values}).mappings())
    shown = rows[:limit]
    return {"conflicts": shown, "next": shown[-1]["id"] if len(rows) > limit else None}

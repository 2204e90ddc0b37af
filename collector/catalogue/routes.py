"""Session records in; sessions, captures and their media out."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from collector.catalogue.access import check_visible
from collector.catalogue.capture_list import CaptureList, CapturesAsked, list_captures
from collector.catalogue.captures import CaptureView, LabelsReply, capture_labels, capture_view, derived_of
from collector.catalogue.derived import Derived, DerivedKind
from collector.catalogue.media_links import LINK_TYPE, link_reply, links_allowed, make_link, wants_link
from collector.catalogue.sessions import describe_session, list_sessions, save_session, save_take_document
from collector.consent.access_log import record_access
from collector.consent.late_looks import LateLooks
from collector.http.bodies import body_schema, document
from collector.http.ranged_response import ranged_response
from collector.http.ranges import parse_range
from collector.people.policy import Annotator, JoinedDevice, Lead, NotAllowed, Person, PolicyRoute
from collector.services import Blobs, Db, services_of
from collector.store.read_only import DataReadOnly
from collector.store.sql import Connection
from collector.studies.scope import scope_of
from wire.base import Id, WireModel
from wire.capture import MEDIA_TYPE_PATTERN, DeviceFacts, FrameTable
from wire.redaction import MaskRecord
from wire.session import SessionRecord, TakeDocument

router = APIRouter(prefix="/api", tags=["catalogue"], route_class=PolicyRoute)
MAX_CACHE_SECONDS = 600
# Besides 200: what `_send` answers to the headers Range and If-None-Match.
BLOB_RESPONSES: dict[int | str, dict[str, Any]] = {
    206: {"description": "the range that was asked for"},
    304: {"description": "the browser has it already"},
}
MEDIA_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the bytes, or a link to them for who accepts one and where the study allows it",
        "content": {LINK_TYPE: {"schema": {"$ref": "#/components/schemas/MediaLink"}}, "*/*": {}},
    },
    206: BLOB_RESPONSES[206] | {"content": {"*/*": {}}},
    304: BLOB_RESPONSES[304],
}
Why = Annotated[str, Query(max_length=200, description="why this is looked at; kept with the look")]


class SessionSaved(WireModel):
    session: str
    revision: int


class TakeSaved(WireModel):
    take: str
    revision: int


class SessionRow(WireModel):
    """A session in the list. Counts: closed takes; captures here, opened, unreadable."""

    id: str
    study: str
    script_id: str
    script_version: str
    device: str
    participant: str
    state: str
    started_at: str
    ended_at: str | None
    takes: int
    captures: int
    captures_opened: int
    captures_bad: int


class SessionList(WireModel):
    """A page of sessions, newest first. `next` is the `after` of the next page; `studies` are all there are."""

    sessions: list[SessionRow]
    studies: list[str]
    next: str | None


class SessionDetail(WireModel):
    """`device_facts`: what the device was (agent version, board, firmware, …), from the manifests of the captures.

    There are several where it changed within the session, and none where the agent did not report them yet.
    """

    record: SessionRecord
    device_facts: list[DeviceFacts]
    captures: list[dict[str, Any]]


@router.put("/sessions/{session}", openapi_extra=body_schema(SessionRecord))
async def put_session(
    session: str,
    device: JoinedDevice,
    db: Db,
    request: Request,
    record: Annotated[SessionRecord, Depends(document(SessionRecord))],
) -> SessionSaved:
    """The same or a higher revision; an older one changes nothing. Answers with the revision that is kept."""
    if record.session != session or record.device != device.id:
        raise NotAllowed("The address, the record and the token must name the same session and device.")
    share = services_of(request).settings.control_share
    revision = await db.write(lambda conn: save_session(conn, record, share))
    return SessionSaved(session=session, revision=revision)


@router.put("/sessions/{session}/takes/{take}", openapi_extra=body_schema(TakeDocument))
async def put_take(
    session: str,
    take: str,
    device: JoinedDevice,
    db: Db,
    record: Annotated[TakeDocument, Depends(document(TakeDocument))],
) -> TakeSaved:
    """The same or a higher revision; an older one changes nothing. Answers with the revision that is saved."""
    if (record.session, record.take.take, record.device) != (session, take, device.id):
        raise NotAllowed("The address, the document and the token must name the same take and device.")
    return TakeSaved(take=take, revision=await db.write(lambda conn: save_take_document(conn, record)))


@router.get("/sessions")
async def get_sessions(
    person: Lead, db: Db, limit: Annotated[int, Query(ge=1, le=1000)] = 200, after: Id | None = None
) -> SessionList:
    found = await db.read_long(lambda conn: list_sessions(conn, limit, after, scope_of(person)))
    return SessionList.model_validate(found)


@router.get("/sessions/{session}")
async def get_session(session: str, person: Lead, db: Db) -> SessionDetail:
    found = await db.read_long(lambda conn: describe_session(conn, session, scope_of(person)))
    return SessionDetail.model_validate(found)


@router.get("/captures")
async def get_captures(person: Lead, db: Db, asked: Annotated[CapturesAsked, Query()]) -> CaptureList:
    return await db.read_long(lambda conn: list_captures(conn, asked, scope_of(person)))


@router.get("/captures/{capture}")
async def get_capture(capture: str, person: Annotator, db: Db) -> CaptureView:
    return await db.read(lambda conn: (check_visible(conn, capture, person), capture_view(conn, capture))[1])


@router.get("/captures/{capture}/labels")
async def get_labels(capture: str, person: Annotator, db: Db) -> LabelsReply:
    documents = await db.read(lambda conn: (check_visible(conn, capture, person), capture_labels(conn, capture))[1])
    return LabelsReply.model_validate({"documents": documents})


@router.get("/captures/{capture}/frames", response_model=FrameTable, responses=BLOB_RESPONSES)
async def get_frames(capture: str, request: Request, person: Annotator, db: Db, blobs: Blobs) -> Response:
    return await _send(request, blobs, await db.read(lambda conn: _readable(conn, capture, person, "frames")))


@router.get("/captures/{capture}/redaction", response_model=MaskRecord, responses=BLOB_RESPONSES)
async def get_redaction(capture: str, request: Request, person: Annotator, db: Db, blobs: Blobs) -> Response:
    """What the device masked before it wrote: regions and counts, as it sent them; never a picture of it."""
    return await _send(request, blobs, await db.read(lambda conn: _readable(conn, capture, person, "redaction")))


@router.get("/captures/{capture}/peaks", responses=BLOB_RESPONSES)
async def get_peaks(capture: str, request: Request, person: Annotator, db: Db, blobs: Blobs) -> Response:
    """`{"schema": 1, "samples_per_peak", "sample_rate", "minimum": [-1..1], "maximum": [-1..1]}`"""
    return await _send(request, blobs, await db.read(lambda conn: _readable(conn, capture, person, "peaks")))


@router.head("/captures/{capture}/media", include_in_schema=False)
@router.get("/captures/{capture}/media", response_class=Response, responses=MEDIA_RESPONSES)
async def get_media(
    capture: str, request: Request, person: Annotator, db: Db, blobs: Blobs, why: Why = "review"
) -> Response:
    """The bytes a browser plays, with ranges; a link to them where `Accept` names its type and the study allows it.

    Every look is a logged row.
    """
    return await _send_recorded(request, db, blobs, person, capture, "play", why)


@router.head("/captures/{capture}/original", include_in_schema=False)
@router.get("/captures/{capture}/original", response_class=Response, responses=MEDIA_RESPONSES)
async def get_original(
    capture: str, request: Request, person: Lead, db: Db, blobs: Blobs, why: Why = "original"
) -> Response:
    """The bytes the device made, with ranges, or a link to them."""
    return await _send_recorded(request, db, blobs, person, capture, "original", why)


async def _send_recorded(
    request: Request, db: Db, blobs: Blobs, person: Person, capture: str, kind: DerivedKind, why: str
) -> Response:
    found, until, linked = await db.read(
        lambda conn: (*_readable(conn, capture, person, kind), links_allowed(conn, capture))
    )
    # Who has the bytes already is answered as ever.
    if linked and wants_link(request) and "if-none-match" not in request.headers:
        link = await make_link(blobs, found, until)
        if link is not None:
            await _record(request, db, person, capture, why, goes_on=False)
            return link_reply(link)
    reply = await _send(request, blobs, (found, until))
    if reply.status_code in (200, 206) and request.method == "GET":
        start = parse_range(request.headers.get("range"), found.bytes)
        await _record(request, db, person, capture, why, goes_on=start is not None and start[0] > 0)
    return reply


async def _record(request: Request, db: Db, person: Person, capture: str, why: str, *, goes_on: bool) -> None:
    """Returns once the row is committed, or while rows are read-only the line is synced."""
    try:
        await db.write(lambda conn: record_access(conn, person.id, capture, why, goes_on=goes_on))
    except DataReadOnly:
        late = services_of(request).get(LateLooks)
        await asyncio.to_thread(late.add, person.id, capture, why, goes_on)


def _readable(conn: Connection, capture: str, person: Person, kind: DerivedKind) -> tuple[Derived, datetime]:
    """A medium, and until when it may be used. Raises CaptureUnknown, ConsentEnded, NotAllowed, NotMade."""
    until = check_visible(conn, capture, person)
    return derived_of(conn, capture, kind), until


async def _send(request: Request, blobs: Blobs, readable: tuple[Derived, datetime]) -> Response:
    """A blob with ranges. Private, and good for ten minutes: the page prefetches it, the player must find it again.

    No browser keeps it longer than the consent lasts.
    """
    found, until = readable
    media_type = found.media_type
    fresh_seconds = min(MAX_CACHE_SECONDS, int((until - datetime.now(UTC)).total_seconds()))
    if re.fullmatch(MEDIA_TYPE_PATTERN, media_type) is None:
        media_type = "application/octet-stream"
    etag = f'"{found.blob}"'
    headers = {
        "Cache-Control": f"private, max-age={max(0, fresh_seconds)}",
        "Vary": "Authorization, Cookie",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return await ranged_response(
        request, found.bytes, etag, media_type, headers, lambda start, end: blobs.read(found.blob, start, end)
    )

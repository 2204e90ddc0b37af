"""The captures that are here, a page at a time. Reads only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from collector.catalogue.captures import capture_unknown
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import Id, WireModel
from wire.capture import Medium

# received: not opened yet; bad: nobody is given it, `bad_reason` and `problem` say why.
CaptureState = Literal["received", "opened", "bad"]
# infected: by the virus scanner; given-up: opening it failed five times.
BadReason = Literal["unreadable", "infected", "given-up"]
_ROWS = (
    "SELECT capture.id, session.study, capture.session_id AS session, capture.take_id AS take, capture.step,"
    " capture.attempt, capture.device_id AS device, capture.medium, capture.sensor, capture.state, capture.complete,"
    " capture.bytes, capture.duration_us, capture.frames, capture.sha256, capture.received_at, capture.bad_reason,"
    " capture.problem FROM capture LEFT JOIN session ON session.id = capture.session_id WHERE {}"
    " ORDER BY capture.received_at DESC, capture.id DESC LIMIT :limit"
)
LATER = "(capture.received_at, capture.id) < (:received, :after)"
_SEEN = within("session.study")
_RECEIVED = text(
    "SELECT capture.received_at FROM capture LEFT JOIN session ON session.id = capture.session_id"
    f" WHERE capture.id = :after AND {_SEEN}"
)


class CaptureRow(WireModel):
    """A capture in the list. `study` is null while no session record has come. `bad_reason` is null unless it is bad.

    `problem`: one sentence on why it is bad, or on what a torn one lost.
    `bytes`, `duration_us`, `frames` and `sha256` are of the original, null where they are not known yet.
    """

    id: Id
    study: str | None
    session: str
    take: str
    step: str
    attempt: int
    device: str
    medium: Medium
    sensor: str
    state: CaptureState
    complete: bool
    bytes: int | None
    duration_us: int | None
    frames: int | None
    sha256: str | None
    received_at: str
    bad_reason: BadReason | None
    problem: str | None


class CaptureList(WireModel):
    """A page of captures, the newest first. `next` is the `after` of the page that follows, null at the end."""

    captures: list[CaptureRow]
    next: str | None


class CapturesAsked(WireModel):
    """Which captures are wanted: of these that are not None. `after`: the last capture of the page before."""

    study: Id | None = None
    session: Id | None = None
    medium: Medium | None = None
    state: CaptureState | None = None
    bad_reason: BadReason | None = None
    limit: int = Field(default=200, ge=1, le=1000)
    after: Id | None = None


_COLUMNS = {"study": "session.study", "session": "capture.session_id", "medium": "capture.medium",
            "state": "capture.state", "bad_reason": "capture.bad_reason"}  # fmt: skip


def list_captures(conn: Connection, asked: CapturesAsked, scope: Scope = EVERYTHING) -> CaptureList:
    """A page of captures, the newest first. Raises CaptureUnknown: there is no capture `after`."""
    values: dict[str, Any] = asked.model_dump(exclude_none=True) | scope.values
    where = [_SEEN, *(f"{column} = :{name}" for name, column in _COLUMNS.items() if name in values)]
    if asked.after is not None:
        values["received"] = conn.execute(_RECEIVED, {"after": asked.after, **scope.values}).scalar()
        if values["received"] is None:
            raise capture_unknown(asked.after)
        where.append(LATER)
    values["limit"] = asked.limit + 1
    rows = list(conn.execute(text(_ROWS.format(" AND ".join(where))), values).mappings())
    shown = [CaptureRow.model_validate(row | {"complete": bool(row["complete"])}) for row in rows[: asked.limit]]
    return CaptureList(captures=shown, next=shown[-1].id if len(rows) > asked.limit else None)

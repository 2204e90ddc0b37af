"""What crosses between the page and the session: JSON in, an Event out; a Snapshot in, JSON out. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

from device_agent.events import Answered, ConsentAnswered, Done, Event, Pause, Resume, Snapshot, Start, Stop
from wire.capture import Medium
from wire.errors import GleanerError

MAX_ANSWER_CHARACTERS = 10_000
MAX_BODY_BYTES = 64 * 1024


class BadEvent(GleanerError):
    code = "event-invalid"
    status = 422
    hint = "docs/session-page.md lists the events with their members."


class MovedOn(GleanerError):
    code = "session-moved-on"
    status = 409
    hint = "Read the page again, then press once more."


def snapshot_json(snapshot: Snapshot) -> bytes:
    """A snapshot as one line of JSON (UTF-8) under the names of its fields; `step` as in the plan."""
    members = {field.name: getattr(snapshot, field.name) for field in fields(snapshot)}
    members["step"] = None if snapshot.step is None else snapshot.step.to_json()
    members["failure"] = None if snapshot.failure is None else vars(snapshot.failure)
    members["detections"] = [vars(detection) for detection in snapshot.detections]
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def parse_event(body: bytes, snapshot: Snapshot) -> Event:
    """The event a page posted.

    `{"event": NAME}` with, by name, `granted` and `refused` (consent) or `text` (answer); `session` and `step` may say
    what the page was showing, so that a press that comes late never falls on the next step.

    Raises:
        BadEvent: not JSON, an unknown event or member, or a value that is not allowed.
        MovedOn: the page was showing another session or step.
    """
    try:
        row = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadEvent("The event is not JSON.") from error
    if not isinstance(row, dict):
        raise BadEvent("The event is not a JSON object.")
    name = row.pop("event", None)
    reader = _READERS.get(name) if isinstance(name, str) else None
    if reader is None:
        raise BadEvent(f"{name!r} is not an event; the events are {', '.join(_READERS)}.")
    _check_shown(row.pop("session", None), snapshot.session, "session")
    _check_shown(row.pop("step", None), snapshot.step.id if snapshot.step else None, "step")
    event = reader(row, snapshot)
    if row:
        raise BadEvent(f"The event {name} has no member {next(iter(row))!r}.")
    return event


def _check_shown(shown: object, current: str | None, what: str) -> None:
    if shown is None:
        return
    if not isinstance(shown, str):
        raise BadEvent(f"The member {what} is not text.")
    if shown != current:
        raise MovedOn(f"The device has moved on to another {what}.")


def _consent(row: dict[str, Any], snapshot: Snapshot) -> Event:
    uses = snapshot.consent_uses
    granted = _uses(row, "granted", uses)
    refused = _uses(row, "refused", uses)
    if granted is None:
        raise BadEvent("The event consent lacks the member granted.")
    if refused is None:
        refused = tuple(use for use in uses if use not in granted)
    if set(granted) & set(refused) or set(granted) | set(refused) != set(uses):
        raise BadEvent(f"Each of {', '.join(uses)} is either granted or refused, once.")
    given_by = row.pop("given_by", snapshot.participant)
    if not isinstance(given_by, str) or not 0 < len(given_by.strip()) <= 200 or not _storable(given_by):
        raise BadEvent("The member given_by is not a name of 1 to 200 characters.")
    return ConsentAnswered(granted=granted, refused=refused, given_by=given_by.strip())


def _uses(row: dict[str, Any], member: str, known: tuple[Medium, ...]) -> tuple[Medium, ...] | None:
    if member not in row:
        return None
    value = row.pop(member)
    if not isinstance(value, list):
        raise BadEvent(f"The member {member} is not a list.")
    for use in value:
        if use not in known:
            raise BadEvent(f"{use!r} is not asked for; the uses are {', '.join(known)}.")
    if len(set(value)) != len(value):
        raise BadEvent(f"The member {member} names a use twice.")
    return tuple(use for use in known if use in cast("list[Medium]", value))


def _answer(row: dict[str, Any], snapshot: Snapshot) -> Event:
    text = row.pop("text", None)
    if not isinstance(text, str) or not text.strip():
        raise BadEvent("The answer is empty; write something first.")
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise BadEvent(f"The answer has {len(text):,} characters; at most {MAX_ANSWER_CHARACTERS:,} can be saved.")
    if not _storable(text):
        raise BadEvent("The answer holds characters that cannot be stored.")
    return Answered(text=text)


def _storable(text: str) -> bool:
    """Neither lone surrogates, which UTF-8 cannot say, nor NUL, which databases refuse."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _plain(event: Event) -> Callable[[dict[str, Any], Snapshot], Event]:
    return lambda row, snapshot: event


_READERS: dict[str, Callable[[dict[str, Any], Snapshot], Event]] = {
    "consent": _consent,
    "start": _plain(Start()),
    "done": _plain(Done()),
    "answer": _answer,
    "pause": _plain(Pause()),
    "resume": _plain(Resume()),
    "stop": _plain(Stop()),
}

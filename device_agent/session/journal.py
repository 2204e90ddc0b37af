"""The session's journal: one JSON line an entry, on the disk before anything acts on it.

    header    the session, its script and plan, who and where; the first line, once
    run       an agent process took the session up: boot id, wall time
    consent   the consent record; before any sensor opens
    take      a take is about to record: its captures and the time of its opening
    event     what happened, in the words of events.py

What a participant typed is not journaled: it goes into its capture alone, and an answer that was not yet safe there is
asked for again. Journals of earlier versions hold it, and are read.

The last line may be torn by a power cut; it is cut off when the journal is opened again, nothing after it had begun.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from device_agent import events
from device_agent.events import Answered, Event
from wire.base import Document, Id, Utc
from wire.consent import ConsentRecord
from wire.errors import GleanerError
from wire.files import sync_folder
from wire.script import Plan
from wire.session import TakeRecord

NOT_JOURNALED = "…"  # stands for an answer that says something
EVENTS: dict[str, type[Any]] = {
    name: getattr(events, name)
    for name in (
        "ConsentAnswered",
        "Start",
        "Done",
        "Answered",
        "Pause",
        "Resume",
        "Stop",
        "TimerFired",
        "TakeOpened",
        "TakeClosed",
        "TakeFailed",
        "Restarted",
        "Trouble",
    )
}


class JournalDamaged(GleanerError):
    """A journal holds a line in its middle that cannot be read: the disk, not a power cut, has changed it."""

    code = "journal-damaged"
    hint = "The captures are untouched; move the session's folder aside and start a new session."


class JournalUnwritable(GleanerError):
    """The disk took no more of the journal; nothing may happen that is not journaled."""

    code = "journal-unwritable"
    exit_code = 3
    retryable = True
    hint = "Free space on the disk and run the same command again: the session resumes at the step where it stopped."


class Header(Document):
    session: Id
    device: Id
    participant: Id
    home: Id
    started_at: Utc
    plan: Plan


@dataclass(frozen=True)
class Happened:
    """An event as it was journaled: when by the device's monotonic clock and by wall time."""

    event: Event
    at_us: int
    at: datetime


@dataclass(frozen=True)
class Ran:
    boot: str
    at: datetime
    at_us: int | None = None  # None: written by an earlier version


Entry = Header | Ran | ConsentRecord | TakeRecord | Happened


class SessionJournal:
    """Append-only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        path.chmod(0o600)  # it holds typed answers
        sync_folder(path.parent)

    def append(self, entry: Entry) -> None:
        """Returns when the entry is on the disk.

        Raises:
            JournalUnwritable: the disk's answer. A part of a line may be there; `read` cuts it off.
        """
        line = json.dumps(_encode(entry), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            self._file.write(line)
            os.fdatasync(self._file.fileno())
        except OSError as error:
            raise JournalUnwritable(f"The session's journal cannot be written: {error.strerror or error}.") from error

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> list[Entry]:
    """Every entry of a journal. A torn last line is cut off the file.

    Raises:
        JournalDamaged: a line before the last cannot be read.
    """
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole != len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
    return list(_entries(path, data[:whole]))


def boot_id() -> str:
    """The kernel's identity of this boot: monotonic times of two boots cannot be compared."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _entries(path: Path, data: bytes) -> Iterator[Entry]:
    for number, line in enumerate(data.splitlines(), 1):
        try:
            yield _decode(json.loads(line))
        except (ValueError, KeyError, TypeError, GleanerError) as error:
            raise JournalDamaged(f"{path}, line {number} cannot be read: {error}.") from error


def _encode(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Happened):
        event = entry.event
        if isinstance(event, Answered) and event.text.strip():
            event = Answered(NOT_JOURNALED)
        body: dict[str, Any] = {
            "type": type(event).__name__,
            "us": entry.at_us,
            "at": entry.at.isoformat(),
            **asdict(event),
        }
        return {"event": body}
    if isinstance(entry, Ran):
        return {"run": {"boot": entry.boot, "at": entry.at.isoformat(), "us": entry.at_us}}
    kind = {Header: "header", ConsentRecord: "consent", TakeRecord: "take"}[type(entry)]
    return {kind: entry.to_json()}


def _decode(row: dict[str, Any]) -> Entry:
    ((kind, body),) = row.items()
    if kind == "header":
        return Header.read(body)
    if kind == "consent":
        return ConsentRecord.read(body)
    if kind == "take":
        return TakeRecord.model_validate(body)
    if kind == "run":
        return Ran(body["boot"], datetime.fromisoformat(body["at"]), body.get("us"))
    if kind != "event":
        raise ValueError(f"no such entry: {kind}")
    at_us, at = body.pop("us"), datetime.fromisoformat(body.pop("at"))
    event_type = EVENTS[body.pop("type")]
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    return Happened(event_type(**fields), at_us, at)

"""The session record, made from the journal's entries alone: what the collector hears is what was journaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from device_agent.events import Restarted, TakeClosed, TakeFailed
from device_agent.journal import Entry, Happened, Header, Ran
from device_agent.session import SessionState, step
from wire.consent import ConsentRecord
from wire.session import SessionRecord, StepTitle, TakeRecord


@dataclass(frozen=True)
class Replayed:
    """A session as its journal tells it."""

    header: Header
    state: SessionState
    consent: ConsentRecord | None
    takes: tuple[TakeRecord, ...]
    runs: int
    record: SessionRecord | None  # None until there is a consent record: nothing may leave the device before


def replay(entries: Sequence[Entry]) -> Replayed:
    """Fold a journal (its first entry is the header) into the session's state and record."""
    header = entries[0]
    assert isinstance(header, Header)
    state = SessionState(session=header.session, plan=header.plan)
    consent: ConsentRecord | None = None
    takes: dict[str, TakeRecord] = {}
    ended_at = None
    runs = 0
    for entry in entries[1:]:
        if isinstance(entry, ConsentRecord):
            consent = entry
        elif isinstance(entry, TakeRecord):
            takes[entry.take] = entry
        elif isinstance(entry, Ran):
            runs += 1
        elif isinstance(entry, Happened):
            before = state
            state, _ = step(state, entry.event)
            if before.take and state.take is None:
                _end_take(takes, before.take, entry, before)
            if state.phase != before.phase and state.phase in ("finished", "stopped", "refused"):
                ended_at = entry.at
    record = None
    if consent is not None:
        record = SessionRecord(
            session=header.session,
            revision=len(entries),
            study=header.plan.study,
            script=header.plan.ref,
            language=header.plan.language,
            label_schema=header.plan.labels,
            steps=[StepTitle(id=one.id, title=one.title) for one in header.plan.steps],
            device=header.device,
            participant=header.participant,
            home=header.home,
            consent=consent,
            state=state.phase if state.phase in ("finished", "stopped", "refused") else "running",
            started_at=header.started_at,
            ended_at=ended_at,
            takes=list(takes.values()),
        )
    return Replayed(header, state, consent, tuple(takes.values()), runs, record)


def _end_take(takes: dict[str, TakeRecord], take: str, entry: Happened, before: SessionState) -> None:
    record = takes.get(take)
    if record is None:
        return  # interrupted before its first sample: there is nothing of it
    if isinstance(entry.event, TakeClosed):
        # The take ended when its recorders did; the files were made safe a moment later.
        closed_at = entry.at - timedelta(microseconds=entry.at_us - entry.event.closed_us)
        changes: dict[str, Any] = {"state": "closed", "closed_us": entry.event.closed_us, "closed_at": closed_at}
    else:
        reason = _interrupted(before) if isinstance(entry.event, Restarted) else _reason(entry)
        changes = {"state": "torn", "reason": reason, "closed_us": entry.at_us, "closed_at": entry.at}
    takes[take] = record.model_copy(update=changes)


def _interrupted(state: SessionState) -> str:
    masks = state.plan.redaction
    lost = f": the last {masks.margin_seconds:g} s waited in memory to be masked and are lost" if masks else ""
    return f"interrupted{lost}"


def _reason(entry: Happened) -> str:
    if isinstance(entry.event, TakeFailed):
        return entry.event.message + (f" [{entry.event.code}]" if entry.event.code else "")
    return type(entry.event).__name__.lower()

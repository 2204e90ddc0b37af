"""The session record, made from the journal's entries alone: what the collector hears is what was journaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from device_agent.events import ENDED, Done, Restarted, TakeClosed, TakeFailed
from device_agent.journal import Entry, Happened, Header, Ran
from device_agent.session import TOO_SHORT, SessionState, step
from wire.consent import ConsentRecord
from wire.session import SessionRecord, StepTitle, TakeRecord


@dataclass(frozen=True)
class Replayed:
    """A session as its journal has it. `entries`: how many there are."""

    header: Header
    state: SessionState
    consent: ConsentRecord | None
    takes: tuple[TakeRecord, ...]
    runs: int
    entries: int = 1
    ended_at: datetime | None = None

    @cached_property
    def record(self) -> SessionRecord | None:
        """What the collector hears; None until there is a consent record: nothing may leave the device before."""
        header, phase = self.header, self.state.phase
        if self.consent is None:
            return None
        return SessionRecord(
            session=header.session,
            revision=self.entries,
            study=header.plan.study,
            script=header.plan.ref,
            language=header.plan.language,
            label_schema=header.plan.labels,
            steps=[StepTitle(id=one.id, title=one.title) for one in header.plan.steps],
            device=header.device,
            participant=header.participant,
            home=header.home,
            consent=self.consent,
            state=phase if phase in ("finished", "stopped", "refused") else "running",
            started_at=header.started_at,
            ended_at=self.ended_at,
            takes=list(self.takes),
        )


class Fold:
    """A journal folded entry by entry: what an entry costs does not grow with those before it."""

    def __init__(self, header: Header) -> None:
        self._takes: dict[str, TakeRecord] = {}
        self.replayed = Replayed(header, SessionState(session=header.session, plan=header.plan), None, (), 0)

    def add(self, entry: Entry) -> None:
        changes: dict[str, Any] = {"entries": self.replayed.entries + 1}
        if isinstance(entry, ConsentRecord):
            changes["consent"] = entry
        elif isinstance(entry, TakeRecord):
            self._takes[entry.take] = entry
            changes["takes"] = tuple(self._takes.values())
        elif isinstance(entry, Ran):
            changes["runs"] = self.replayed.runs + 1
        elif isinstance(entry, Happened):
            changes |= self._happened(entry)
        self.replayed = replace(self.replayed, **changes)

    def _happened(self, entry: Happened) -> dict[str, Any]:
        before = self.replayed.state
        state, _ = step(before, entry.event)
        changes: dict[str, Any] = {"state": state}
        if before.take and state.take is None:
            _end_take(self._takes, before.take, entry, before)
            changes["takes"] = tuple(self._takes.values())
        if state.phase != before.phase and state.phase in ENDED:
            changes["ended_at"] = entry.at
        return changes


def fold(entries: Sequence[Entry]) -> Fold:
    """A journal (its first entry is the header) as far as it goes."""
    header = entries[0]
    assert isinstance(header, Header)
    folded = Fold(header)
    for entry in entries[1:]:
        folded.add(entry)
    return folded


def replay(entries: Sequence[Entry]) -> Replayed:
    """The session's state and record from its journal."""
    return fold(entries).replayed


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
    if isinstance(entry.event, Done):
        return f"ended after {entry.event.after_seconds or 0.0:.1f} s [{TOO_SHORT}]"
    return type(entry.event).__name__.lower()

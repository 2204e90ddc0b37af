"""The session record, made from the journal's entries alone: what the collector hears is what was journaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from device_agent.events import ENDED, Done, Restarted, TakeClosed, TakeFailed
from device_agent.journal import Entry, Happened, Header, Ran
from device_agent.session import TOO_SHORT, SessionState, step
from wire.consent import ConsentRecord
from wire.session import SessionRecord, StepTitle, TakeRecord

OTHER_DATE = timedelta(seconds=2)  # less is how long a line takes to be written


@dataclass(frozen=True)
class Moment:
    """One moment on the wall clock and on the monotonic clock of a boot."""

    at: datetime
    at_us: int
    boot: str

    def wall_of(self, at_us: int) -> datetime:
        return self.at + timedelta(microseconds=at_us - self.at_us)


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
    boots: tuple[str, ...] = ()  # in the order in which the session was taken up
    boot_of: Mapping[str, str] = field(default_factory=dict)  # the boot that a take was opened in
    begun: Moment | None = None  # when the first run began
    newest: Moment | None = None  # of the newest event, in the last boot

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
            started_at=self._started_at(),
            ended_at=self.ended_at,
            takes=[self._dated(take) for take in self.takes],
        )

    def _started_at(self) -> datetime:
        """The beginning, by the newest word of the clock: it may have started in 1970."""
        begun, newest, told = self.begun, self.newest, self.header.started_at
        if begun is None or newest is None or begun.boot != newest.boot:
            return told
        known = newest.wall_of(begun.at_us) + (told - begun.at)
        return known if abs(known - told) > OTHER_DATE else told

    def _dated(self, take: TakeRecord) -> TakeRecord:
        """A take of the last boot has the date that the newest event gives it, whatever the clock was set to then."""
        boot = self.boot_of.get(take.take)
        changes: dict[str, Any] = {}
        if boot is not None and len(set(self.boots)) > 1:
            changes["boot"] = boot
        if self.newest is not None and boot == self.newest.boot:
            opened = self.newest.wall_of(take.opened_us)
            if abs(opened - take.opened_at) > OTHER_DATE:
                changes["opened_at"] = opened
                if take.closed_us is not None:
                    changes["closed_at"] = self.newest.wall_of(take.closed_us)
        return take.model_copy(update=changes) if changes else take


class Fold:
    """A journal folded entry by entry: what an entry costs does not grow with those before it."""

    def __init__(self, header: Header) -> None:
        self._takes: dict[str, TakeRecord] = {}
        self._boot_of: dict[str, str] = {}
        state = SessionState(session=header.session, plan=header.plan)
        self.replayed = Replayed(header, state, None, (), 0, boot_of=self._boot_of)

    def add(self, entry: Entry) -> None:
        changes: dict[str, Any] = {"entries": self.replayed.entries + 1}
        if isinstance(entry, ConsentRecord):
            changes["consent"] = entry
        elif isinstance(entry, TakeRecord):
            self._takes[entry.take] = entry
            changes["takes"] = tuple(self._takes.values())
            if self.replayed.boots:
                self._boot_of[entry.take] = self.replayed.boots[-1]
        elif isinstance(entry, Ran):
            changes |= self._ran(entry)
        elif isinstance(entry, Happened):
            changes |= self._happened(entry)
        self.replayed = replace(self.replayed, **changes)

    def _ran(self, entry: Ran) -> dict[str, Any]:
        known = self.replayed
        changes: dict[str, Any] = {"runs": known.runs + 1, "boots": (*known.boots, entry.boot)}
        if entry.at_us is not None and not known.runs:
            changes["begun"] = Moment(entry.at, entry.at_us, entry.boot)
        return changes

    def _happened(self, entry: Happened) -> dict[str, Any]:
        before = self.replayed.state
        state, _ = step(before, entry.event)
        changes: dict[str, Any] = {"state": state}
        if before.take and state.take is None:
            _end_take(self._takes, before.take, entry, before, self.replayed.newest)
            changes["takes"] = tuple(self._takes.values())
        if state.phase != before.phase and state.phase in ENDED:
            changes["ended_at"] = entry.at
        if self.replayed.boots:
            changes["newest"] = Moment(entry.at, entry.at_us, self.replayed.boots[-1])
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


def _end_take(
    takes: dict[str, TakeRecord], take: str, entry: Happened, before: SessionState, last: Moment | None
) -> None:
    record = takes.get(take)
    if record is None:
        return  # interrupted before its first sample: there is nothing of it
    if isinstance(entry.event, TakeClosed):
        # The take ended when its recorders did; the files were made safe a moment later.
        closed_at = record.opened_at + timedelta(microseconds=entry.event.closed_us - record.opened_us)
        changes: dict[str, Any] = {"state": "closed", "closed_us": entry.event.closed_us, "closed_at": closed_at}
    else:
        restarted = isinstance(entry.event, Restarted)
        closed_us = entry.at_us
        if restarted and last is not None:
            # Nobody was there at its end, and the clock of now may be of another boot: it ran at least until here.
            closed_us = max(record.opened_us, last.at_us)
        changes = {
            "state": "torn",
            "reason": _interrupted(before) if restarted else _reason(entry),
            "closed_us": closed_us,
            "closed_at": record.opened_at + timedelta(microseconds=closed_us - record.opened_us),
        }
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

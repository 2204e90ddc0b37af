"""A session and its records, made from the journal's entries alone: what the collector hears is what was journaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from device_agent.events import ENDED, Done, Restarted, TakeClosed, TakeFailed
from device_agent.session.journal import Entry, Happened, Header, Ran
from device_agent.session.machine import TOO_SHORT, SessionState, step
from wire.consent import ConsentRecord
from wire.session import SessionRecord, StepTitle, TakeDocument, TakeRecord

OTHER_DATE = timedelta(seconds=2)  # less is how long a line takes to be written


@dataclass(frozen=True)
class Moment:
    """One moment on the wall clock and on the monotonic clock of a boot."""

    at: datetime
    at_us: int
    boot: str

    def wall_of(self, at_us: int) -> datetime:
        return self.at + timedelta(microseconds=at_us - self.at_us)


@dataclass
class Fold:
    """A session folded from its journal, entry by entry: what an entry costs does not grow with those before it.

    The session's thread adds entries. Other threads may read: `state` and the rest are replaced whole.
    """

    header: Header
    state: SessionState = field(init=False)
    consent: ConsentRecord | None = None
    entries: int = 1
    runs: int = 0
    ended_at: datetime | None = None
    boots: list[str] = field(default_factory=list)  # in the order in which the session was resumed
    begun: Moment | None = None  # when the first run began
    newest: Moment | None = None  # of the newest event, in the last boot
    take_records: dict[str, TakeRecord] = field(default_factory=dict)
    boot_of: dict[str, str] = field(default_factory=dict)  # the boot that a take was opened in
    take_numbers: dict[str, int] = field(default_factory=dict)  # place of a take, of a step, both from 1
    step_numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = SessionState(session=self.header.session, plan=self.header.plan)

    @property
    def takes(self) -> tuple[TakeRecord, ...]:
        """Every take so far, in the order of opening."""
        return tuple(self.take_records.values())

    def add(self, entry: Entry) -> None:
        self.entries += 1
        if isinstance(entry, ConsentRecord):
            self.consent = entry
        elif isinstance(entry, TakeRecord):
            self.take_records[entry.take] = entry
            self.take_numbers.setdefault(entry.take, len(self.take_numbers) + 1)
            self.step_numbers.setdefault(entry.step, len(self.step_numbers) + 1)
            if self.boots:
                self.boot_of[entry.take] = self.boots[-1]
        elif isinstance(entry, Ran):
            if entry.at_us is not None and not self.runs:
                self.begun = Moment(entry.at, entry.at_us, entry.boot)
            self.runs += 1
            self.boots.append(entry.boot)
        elif isinstance(entry, Happened):
            self._happened(entry)

    def _happened(self, entry: Happened) -> None:
        before = self.state
        self.state, _ = step(before, entry.event)
        if before.take and self.state.take is None and before.take in self.take_records:
            # Without a record it was interrupted before its first sample: there is nothing of it.
            self.take_records[before.take] = _ended(self.take_records[before.take], entry, before, self.newest)
        if self.state.phase != before.phase and self.state.phase in ENDED:
            self.ended_at = entry.at
        if self.boots:
            self.newest = Moment(entry.at, entry.at_us, self.boots[-1])

    @property
    def head(self) -> SessionRecord | None:
        """The session without its takes; None until there is a consent record: nothing may leave the device before."""
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
            started_at=self.started_at,
            ended_at=self.ended_at,
            take_count=len(self.take_records),
        )

    @property
    def record(self) -> SessionRecord | None:
        """The whole session, as the collector answers when everything has come to it."""
        head = self.head
        return head.model_copy(update={"takes": [self._dated(take) for take in self.takes]}) if head else None

    def document_of(self, take: str) -> TakeDocument:
        """What the collector hears of a take."""
        record = self.take_records[take]
        return TakeDocument(
            session=self.header.session,
            device=self.header.device,
            revision=self.entries,
            number=self.take_numbers[take],
            step_number=self.step_numbers[record.step],
            take=self._dated(record),
        )

    @property
    def ended_takes(self) -> list[str]:
        return [name for name, take in self.take_records.items() if take.state != "open"]

    @property
    def started_at(self) -> datetime:
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


def replay(entries: Sequence[Entry]) -> Fold:
    """The session as a journal has it, as far as that goes. Its first entry is the header."""
    header = entries[0]
    assert isinstance(header, Header)
    folded = Fold(header)
    for entry in entries[1:]:
        folded.add(entry)
    return folded


def _ended(record: TakeRecord, entry: Happened, before: SessionState, last: Moment | None) -> TakeRecord:
    """A take's record after the event that ended it."""
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
    return record.model_copy(update=changes)


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

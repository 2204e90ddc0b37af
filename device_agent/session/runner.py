"""Runs a session: takes events from one queue, journals them, lets the pure machine decide, carries out commands.

Everything that changes the session happens on the thread that calls `run`. Others post events and read snapshots.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from device_agent.clock import DeviceClock
from device_agent.events import (
    ENDED,
    CloseTake,
    Command,
    Done,
    EndSession,
    Event,
    OpenSensors,
    OpenTake,
    Pause,
    RecordConsent,
    Restarted,
    SetTimer,
    State,
    Stop,
    TakeClosed,
    TakeFailed,
    TakeOpened,
    TearTake,
    TimerFired,
    Trouble,
)
from device_agent.sensors.clock import monotonic_us
from device_agent.session.consent import consent_record
from device_agent.session.journal import Entry, Happened, Header, Ran, SessionJournal, boot_id
from device_agent.session.journal import read as read_journal
from device_agent.session.machine import step
from device_agent.session.publisher import RecordPublisher
from device_agent.session.record import Fold, replay
from device_agent.takes.maker import Origin, TakeMaker
from wire.capture import Medium
from wire.consent import ConsentRecord
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeDocument, TakeRecord

MAX_WAIT_SECONDS = 0.2  # until a signal is handled


class SensorOpener(Protocol):
    """Opens the sensors after consent, and gives a maker of takes above them."""

    def open_sensors(self, media: tuple[Medium, ...], origin: Origin) -> TakeMaker:
        """Raises GleanerError when one of them is not there. Calling it again gives the same maker."""


@dataclass(frozen=True)
class Deadline:
    name: Literal["countdown", "recording"]
    at: float  # time.monotonic()
    seconds: float
    began: float
    token: int


class SessionRunner:
    """One session from its journal's first line to its end."""

    def __init__(
        self,
        header: Header,
        journal_path: Path,
        sensors: SensorOpener,
        publish: Callable[[SessionRecord | TakeDocument], None],
        report: Callable[[str], None],
        clock: DeviceClock | None = None,
    ) -> None:
        self._clock = clock or DeviceClock()
        self._sensors = sensors
        self._report = report
        self._queue: queue.Queue[Event] = queue.Queue()
        self._deadlines: list[tuple[float, int, Deadline]] = []
        self._maker: TakeMaker | None = None
        self._suspending = threading.Lock()
        self._halts = 0  # presses of PAUSE and STOP that were posted and are not handled yet
        self.deadline: Deadline | None = None
        self.playing_seconds = 0.0
        resumed = journal_path.exists() and journal_path.stat().st_size > 0
        self.resumed = resumed
        entries: list[Entry] = read_journal(journal_path) if resumed else []
        self._journal = SessionJournal(journal_path)
        if not entries:
            self._journal.append(header)
        self._replayed = replay(entries or [header])
        self._records = RecordPublisher(self._replayed, publish, report)
        self._write(Ran(boot_id(), self._clock.now(), monotonic_us()))
        if resumed:
            self.post(Restarted())

    # ---------------------------------------------------------------- from any thread
    def post(self, event: Event) -> None:
        """Hand an event to the session's thread; a recording that it ends is cut off from its sensors right here.

        The session's thread may be waiting for the disk just now; a press never waits for that.
        """
        if isinstance(event, Done) and event.after_seconds is None:
            event = Done(self._recorded_seconds())
        _, commands = step(self._replayed.state, event)
        self._detach(commands)
        if isinstance(event, Pause | Stop):
            with self._suspending:
                self._halts += 1
                if self._maker is not None:
                    self._maker.suspend()
        self._queue.put(event)

    def _recorded_seconds(self) -> float:
        """How long the recording has run; 0 before its first sample."""
        deadline = self.deadline
        running = deadline is not None and deadline.name == "recording"
        return time.monotonic() - deadline.began if deadline is not None and running else 0.0

    @property
    def replayed(self) -> Fold:
        """The session as it stands: state, consent, takes."""
        return self._replayed

    @property
    def phase(self) -> State:
        """What people are told: a recording that was cut off has ended, even while the disk holds up its journal."""
        phase, maker = self._replayed.state.phase, self._maker
        return "saving" if phase == "recording" and maker is not None and maker.is_detached else phase

    @property
    def maker(self) -> TakeMaker | None:
        return self._maker

    # ---------------------------------------------------------------- the session's thread
    def run(self) -> SessionRecord | None:
        """Run to the end of the session and return its record (None: it was never consented to)."""
        try:
            while self._replayed.state.phase not in ENDED:
                self.handle(self._next_event())
        finally:
            self._records.publish()
            self._journal.close()
        return self._replayed.record

    def _next_event(self) -> Event:
        while True:
            # In short steps: a thread that has just begun to wait for a lock is not woken by a signal.
            timeout = MAX_WAIT_SECONDS
            if self._deadlines:
                timeout = min(timeout, self._deadlines[0][0] - time.monotonic())
                if timeout <= 0:
                    _, _, deadline = heapq.heappop(self._deadlines)
                    return TimerFired(deadline.name, deadline.token)
            try:
                return self._queue.get(timeout=timeout)
            except queue.Empty:
                self._records.publish()  # what the disk did not take
            finally:
                self._clock.count_steps()

    def handle(self, event: Event) -> None:
        """Journal an event, let it change the state, then carry out what follows from it."""
        try:
            self._handle(event)
        finally:
            self._suspend_or_resume(event)

    def _handle(self, event: Event) -> None:
        before = self._replayed.state
        after, commands = step(before, event)
        if after == before and not commands:
            return
        self._detach(commands)  # before a disk is touched and before anybody reads the new state
        for command in commands:
            if isinstance(command, RecordConsent):
                self._write(self._consent(command))  # before the event that opens sensors on its strength
        self._write(Happened(event, monotonic_us(), self._clock.now()))
        self.deadline = None if after.token != before.token else self.deadline
        for command in commands:
            if isinstance(command, SetTimer):
                self._set_timer(command)
        if before.take is not None and after.take is None:
            self._records.take_ended(before.take)
        self._records.publish()
        if after.message and after.message != before.message:
            self._report(after.message)
        for command in commands:
            self._carry_out(command)

    def _detach(self, commands: tuple[Command, ...]) -> None:
        maker = self._maker
        for command in commands:
            if maker is not None and isinstance(command, CloseTake | TearTake):
                maker.detach(command.take)

    def _suspend_or_resume(self, event: Event) -> None:
        """While paused and after the end the sensors' data goes nowhere; so it does while such a press waits."""
        with self._suspending:
            if isinstance(event, Pause | Stop):
                self._halts = max(0, self._halts - 1)
            if self._maker is None:
                return
            if self._halts or self._replayed.state.phase in ("paused", *ENDED):
                self._maker.suspend()
            else:
                self._maker.resume()

    def _set_timer(self, command: SetTimer) -> None:
        now = time.monotonic()
        self.deadline = Deadline(command.name, now + command.seconds, command.seconds, now, command.token)
        self.playing_seconds += command.seconds
        heapq.heappush(self._deadlines, (self.deadline.at, command.token, self.deadline))
        if command.name == "recording" and self._maker is not None:
            self._maker.limit(command.seconds)

    def _carry_out(self, command: Command) -> None:
        match command:
            case OpenSensors():
                self._maker = self._sensors.open_sensors(command.media, self._origin())
            case OpenTake():
                self._open_take(command)
            case CloseTake():
                self._close_take(command)
            case TearTake():
                self._tear(command.reason)
            case RecordConsent() | SetTimer() | EndSession():
                # The timer already runs. The consent is journaled before its event; the loop sees the end by the phase.
                pass

    def _open_take(self, command: OpenTake) -> None:
        state = self._replayed.state
        assert self._maker is not None
        try:
            record = self._maker.open(
                command.take, state.plan.step(command.step), command.attempt, command.media, self._write
            )
        except GleanerError as error:
            self.post(TakeFailed(command.take, str(error), error.code))
            return
        self.post(TakeOpened(command.take, record.opened_us))

    def _close_take(self, command: CloseTake) -> None:
        assert self._maker is not None
        try:
            closed_us = self._maker.close(command.text)
        except GleanerError as error:
            self.post(TakeFailed(command.take, str(error), error.code))
            return
        # Handled at once: nothing may come between a take that is safe on the disk and the word that it is.
        self.handle(TakeClosed(command.take, closed_us))

    def _tear(self, reason: str) -> None:
        if self._maker is None:
            return
        try:
            self._maker.tear(reason)
        except GleanerError as error:
            self._report(str(error))  # what is on the disk is kept and settled at the next start

    def report_failure(self, error: GleanerError) -> None:
        """A sensor, an encoder or the spool gave up; called from their threads."""
        take = self._replayed.state.take
        self.post(TakeFailed(take, str(error), error.code) if take is not None else Trouble(str(error), error.code))

    def _consent(self, command: RecordConsent) -> ConsentRecord:
        header = self._replayed.header
        return consent_record(
            header.plan, header.session, header.participant, command.granted, command.refused, command.given_by,
            self._clock.now(),
        )  # fmt: skip

    def _origin(self) -> Origin:
        replayed = self._replayed
        assert replayed.consent is not None  # the machine opens sensors only after RecordConsent
        plan = replayed.header.plan
        return Origin(
            session=replayed.header.session,
            study=plan.study,
            device=replayed.header.device,
            consent=replayed.consent.consent,
            script=plan.ref,
            language=plan.language,
        )

    def _write(self, entry: Entry | TakeRecord) -> None:
        self._journal.append(entry)
        self._replayed.add(entry)

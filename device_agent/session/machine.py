"""A session as a pure state machine: `step(state, event) -> (state, commands)`.

Nothing here reads a clock, a file or a sensor. The runner journals every event before it carries out the commands
that follow from it, so that replaying the journal gives the same state after a kill -9 anywhere.

    consent ─▶ ready ─▶ countdown ─▶ recording ─▶ saving ─▶ ready … finished
                 │                    answering ─┘
                 └─ pause, stop, failure: an open take is torn, its step runs again as the next attempt
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from device_agent.events import (
    ENDED,
    Answered,
    CloseTake,
    Command,
    ConsentAnswered,
    Done,
    EndSession,
    Event,
    OpenSensors,
    OpenTake,
    Pause,
    RecordConsent,
    Restarted,
    Resume,
    SetTimer,
    Start,
    State,
    Stop,
    TakeClosed,
    TakeFailed,
    TakeOpened,
    TearTake,
    TimerFired,
    Trouble,
)
from wire.capture import Medium
from wire.script import Plan, PlanStep

MAX_FAILURES = 3
MIN_TAKE_SECONDS = 1.0  # a recording that a press ends sooner is a slip of the finger
TOO_SHORT = "take-too-short"


@dataclass(frozen=True)
class SessionState:
    """Where a session is. `attempt` counts the takes begun of the present step; `token` makes an old timer harmless.

    No member grows with the steps: each event makes a new state.
    """

    session: str
    plan: Plan
    phase: State = "consent"
    granted: tuple[Medium, ...] = ()
    index: int = 0
    take: str | None = None
    attempt: int = 0
    failures: int = 0
    token: int = 0
    after_saving: State | None = None
    takes_closed: int = 0
    message: str | None = None
    code: str | None = None  # of the error that `message` tells; None: it is a word to the participant

    @property
    def step(self) -> PlanStep | None:
        return self.plan.steps[self.index] if self.index < len(self.plan.steps) else None

    @property
    def media(self) -> tuple[Medium, ...]:
        """What the present step records after consent: a refused medium is not recorded."""
        return self.media_of(self.step) if self.step else ()

    def media_of(self, step: PlanStep) -> tuple[Medium, ...]:
        return step.media_of(self.granted)


Transition = tuple[SessionState, tuple[Command, ...]]


def step(state: SessionState, event: Event) -> Transition:
    """What an event makes of a session. An event that means nothing in this phase changes nothing."""
    if isinstance(event, Trouble):
        return replace(state, message=event.message, code=event.code), ()
    if state.phase in ENDED:
        return state, ()
    if isinstance(event, Restarted):
        return _restarted(state)
    if isinstance(event, Stop):
        return _stop(state)
    if isinstance(event, Pause):
        return _pause(state)
    if isinstance(event, TakeFailed):
        return _failed(state, event)
    match state.phase, event:
        case "consent", ConsentAnswered():
            return _consent(state, event)
        case "ready", Start():
            return _start(state)
        case "countdown", TimerFired(name="countdown", token=state.token):
            return _open_take(state)
        case "recording", TakeOpened(take=state.take):
            return _recording(state)
        case "recording", TimerFired(name="recording", token=state.token):
            return _close_take(state)
        case "recording", Done() if state.step and state.step.kind != "show":
            return _done(state, event)
        case "answering", Answered():
            return _answered(state, event)
        case "saving", TakeClosed(take=state.take):
            return _take_closed(state)
        case "paused", Resume():
            return replace(state, phase="ready", failures=0, message=None, code=None), ()
    return state, ()


def take_id(session: str, step_id: str, attempt: int) -> str:
    """The id of an attempt, made from what it is, so that a replayed transition names the same take."""
    return "take-" + hashlib.sha256(f"{session}/{step_id}/{attempt}".encode()).hexdigest()[:24]


def _consent(state: SessionState, event: ConsentAnswered) -> Transition:
    uses = state.plan.consent.uses
    granted = tuple(medium for medium in uses if medium in event.granted)
    # Silence is a refusal: a use that nobody answered is not recorded.
    refused = tuple(medium for medium in uses if medium not in granted)
    record = RecordConsent(granted, refused, event.given_by)
    state = replace(state, granted=granted)
    first = _next_index(state, 0)
    if first is None:
        return replace(state, phase="refused"), (record, EndSession("refused"))
    state = replace(state, phase="ready", index=first)
    return state, (record, OpenSensors(granted))


def _start(state: SessionState) -> Transition:
    present = _present(state)
    state = replace(state, token=state.token + 1, message=None, code=None)
    if present.is_typed or present.countdown_seconds == 0:
        return _open_take(state)
    return replace(state, phase="countdown"), (SetTimer("countdown", present.countdown_seconds, state.token),)


def _open_take(state: SessionState) -> Transition:
    present = _present(state)
    attempt = state.attempt + 1
    take = take_id(state.session, present.id, attempt)
    state = replace(
        state,
        phase="answering" if present.is_typed else "recording",
        take=take,
        attempt=attempt,
        token=state.token + 1,
    )
    return state, (OpenTake(take, present.id, attempt, state.media),)


def _recording(state: SessionState) -> Transition:
    present = _present(state)
    if present.kind == "show":
        return _close_take(state)
    return state, (SetTimer("recording", present.seconds, state.token),)


def _done(state: SessionState, event: Done) -> Transition:
    """A press that comes at once was not meant: the attempt does not count and the step is done again."""
    seconds = event.after_seconds
    if seconds is None or seconds >= min(MIN_TAKE_SECONDS, _present(state).seconds):
        return _close_take(state)
    assert state.take is not None
    message = f"That was only {seconds:.1f} seconds and does not count. Press Start to record it again."
    torn = (TearTake(state.take, TOO_SHORT),)
    return replace(state, phase="ready", take=None, token=state.token + 1, message=message, code=None), torn


def _close_take(state: SessionState, text: str | None = None) -> Transition:
    assert state.take is not None
    return replace(state, phase="saving", token=state.token + 1), (CloseTake(state.take, text),)


def _answered(state: SessionState, event: Answered) -> Transition:
    if not event.text.strip():
        return replace(state, message="Please type an answer, or press Stop.", code=None), ()
    return _close_take(replace(state, message=None, code=None), event.text)


def _take_closed(state: SessionState) -> Transition:
    state = replace(state, take=None, failures=0, attempt=0, takes_closed=state.takes_closed + 1, token=state.token + 1)
    following = _next_index(state, state.index + 1)
    if following is None:
        return replace(state, phase="finished", index=len(state.plan.steps)), (EndSession("finished"),)
    state = replace(state, index=following)
    if state.after_saving == "stopped":
        return replace(state, phase="stopped", after_saving=None), (EndSession("stopped"),)
    if state.after_saving == "paused":
        return replace(state, phase="paused", after_saving=None), ()
    return replace(state, phase="ready"), ()


def _stop(state: SessionState) -> Transition:
    if state.phase == "saving":
        return replace(state, after_saving="stopped"), ()
    torn = _tear(state, "stopped")
    return replace(state, phase="stopped", take=None, token=state.token + 1), (*torn, EndSession("stopped"))


def _pause(state: SessionState) -> Transition:
    if state.phase in ("consent", "paused"):
        return state, ()
    if state.phase == "saving":
        return replace(state, after_saving="paused"), ()
    torn = _tear(state, "paused")
    return replace(state, phase="paused", take=None, token=state.token + 1), torn


def _failed(state: SessionState, event: TakeFailed) -> Transition:
    if state.take is None or event.take != state.take:
        return state, ()
    failures = state.failures + 1
    phase: State = "paused" if failures >= MAX_FAILURES or state.after_saving == "paused" else "ready"
    if state.after_saving == "stopped":
        phase = "stopped"
    commands: tuple[Command, ...] = (TearTake(event.take, event.message),)
    if phase == "stopped":
        commands = (*commands, EndSession("stopped"))
    state = replace(
        state,
        phase=phase,
        take=None,
        failures=failures,
        token=state.token + 1,
        after_saving=None,
        message=event.message,
        code=event.code,
    )
    return state, commands


def _restarted(state: SessionState) -> Transition:
    if state.phase == "consent":
        return state, ()
    torn = _tear(state, "interrupted")
    if state.after_saving == "stopped":
        state = replace(state, phase="stopped", take=None, token=state.token + 1, after_saving=None)
        return state, (*torn, EndSession("stopped"))
    phase: State = "paused" if state.phase == "paused" or state.after_saving == "paused" else "ready"
    state = replace(state, phase=phase, take=None, token=state.token + 1, after_saving=None)
    return state, (*torn, OpenSensors(state.granted))


def _present(state: SessionState) -> PlanStep:
    assert state.step is not None  # every phase between ready and saving has a step
    return state.step


def _tear(state: SessionState, reason: str) -> tuple[Command, ...]:
    return (TearTake(state.take, reason),) if state.take is not None else ()


def _next_index(state: SessionState, start: int) -> int | None:
    """The first step from `start` on that may record anything under the consent given."""
    for index in range(start, len(state.plan.steps)):
        if state.media_of(state.plan.steps[index]):
            return index
    return None

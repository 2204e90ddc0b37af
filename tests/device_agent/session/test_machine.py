"""The session's pure machine: tables of what each event means, and what holds under any order of events."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Stop,
    TakeClosed,
    TakeFailed,
    TakeOpened,
    TearTake,
    TimerFired,
    Trouble,
)
from device_agent.session.machine import MAX_FAILURES, SessionState, step, take_id
from tests.support.journals import PLAN
from wire.capture import Medium

ALL = ConsentAnswered(("video", "audio", "image", "text"), (), "participant")


def fresh() -> SessionState:
    return SessionState(session="ses-1", plan=PLAN)


def run(state: SessionState, events: Iterable[Event]) -> tuple[SessionState, list[Command]]:
    commands: list[Command] = []
    for event in events:
        state, more = step(state, event)
        commands += more
    return state, commands


def test_a_whole_session() -> None:
    greet, cup, ask = (take_id("ses-1", name, 1) for name in ("greet", "cup", "ask"))
    state, commands = run(
        fresh(),
        [
            ALL, Start(), TimerFired("countdown", 1), TakeOpened(greet, 5), TimerFired("recording", 2),
            TakeClosed(greet, 9), Start(), TakeOpened(cup, 10), TakeClosed(cup, 11), Start(), TakeOpened(ask, 12),
            Answered(" fine "), TakeClosed(ask, 13),
        ],
    )  # fmt: skip
    assert state.phase == "finished"
    assert state.takes_closed == 3
    assert commands == [
        RecordConsent(("video", "audio", "image", "text"), (), "participant"),
        OpenSensors(("video", "audio", "image", "text")),
        SetTimer("countdown", 3, 1),
        OpenTake(greet, "greet", 1, ("audio", "video")),
        SetTimer("recording", 4, 2),
        CloseTake(greet, None),
        OpenTake(cup, "cup", 1, ("image",)),
        CloseTake(cup, None),
        OpenTake(ask, "ask", 1, ("text",)),
        CloseTake(ask, " fine "),
        EndSession("finished"),
    ]


def test_a_refused_medium_is_not_recorded_and_its_only_steps_are_left_out() -> None:
    state, commands = run(fresh(), [ConsentAnswered(("audio",), ("video",), "participant")])
    assert commands[0] == RecordConsent(("audio",), ("video", "image", "text"), "participant")
    assert commands[1] == OpenSensors(("audio",))
    state, commands = run(state, [Start(), TimerFired("countdown", 1)])
    assert commands[-1] == OpenTake(take_id("ses-1", "greet", 1), "greet", 1, ("audio",))
    state, commands = run(state, [TakeOpened(state.take or "", 1), Done(), TakeClosed(state.take or "", 2)])
    assert state.phase == "finished"


@pytest.mark.parametrize(
    ("granted", "steps"),
    [
        (("video", "image", "text"), ["cup", "ask"]),  # nobody hears what is read aloud: no film of it either
        (("audio", "text"), ["greet", "ask"]),
        (("video", "image"), ["cup"]),
        (("video",), []),
    ],
)
def test_a_step_without_the_medium_it_is_about_is_left_out(granted: tuple[Medium, ...], steps: list[str]) -> None:
    state, _ = run(fresh(), [ConsentAnswered(granted, (), "participant")])
    done = []
    while state.phase == "ready":
        present = state.step
        assert present is not None
        done.append(present.id)
        take = take_id("ses-1", present.id, 1)
        started, _ = run(state, [Start()])
        countdown = TimerFired("countdown", started.token)
        state, _ = run(started, [countdown, TakeOpened(take, 1), Answered("Coffee"), Done(), TakeClosed(take, 2)])
    assert (done, state.phase) == (steps, "finished" if steps else "refused")


@pytest.mark.parametrize("granted", [(), ("smell",)])
def test_no_consent_no_session_and_no_sensor(granted: tuple[str, ...]) -> None:
    state, commands = run(fresh(), [ConsentAnswered(granted, (), "participant")])  # type: ignore[arg-type]
    assert state.phase == "refused"
    assert [type(command) for command in commands] == [RecordConsent, EndSession]


def recording() -> SessionState:
    state, _ = run(fresh(), [ALL, Start(), TimerFired("countdown", 1), TakeOpened(take_id("ses-1", "greet", 1), 5)])
    assert state.phase == "recording"
    return state


@pytest.mark.parametrize(
    ("event", "phase", "reason"),
    [(Pause(), "paused", "paused"), (Stop(), "stopped", "stopped"), (Restarted(), "ready", "interrupted")],
)
def test_what_ends_a_recording_early_tears_the_take(event: Event, phase: str, reason: str) -> None:
    before = recording()
    state, commands = step(before, event)
    assert (state.phase, state.take) == (phase, None)
    assert commands[0] == TearTake(before.take or "", reason)


def test_a_torn_step_runs_again_as_the_next_attempt() -> None:
    state, commands = run(recording(), [Restarted(), Start(), TimerFired("countdown", 4)])
    assert commands[-1] == OpenTake(take_id("ses-1", "greet", 2), "greet", 2, ("audio", "video"))
    assert state.attempt == 2


def test_an_old_timer_is_harmless() -> None:
    state = recording()
    assert step(state, TimerFired("recording", state.token - 1)) == (state, ())
    assert step(state, TimerFired("countdown", state.token)) == (state, ())


def test_stop_and_pause_while_saving_wait_for_the_take() -> None:
    state, _ = run(recording(), [Done()])
    for event, phase in ((Stop(), "stopped"), (Pause(), "paused")):
        waiting, commands = step(state, event)
        assert (waiting.phase, commands) == ("saving", ())
        ended, commands = step(waiting, TakeClosed(state.take or "", 9))
        assert ended.phase == phase and ended.takes_closed == 1


def test_stop_is_remembered_through_a_kill_while_saving() -> None:
    state, _ = run(recording(), [Done(), Stop()])
    ended, commands = step(state, Restarted())
    assert ended.phase == "stopped"
    assert commands == (TearTake(state.take or "", "interrupted"), EndSession("stopped"))


def test_a_failing_device_pauses_instead_of_trying_for_ever() -> None:
    state, _ = run(fresh(), [ALL])
    for attempt in range(1, MAX_FAILURES + 1):
        state, _ = run(state, [Start(), TimerFired("countdown", state.token + 1)])
        state, commands = step(state, TakeFailed(state.take or "", "The disk is full."))
        assert commands == (TearTake(take_id("ses-1", "greet", attempt), "The disk is full."),)
    assert (state.phase, state.message) == ("paused", "The disk is full.")


def test_an_empty_answer_is_asked_for_again() -> None:
    state, _ = run(fresh(), [ConsentAnswered(("text",), (), "participant"), Start()])
    state, commands = step(state, Answered("  "))
    assert (state.phase, commands) == ("answering", ()) and state.message


def test_a_spoken_answer_is_recorded_for_its_time() -> None:
    spoken = PLAN.steps[2].model_copy(update={"record": ["audio"], "countdown_seconds": 2.0, "seconds": 9.0})
    state = SessionState(session="ses-1", plan=PLAN.model_copy(update={"steps": [spoken]}))
    state, commands = run(state, [ALL, Start()])
    assert (state.phase, commands[-1]) == ("countdown", SetTimer("countdown", 2.0, state.token))
    state, commands = run(state, [TimerFired("countdown", state.token), TakeOpened(take_id("ses-1", "ask", 1), 0)])
    assert (state.phase, commands[-1]) == ("recording", SetTimer("recording", 9.0, state.token))
    state, commands = run(state, [Done()])
    assert commands == [CloseTake(take_id("ses-1", "ask", 1), None)]


takes = st.sampled_from([take_id("ses-1", name, n) for name in ("greet", "cup", "ask") for n in (1, 2, 3)])
events = st.one_of(
    st.just(ALL),
    st.just(ConsentAnswered(("audio",), (), "participant")),
    st.just(Start()),
    st.just(Done()),
    st.just(Pause()),
    st.just(Resume()),
    st.just(Stop()),
    st.just(Restarted()),
    st.builds(Answered, st.sampled_from(["", "yes"])),
    st.builds(TimerFired, st.sampled_from(["countdown", "recording"]), st.integers(0, 12)),
    st.builds(TakeOpened, takes, st.just(1)),
    st.builds(TakeClosed, takes, st.just(2)),
    st.builds(TakeFailed, takes, st.just("no camera")),
    st.builds(Trouble, st.just("hm")),
)


@given(st.lists(events, max_size=60))
def test_whatever_happens(history: list[Event]) -> None:
    state = fresh()
    open_take: str | None = None
    seen: set[str] = set()
    consented: tuple[str, ...] | None = None
    closed_steps: list[str] = []
    ended = 0
    for event in history:
        was_ended, present = state.phase in ENDED, state.step
        state, commands = step(state, event)
        for command in commands:
            assert not was_ended
            if isinstance(command, RecordConsent):
                assert consented is None
                consented = command.granted
            if isinstance(command, OpenSensors):
                assert consented and set(command.media) <= set(consented)
            if isinstance(command, OpenTake):
                assert open_take is None and command.take not in seen
                assert command.media and set(command.media) <= set(consented or ())
                open_take = command.take
                seen.add(command.take)
            if isinstance(command, CloseTake):
                assert command.take == open_take
            if isinstance(command, TearTake):
                assert command.take == open_take
                open_take = None
            if isinstance(command, EndSession):
                ended += 1
        if isinstance(event, TakeClosed) and event.take == open_take and state.take != open_take:
            open_take = None
            closed_steps.append(present.id if present else "")
        assert state.take == open_take
    assert ended == (state.phase in ENDED)
    assert state.takes_closed == len(closed_steps) == len(set(closed_steps))


@pytest.mark.parametrize(
    ("seconds", "limit", "phase"),
    [
        (None, 4.0, "saving"),
        (0.0, 4.0, "ready"),
        (0.9, 4.0, "ready"),
        (1.0, 4.0, "saving"),
        (0.4, 0.5, "ready"),
        (0.5, 0.5, "saving"),
    ],
)
def test_a_recording_that_a_press_ends_at_once_does_not_count(seconds: float | None, limit: float, phase: str) -> None:
    steps = [PLAN.steps[0].model_copy(update={"seconds": limit, "countdown_seconds": 0}), *PLAN.steps[1:]]
    state = SessionState(session="ses-1", plan=PLAN.model_copy(update={"steps": steps}))
    state, _ = run(state, [ALL, Start()])
    assert state.take is not None
    state, _ = run(state, [TakeOpened(state.take, 5)])
    after, commands = step(state, Done(seconds))
    assert after.phase == phase
    kind = CloseTake if phase == "saving" else TearTake
    assert [type(command) for command in commands] == [kind]
    if phase == "ready":
        again, opened = step(after, Start())
        assert again.attempt == 2 and isinstance(opened[0], OpenTake) and again.message is None

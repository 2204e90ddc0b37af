"""The session folded entry by entry is the session that its whole journal says, at every entry and after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.events import (
    ENDED,
    Answered,
    ConsentAnswered,
    Done,
    Event,
    OpenTake,
    Pause,
    RecordConsent,
    Restarted,
    Resume,
    Start,
    Stop,
    TakeClosed,
    TakeFailed,
    TakeOpened,
    TimerFired,
    Trouble,
)
from device_agent.session.consent import consent_record
from device_agent.session.journal import Entry, Happened, Header, Ran, SessionJournal, read
from device_agent.session.machine import SessionState, step
from device_agent.session.record import Fold, replay
from tests.support.journals import PLAN
from wire.consent import ConsentRecord
from wire.session import TakeCapture, TakeRecord

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECOND = 1_000_000
# What may happen in any order; None: whatever leads on to the next phase. A number: the device was started anew.
happenings = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.integers(1, 2),
    st.sampled_from(
        [Pause(), Resume(), Stop(), Start(), Done(3.0), Answered(" "), Trouble("The microphone is quiet.")]
    ),
    st.just(TakeFailed("", "The disk is full.", "spool-full")),
)


def leading_on(state: SessionState) -> Event:
    take = state.take or ""
    match state.phase:
        case "consent":
            return ConsentAnswered(("video", "audio", "image", "text"), (), "participant")
        case "ready":
            return Start()
        case "countdown":
            return TimerFired("countdown", state.token)
        case "recording":
            return TimerFired("recording", state.token)
        case "answering":
            return Answered("fine")
        case "saving":
            return TakeClosed(take, state.token * SECOND + 500)
        case _:
            return Resume()


def journal_of(history: Sequence[Event | int | None], clock_set_at: int) -> list[Entry]:
    """The journal that a runner writes: consents before their event, a take's record before its first sample.

    The wall clock starts in 1970 and is set at one of the entries.
    """
    header = Header(session="ses-1", device="dev-1", participant="p-1", home="home-1", started_at=AT, plan=PLAN)
    entries: list[Entry] = [header]
    state = SessionState(session="ses-1", plan=PLAN)

    def moment() -> tuple[int, datetime]:
        now = len(entries) * SECOND
        zero = AT if len(entries) >= clock_set_at else datetime(1970, 1, 1, tzinfo=UTC)
        return now, zero + timedelta(microseconds=now)

    def ran(boot: int) -> None:
        us, at = moment()
        entries.append(Ran(f"boot-{boot}", at, us))

    def happened(event: Event) -> None:
        nonlocal state
        after, commands = step(state, event)
        if after == state and not commands:
            return
        for command in commands:
            if isinstance(command, RecordConsent):
                entries.append(
                    consent_record(
                        PLAN, "ses-1", "p-1", command.granted, command.refused, command.given_by, moment()[1]
                    )
                )
        entries.append(Happened(event, *moment()))
        state = after
        for command in commands:
            if isinstance(command, OpenTake):
                us, at = moment()
                captures = [TakeCapture(capture=f"cap-{us}", medium=one, sensor="simulated") for one in command.media]
                entries.append(
                    TakeRecord(
                        take=command.take, step=command.step, attempt=command.attempt, kind="say", state="open",
                        prompt="Say hello", opened_us=us, opened_at=at, captures=captures,
                    )
                )  # fmt: skip
                happened(TakeOpened(command.take, us))

    ran(0)
    for one in history:
        if isinstance(one, int):
            ran(one)
            happened(Restarted())
        elif isinstance(one, TakeFailed):
            happened(TakeFailed(state.take or "", one.message, one.code))
        else:
            happened(leading_on(state) if one is None else one)
    return entries


def check(folded: Fold, entries: Sequence[Entry]) -> None:
    """What a session is, by its whole journal and without the fold."""
    events = [entry for entry in entries if isinstance(entry, Happened)]
    states = [SessionState(session="ses-1", plan=PLAN)]
    for entry in events:
        states.append(step(states[-1], entry.event)[0])
    assert folded.state == states[-1]
    assert folded.consent == next((one for one in reversed(entries) if isinstance(one, ConsentRecord)), None)
    ends = {
        before.take: entry
        for entry, before, after in zip(events, states, states[1:], strict=False)
        if before.take is not None and after.take is None
    }
    opened = [entry for entry in entries if isinstance(entry, TakeRecord)]
    expected = [
        "open" if one.take not in ends else "closed" if isinstance(ends[one.take].event, TakeClosed) else "torn"
        for one in opened
    ]
    assert [(take.take, take.state) for take in folded.takes] == [
        (one.take, state) for one, state in zip(opened, expected, strict=True)
    ]
    assert all((take.closed_us is None) == (take.state == "open") for take in folded.takes)
    over = next((e.at for e, after in zip(events, states[1:], strict=True) if after.phase in ENDED), None)
    assert (folded.entries, folded.ended_at) == (len(entries), over)
    assert folded.boots == [entry.boot for entry in entries if isinstance(entry, Ran)]
    record = folded.record
    assert (record is None) == (folded.consent is None)
    if record is not None:
        assert (record.revision, len(record.takes)) == (len(entries), len(opened))


@settings(deadline=None)
@given(st.lists(happenings, max_size=40), st.integers(1, 60))
def test_folding_entry_by_entry_is_the_whole_journal(history: list[Event | int | None], clock_set_at: int) -> None:
    entries = journal_of(history, clock_set_at)
    folded = replay(entries[:1])
    for count, entry in enumerate(entries[1:], 2):
        folded.add(entry)
        check(folded, entries[:count])
        whole = replay(entries[:count])
        assert folded == whole and folded.record == whole.record


@settings(deadline=None, max_examples=30)  # every line is synced
@given(st.lists(happenings, min_size=4, max_size=25), st.integers(1, 60), st.integers(0))
def test_a_restart_in_the_middle_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, history: list[Event | int | None], clock_set_at: int, cut: int
) -> None:
    entries = journal_of(history, clock_set_at)
    before = 1 + cut % len(entries)
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = SessionJournal(path)
    for entry in entries[:before]:
        journal.append(entry)
    journal.close()
    resumed = reduce(lambda folded, entry: (folded.add(entry), folded)[1], entries[before:], replay(read(path)))
    assert resumed == replay(entries)


def test_the_histories_tried_hold_whole_sessions() -> None:
    entries = journal_of([None] * 12, 1)
    folded = replay(entries)
    assert folded.state.phase == "finished" and [take.state for take in folded.takes] == ["closed"] * 3
    check(folded, entries)

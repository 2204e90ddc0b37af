"""What a step costs does not grow with the steps before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device_agent import record_keeping, runner
from device_agent.events import ENDED, Answered, ConsentAnswered, Event, Start
from device_agent.journal import Header
from device_agent.runner import SessionRunner
from device_agent.session import Outcome, SessionState, step
from device_agent.takes import Origin, TakeMaker
from wire.capture import Medium
from wire.script import ConsentText, Plan, PlanStep
from wire.session import SessionRecord, TakeRecord

STEPS = 200


def plan(steps: int) -> Plan:
    return Plan(
        id="long",
        version="1",
        title="Long",
        language="en",
        study="kitchen",
        consent=ConsentText(text="We keep what you type.", uses=["text"]),
        steps=[
            PlanStep(id=f"s-{number}", kind="answer", title="Say", prompt="What is it?", record=["text"])
            for number in range(steps)
        ],
    )


class QuickMaker(TakeMaker):
    """Takes of typed answers that go nowhere."""

    def __init__(self) -> None:
        pass

    def open(
        self, take: str, step: PlanStep, attempt: int, media: tuple[Medium, ...], journal: Callable[[TakeRecord], None]
    ) -> TakeRecord:
        record = TakeRecord(
            take=take, step=step.id, attempt=attempt, kind=step.kind, state="open", prompt=step.prompt, opened_us=1,
            opened_at=datetime.now(UTC), captures=[],
        )  # fmt: skip
        journal(record)
        return record

    def close(self, text: str | None) -> int:
        return 2

    def detach(self, take: str) -> None:
        pass

    def shut_out(self) -> None:
        pass

    def let_in(self) -> None:
        pass


class Sensors:
    def open_sensors(self, media: tuple[Medium, ...], origin: Origin) -> TakeMaker:
        return QuickMaker()


def played(folder: Path, published: Callable[[SessionRecord], None], steps: int = STEPS) -> SessionRunner:
    """A whole session, as fast as it goes."""
    header = Header(
        session="ses-1", device="dev-1", participant="p", home="h", started_at=datetime.now(UTC), plan=plan(steps)
    )
    made = SessionRunner(header, folder / "journal.jsonl", Sensors(), published, lambda _: None)
    made.handle(ConsentAnswered(("text",), (), "p"))
    while made.replayed.state.phase not in ENDED:
        made.handle(Start())
        while not made._queue.empty():
            made.handle(made._queue.get())
        made.handle(Answered("tea"))
    made.run()
    return made


def test_an_entry_is_folded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counted(state: SessionState, event: Event) -> Outcome:
        nonlocal calls
        calls += 1
        return step(state, event)

    monkeypatch.setattr(record_keeping, "step", counted)
    made = played(tmp_path, lambda _: None)
    assert len(made.replayed.takes) == STEPS
    assert calls <= made.replayed.entries


def test_records_are_made_at_a_rate_that_does_not_grow(tmp_path: Path) -> None:
    records: list[SessionRecord] = []
    begun = time.monotonic()
    played(tmp_path, records.append)
    takes = time.monotonic() - begun
    allowed = takes * runner.RECORD_RATE / runner.TAKE_BYTES + 3 * STEPS  # the one under way, the end, and one more
    assert sum(len(record.takes) for record in records) <= allowed
    assert (records[0].takes, records[0].state) == ([], "running"), "the consent at once"
    assert (len(records[-1].takes), records[-1].state) == (STEPS, "finished"), "the end at once"
    assert [record.revision for record in records] == sorted({record.revision for record in records})


def test_a_short_session_is_told_of_every_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RECORD_RATE", float("inf"))
    records: list[SessionRecord] = []
    played(tmp_path, records.append, steps=3)
    assert [sum(take.state == "closed" for take in record.takes) for record in records] == [0, 0, 1, 1, 2, 2, 3]


def test_a_record_that_was_left_for_later_is_made_without_another_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TAKE_BYTES", 20_000)
    records: list[SessionRecord] = []
    header = Header(
        session="ses-1", device="dev-1", participant="p", home="h", started_at=datetime.now(UTC), plan=plan(2)
    )
    made = SessionRunner(header, tmp_path / "journal.jsonl", Sensors(), records.append, lambda _: None)
    made.handle(ConsentAnswered(("text",), (), "p"))
    made.handle(Start())
    made.handle(made._queue.get())
    made.handle(Answered("tea"))
    assert [take.state for take in records[-1].takes] == ["open"], "too soon"
    deadline = time.monotonic() + 60
    while records[-1].takes[0].state == "open" and time.monotonic() < deadline:
        with pytest.raises(StopIteration):
            wait_once(made, monkeypatch)
    assert records[-1].takes[0].state == "closed"


def wait_once(made: SessionRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """One turn of the session's wait for an event, in which none comes."""
    tell = made._tell

    def once(*, at_once: bool = False) -> None:
        tell(at_once=at_once)
        raise StopIteration

    with monkeypatch.context() as patched:
        patched.setattr(made, "_tell", once)
        made._next_event()

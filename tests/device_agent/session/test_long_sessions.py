"""What a step costs does not grow with the steps before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device_agent.events import ENDED, Answered, ConsentAnswered, Event, Start
from device_agent.sensors.clock import monotonic_us
from device_agent.session import record
from device_agent.session.journal import Header
from device_agent.session.machine import SessionState, Transition, step
from device_agent.session.runner import SessionRunner
from device_agent.spool.space import SpoolFull
from device_agent.spool.spool import Spool
from device_agent.takes.maker import Origin, TakeMaker
from wire.capture import Medium
from wire.script import ConsentText, Plan, PlanStep
from wire.session import SessionRecord, TakeDocument, TakeRecord

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
            take=take, step=step.id, attempt=attempt, kind=step.kind, state="open", prompt=step.prompt,
            opened_us=monotonic_us(), opened_at=datetime.now(UTC), captures=[],
        )  # fmt: skip
        journal(record)
        return record

    def close(self, text: str | None) -> int:
        return monotonic_us()

    def detach(self, take: str) -> None:
        pass

    def suspend(self) -> None:
        pass

    def resume(self) -> None:
        pass


class Sensors:
    def open_sensors(self, media: tuple[Medium, ...], origin: Origin) -> TakeMaker:
        return QuickMaker()


Published = SessionRecord | TakeDocument


def header(steps: int) -> Header:
    return Header(
        session="ses-1", device="dev-1", participant="p", home="h", started_at=datetime.now(UTC), plan=plan(steps)
    )


def played(folder: Path, published: Callable[[Published], None], steps: int = STEPS) -> SessionRunner:
    """A whole session, as fast as it goes."""
    made = SessionRunner(header(steps), folder / "journal.jsonl", Sensors(), published, lambda _: None)
    made.handle(ConsentAnswered(("text",), (), "p"))
    while made.replayed.state.phase not in ENDED:
        answer(made)
    made.run()
    return made


def answer(made: SessionRunner) -> None:
    made.handle(Start())
    while not made._queue.empty():
        made.handle(made._queue.get())
    made.handle(Answered("tea"))


def spoken(record: Published) -> str:
    if isinstance(record, TakeDocument):
        return f"{record.number} {record.take.state}"
    return f"{record.state}, {record.take_count}"


def test_an_entry_is_folded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counted(state: SessionState, event: Event) -> Transition:
        nonlocal calls
        calls += 1
        return step(state, event)

    monkeypatch.setattr(record, "step", counted)
    made = played(tmp_path, lambda _: None)
    assert len(made.replayed.takes) == STEPS
    assert calls <= made.replayed.entries


def test_each_take_is_published_when_it_ends_and_the_session_at_consent_and_end(tmp_path: Path) -> None:
    records: list[Published] = []
    played(tmp_path, records.append, steps=3)
    again = ["1 closed", "2 closed"]  # in case that the clock was put right since; the spool has them already
    assert [spoken(record) for record in records] == [
        "running, 0", "1 closed", "2 closed", "3 closed", *again, "finished, 3",
    ]  # fmt: skip
    takes = [record.take for record in records if isinstance(record, TakeDocument)]
    assert takes[:2] == takes[3:]
    assert [record.revision for record in records] == sorted(record.revision for record in records)


def test_what_is_published_grows_with_the_steps_and_no_faster(tmp_path: Path) -> None:
    def size(steps: int) -> int:
        spool = Spool(tmp_path / f"spool-{steps}", reserve_bytes=0)
        before = written_bytes()

        def put(record: Published) -> None:
            (spool.records.put_take if isinstance(record, TakeDocument) else spool.records.put)(record)  # type: ignore[operator]

        played(tmp_path / str(steps), put, steps)
        spool.close()
        return written_bytes() - before

    assert size(STEPS) <= 1.2 * size(STEPS // 10) * 10


def written_bytes() -> int:
    """All that this process has written."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def test_a_state_does_not_grow(tmp_path: Path) -> None:
    """Each event makes a new one."""
    made = played(tmp_path, lambda _: None)
    members = [value for value in vars(made.replayed.state).values() if isinstance(value, list | tuple | dict)]
    assert members and all(len(member) <= 4 for member in members)


def test_a_record_that_the_disk_refused_is_made_later_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[Published] = []
    said: list[str] = []
    full = False

    def publish(record: Published) -> None:
        if full:
            raise SpoolFull("The disk is full.")
        records.append(record)

    made = SessionRunner(header(4), tmp_path / "journal.jsonl", Sensors(), publish, said.append)
    made.handle(ConsentAnswered(("text",), (), "p"))
    full = True
    for _ in range(2):
        answer(made)
        wait_once(made, monkeypatch)
    assert len(records) == len(said) == 1 and said[0].startswith("The disk is full.")
    full = False
    wait_once(made, monkeypatch)
    assert [spoken(record) for record in records[1:]] == ["1 closed", "2 closed"]


def wait_once(made: SessionRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """One turn of the session's wait for an event, in which none comes."""
    publish = made._records.publish

    def once() -> None:
        publish()
        raise StopIteration

    with monkeypatch.context() as patched, pytest.raises(StopIteration):
        patched.setattr(made._records, "publish", once)
        made._next_event()


def test_a_restart_publishes_what_a_kill_kept_from_the_spool(tmp_path: Path) -> None:
    first: list[Published] = []
    made = SessionRunner(header(3), tmp_path / "journal.jsonl", Sensors(), first.append, lambda _: None)
    made.handle(ConsentAnswered(("text",), (), "p"))
    answer(made)
    again: list[Published] = []
    resumed = SessionRunner(header(3), tmp_path / "journal.jsonl", Sensors(), again.append, lambda _: None)
    resumed.handle(resumed._queue.get())
    assert [spoken(record) for record in again] == ["1 closed", "running, 1"]
    assert isinstance(again[0], TakeDocument) and isinstance(first[1], TakeDocument)
    assert again[0].take == first[1].take

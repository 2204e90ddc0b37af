"""What a step of a session costs the device and the collector: 2,000 steps beside 50, as ratios.

The session is the agent's own without sensors and pages: SessionRunner, TakeMaker and Spool, every step an answer that
is typed at once, every capture left in the spool. The collector saves what that device would send it in a database of
its own. CPU is that of the process (all its threads), bytes are all that it writes.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figure import Figure
from collector.catalogue.sessions import save_session, save_take_document
from collector.store.open import open_database
from collector.store.sql import text
from device_agent.events import Answered, ConsentAnswered, Start
from device_agent.labelling.labeller import Labeller
from device_agent.labelling.models import Models
from device_agent.session.journal import Header
from device_agent.session.runner import SessionRunner
from device_agent.spool.spool import Spool
from device_agent.takes.maker import Origin, TakeMaker
from wire.capture import Medium
from wire.script import ConsentText, Plan, PlanStep
from wire.session import SessionRecord, TakeDocument

FEW, MANY = 50, 2_000
ROUNDS = 5  # of the short session, before the long one and after it
LIMIT = 1.2
_DEVICE = text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'd', 'm', 'h', '')")
Published = SessionRecord | TakeDocument


@dataclass(frozen=True)
class StepCost:
    """Of one session, per step or per record."""

    cpu_ms: float
    bytes: float = 0.0


class TypedOnly:
    """The agent's part for the runner: a maker of takes without sensors."""

    def __init__(self, spool: Spool, labeller: Labeller) -> None:
        self._spool, self._labeller = spool, labeller

    def open_sensors(self, media: tuple[Medium, ...], origin: Origin) -> TakeMaker:
        return TakeMaker(self._spool, self._labeller, None, None, origin, lambda error: None)


def plan(steps: int) -> Plan:
    return Plan(
        id="long",
        version="1",
        title="Long",
        language="en",
        study="kitchen",
        consent=ConsentText(text="We save what you type.", uses=["text"]),
        steps=[
            PlanStep(id=f"step-{number:04}", kind="answer", title="Say it", prompt="What is it?", record=["text"])
            for number in range(steps)
        ],
    )


def play(steps: int) -> tuple[StepCost, list[Published]]:
    """A whole session, as fast as it goes; what it cost per step, and what the collector is to hear of it."""
    published: list[Published] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        spool = Spool(folder / "spool", reserve_bytes=0)
        stack.callback(spool.close)
        labeller = Labeller(Models(), lambda error: None)
        stack.callback(labeller.close)

        def publish(record: Published) -> None:
            if isinstance(record, TakeDocument):
                spool.records.put_take(record)
            else:
                spool.records.put(record)
            published.append(record)

        header = Header(
            session="ses-1", device="dev-1", participant="p", home="h", started_at=datetime.now(UTC), plan=plan(steps)
        )
        sensors = TypedOnly(spool, labeller)
        runner = SessionRunner(header, folder / "journal.jsonl", sensors, publish, lambda sentence: None)
        runner.post(ConsentAnswered(("text",), (), "participant"))
        for number in range(steps):
            runner.post(Start())
            runner.post(Answered(f"tea number {number:04}"))
        with UsageMeter() as meter:
            record = runner.run()
    assert record is not None and record.state == "finished" and len(record.takes) == steps
    return StepCost(meter.cpu_seconds * 1000 / steps, meter.bytes / steps), published


def save(published: list[Published]) -> StepCost:
    """What a record costs a collector that has nothing yet."""
    with ExitStack() as stack:
        db = open_database(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(db.close)
        db.write_sync(lambda conn: conn.execute(_DEVICE).rowcount)
        with UsageMeter() as meter:
            for record in published:
                if isinstance(record, TakeDocument):
                    db.write_sync(lambda conn, take=record: save_take_document(conn, take))  # type: ignore[misc]
                else:
                    db.write_sync(lambda conn, session=record: save_session(conn, session))  # type: ignore[misc]
    return StepCost(meter.cpu_seconds * 1000 / len(published), meter.bytes / len(published))


class UsageMeter:
    """CPU seconds of this process and bytes that it wrote, while entered."""

    def __enter__(self) -> UsageMeter:
        gc.collect()
        self._cpu, self._bytes = time.process_time(), _written()
        return self

    def __exit__(self, *raised: object) -> None:
        self.cpu_seconds, self.bytes = time.process_time() - self._cpu, _written() - self._bytes


def _written() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def measure() -> list[Figure]:
    """Medians of short sessions before and after the long one, so that a machine that slows down shows in neither."""
    play(FEW)  # what is made at first use
    short = [play(FEW) for _ in range(ROUNDS)]
    long, long_records = play(MANY)
    short += [play(FEW) for _ in range(ROUNDS)]
    costs = [cost for cost, _ in short]
    saved = [save(records) for _, records in short]
    long_saved = save(long_records)
    saved += [save(records) for _, records in short]
    return [
        compared("CPU per step at the device", long.cpu_ms, [cost.cpu_ms for cost in costs], "ms"),
        compared("bytes written per step at the device", long.bytes, [cost.bytes for cost in costs], "bytes"),
        compared("CPU per record at the collector", long_saved.cpu_ms, [cost.cpu_ms for cost in saved], "ms"),
    ]


def compared(name: str, many: float, few: list[float], unit: str) -> Figure:
    middle = statistics.median(few)
    return Figure(
        f"{name}: {MANY:,} steps {many:.4g} {unit}, {FEW} steps {middle:.4g}", round(many / middle, 2), "times", LIMIT
    )

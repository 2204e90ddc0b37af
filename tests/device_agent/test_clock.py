"""Wall clocks that start in 1970, jump, and jump back: steps are counted, offsets known, dates put right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device_agent.clock import DRIFT_PPM, DeviceClock, to_us, to_utc
from device_agent.events import Pause, Restarted, Resume, Start, Stop, TakeClosed, TakeOpened, TimerFired
from device_agent.session.journal import Entry, Happened, Ran
from device_agent.session.machine import take_id
from device_agent.session.record import replay
from tests.support.journals import GREET, consented, take
from tests.support.take_bench import Bench
from tests.support.waiting import until
from wire.session import SessionRecord

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BEFORE = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
SECOND = 1_000_000


class Hands:
    """The two clocks of a device, moved by the test."""

    def __init__(self, wall: datetime = NOON) -> None:
        self.wall, self.us = to_us(wall), 5 * SECOND
        self.clock = DeviceClock(lambda: self.wall, lambda: self.us)

    def pass_(self, seconds: float, step: float = 0.0) -> None:
        self.us += round(seconds * SECOND)
        self.wall += round((seconds + step) * SECOND)


@pytest.mark.parametrize(
    ("steps", "count"),
    [([], 0), ([0.05], 0), ([0.0001] * 50, 0), ([-3600.0], 1), ([-3600.0, 0.0, 864_000.0, -860_400.0], 3), ([0.2], 1)],
)
def test_steps_are_counted_and_slewing_is_not(steps: list[float], count: int) -> None:
    hands = Hands()
    for step in steps:
        hands.pass_(0.2, step)
        hands.clock.count_steps()
    assert hands.clock.count_steps() == count


def test_without_the_collector_the_offset_is_not_known() -> None:
    hands = Hands(BEFORE)
    assert hands.clock.now() == BEFORE
    wall = hands.clock.wall()
    assert (wall.at, wall.offset_us, wall.uncertainty_us) == (BEFORE, None, None)


def test_the_offset_is_the_collectors_time_and_survives_steps() -> None:
    hands = Hands(BEFORE)
    sent = hands.us
    hands.pass_(0.4)
    hands.clock.synchronise(sent, hands.us, NOON)  # said in the middle of these 0.4 s, give or take
    assert hands.clock.now() == NOON + timedelta(seconds=0.2)
    wall = hands.clock.wall()
    assert wall.at + timedelta(microseconds=wall.offset_us or 0) == hands.clock.now()
    assert wall.uncertainty_us == 200_000
    hands.pass_(100, step=7200)
    assert hands.clock.now() == NOON + timedelta(seconds=100.2)
    later = hands.clock.wall()
    assert later.at + timedelta(microseconds=later.offset_us or 0) == hands.clock.now()
    assert later.uncertainty_us == 200_000 + 100 * DRIFT_PPM


def test_a_worse_answer_does_not_replace_a_better_one_until_that_is_old() -> None:
    hands = Hands()
    hands.clock.synchronise(hands.us - 2_000, hands.us, NOON)
    hands.clock.synchronise(hands.us - 400_000, hands.us, NOON + timedelta(seconds=9))
    assert hands.clock.wall().uncertainty_us == 1_000
    hands.pass_(5_000)
    hands.clock.synchronise(hands.us - 400_000, hands.us, NOON + timedelta(seconds=5_009))
    assert hands.clock.wall().uncertainty_us == 200_000


# ---------------------------------------------------------------- what is recorded
def test_a_step_in_a_take_stands_in_its_manifests(bench: Bench) -> None:
    hands = Hands()
    bench.maker._clock = hands.clock
    hands.clock.synchronise(hands.us - 20_000, hands.us, NOON + timedelta(hours=1))
    bench.open("do", "video", "audio", "text")
    bench.video.deliver(bench.camera.frame())
    bench.audio.deliver(bench.microphone.block())
    hands.pass_(1, step=-3600)
    until(lambda: hands.clock.count_steps() == 1)
    bench.maker.close("tea")
    for manifest in bench.manifests().values():
        assert manifest.counts.clock_steps == 1
        assert (manifest.wall.at, manifest.wall.offset_us, manifest.wall.uncertainty_us) == (
            NOON,
            3_600_010_000,
            10_000,
        )
    bench.open("do", "text", attempt=2)
    bench.maker.close("tea")
    assert {manifest.counts.clock_steps for manifest in bench.manifests().values()} == {0, 1}


def journal(*entries: Entry) -> list[Entry]:
    """A session that began in 1970 by its clock, at 0 s of its monotonic one."""
    consent = [entry for entry in consented()[2:] if not isinstance(entry, Happened)]
    answered = next(entry for entry in consented() if isinstance(entry, Happened))
    header = consented()[0].model_copy(update={"started_at": BEFORE})  # type: ignore[union-attr]
    return [header, Ran("boot-1", BEFORE, 0), *consent, at(1, answered.event), *entries]


def at(seconds: float, event: object, zero: datetime = BEFORE) -> Happened:
    """What happened so long after 0 s, by a clock that puts 0 s there."""
    return Happened(event, round(seconds * SECOND), zero + timedelta(seconds=seconds))  # type: ignore[arg-type]


def opened(seconds: float, attempt: int = 1) -> Entry:
    name = take_id("ses-1", "greet", attempt)
    us = round(seconds * SECOND)
    return take(name, attempt).model_copy(update={"opened_us": us, "opened_at": BEFORE + timedelta(seconds=seconds)})


def record_of(entries: list[Entry]) -> SessionRecord:
    record = replay(entries).record
    assert record is not None
    return record


def test_a_session_that_began_in_1970_gets_its_dates_when_the_clock_is_right() -> None:
    entries = journal(
        at(10, Start()), at(13, TimerFired("countdown", 1)), opened(13), at(13.1, TakeOpened(GREET, 13 * SECOND)),
        at(17, TimerFired("recording", 2), NOON), at(17.5, TakeClosed(GREET, 17 * SECOND), NOON),
    )  # fmt: skip
    before, after = record_of(entries[:-2]), record_of(entries)
    assert (before.started_at, before.takes[0].opened_at) == (BEFORE, BEFORE + timedelta(seconds=13))
    (one,) = after.takes
    assert (after.started_at, after.ended_at) == (NOON, NOON + timedelta(seconds=17.5))
    assert (one.opened_at, one.closed_at) == (NOON + timedelta(seconds=13), NOON + timedelta(seconds=17))
    assert one.boot is None


def test_a_clock_that_goes_back_ends_nothing_before_it_began() -> None:
    back = BEFORE - timedelta(hours=1)
    entries = journal(
        at(10, Start()), at(13, TimerFired("countdown", 1)), opened(13), at(13.1, TakeOpened(GREET, 13 * SECOND)),
        at(15, Pause(), back), at(16, Resume(), back), at(20, Stop(), back),
    )  # fmt: skip
    record = record_of(entries)
    (one,) = record.takes
    assert one.closed_at is not None and one.closed_at - one.opened_at == timedelta(seconds=2)
    assert record.ended_at is not None and record.started_at <= one.opened_at <= one.closed_at <= record.ended_at


def test_a_take_that_a_power_cut_ended_has_no_time_of_the_next_boot() -> None:
    cut = journal(
        at(10, Start()), at(13, TimerFired("countdown", 1)), opened(13), at(13.1, TakeOpened(GREET, 13 * SECOND)),
    )  # fmt: skip
    record = record_of([*cut, Ran("boot-2", NOON, 4 * SECOND), at(5, Restarted(), NOON), at(9, Stop(), NOON)])
    (torn,) = record.takes
    told_apart = (torn.state, torn.closed_us, torn.boot)
    assert told_apart == ("torn", round(13.1 * SECOND), "boot-1"), "times of two starts of the clock are told apart"
    assert torn.closed_at is not None and torn.closed_at - torn.opened_at == timedelta(seconds=0.1)
    assert to_utc(to_us(NOON)) == NOON


def test_a_journal_of_the_version_before_is_read(tmp_path: Path) -> None:
    record = record_of([consented()[0], Ran("boot-1", NOON), *consented()[2:]])
    assert record.started_at == consented()[0].started_at  # type: ignore[union-attr]

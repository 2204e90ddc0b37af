"""The wall clock is set forward and back: what expired stays so, and nothing lasts longer than it should."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collector.devices.heartbeat import save_heartbeat
from collector.devices.join_codes import CODE_SECONDS, DeviceActive, JoinCodeExpired, find_code, join, new_join_code
from collector.people.accounts import LINK_SECONDS, PAGE_SECONDS, new_link_code, new_token, sign_in
from collector.people.open_tokens import record_uses
from collector.people.policy import find_person, owner_of_expired
from collector.people.tokens import hash_secret
from collector.store import clock
from collector.store.clock import Reading, now_text, record_time, steady_now
from collector.store.database import Database
from collector.store.sql import Connection, text
from collector.store.upkeep import MAX_ROW_AGE_SECONDS, RowAges, end_times_ahead, prune
from tests.collector.review.filled import Filled
from tests.support.databases import new_database
from wire.base import format_utc
from wire.device import Backlog, DeviceInfo, Heartbeat

HOUR = 3600.0
INFO = DeviceInfo(name="hall", model="pi 4", agent_version="0.1.0")


class Clocks:
    """The machine's clocks, set by hand."""

    def __init__(self) -> None:
        self.now = Reading(datetime.fromisoformat("2026-11-20T10:00:00Z"), "boot-1", 50.0)

    def read(self) -> Reading:
        return self.now

    def pass_by(self, seconds: float) -> None:
        wall = self.now.wall + timedelta(seconds=seconds)
        self.now = Reading(wall, self.now.boot, self.now.up_seconds + seconds)

    def set_by(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.now = Reading(self.now.wall + timedelta(seconds=seconds), self.now.boot, self.now.up_seconds)

    def start_again(self, boot: str | None, wall_seconds: float) -> None:
        """The machine was off; its wall clock went on by that, or was lost and is behind."""
        self.now = Reading(self.now.wall + timedelta(seconds=wall_seconds), boot, 3.0)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(clock, "read_clocks", made.read)
    monkeypatch.setattr("collector.devices.join_codes.read_clocks", made.read)
    return made


@pytest.fixture
def db(filled: Filled) -> Database:
    filled.person("ann")
    return filled.db


def link(db: Database) -> str:
    return db.write_sync(lambda conn: new_link_code(conn, "ann"))


def page(db: Database) -> str:
    secret = db.write_sync(lambda conn: sign_in(conn, new_link_code(conn, "ann")))
    assert secret is not None
    return secret


def is_signed_in(db: Database, secret: str) -> bool:
    return db.read_sync(lambda conn: find_person(conn, secret, "page", PAGE_SECONDS)) is not None


@pytest.mark.parametrize("back", [60.0, 1800.0, 40 * 86_400.0])
def test_a_link_that_expired_unnoticed_stays_closed_when_the_clock_is_set_back(
    db: Database, clocks: Clocks, back: float
) -> None:
    code = link(db)
    clocks.pass_by(LINK_SECONDS + 1)
    clocks.set_by(-back)
    assert db.write_sync(lambda conn: sign_in(conn, code)) is None


def test_a_link_lasts_an_hour_however_the_clock_is_set_back(db: Database, clocks: Clocks) -> None:
    early, late = link(db), link(db)
    clocks.pass_by(1200)
    clocks.set_by(-5 * HOUR)
    fresh = link(db)
    clocks.pass_by(1200)
    clocks.set_by(-5 * HOUR)
    assert db.write_sync(lambda conn: sign_in(conn, early)) is not None
    clocks.pass_by(1201)
    assert db.write_sync(lambda conn: sign_in(conn, late)) is None
    assert db.write_sync(lambda conn: sign_in(conn, fresh)) is not None


def test_a_link_of_a_clock_that_was_ahead_has_its_hour_too(db: Database, clocks: Clocks) -> None:
    clocks.set_by(3 * HOUR)
    first, second = link(db), link(db)
    clocks.set_by(-3 * HOUR)
    db.write_sync(end_times_ahead)
    clocks.pass_by(3590)
    assert db.write_sync(lambda conn: sign_in(conn, first)) is not None
    clocks.pass_by(20)
    assert db.write_sync(lambda conn: sign_in(conn, second)) is None


def test_the_steady_clock_is_the_wall_clock_again_once_that_has_caught_up(db: Database, clocks: Clocks) -> None:
    db.write_sync(record_time)
    clocks.set_by(-2 * HOUR)
    clocks.pass_by(60)
    assert db.read_sync(steady_now) - clocks.now.wall == timedelta(hours=2)
    db.write_sync(record_time)
    clocks.set_by(2 * HOUR)
    assert db.read_sync(steady_now) == clocks.now.wall


def test_a_session_of_the_page_ends_after_its_hours(db: Database, clocks: Clocks) -> None:
    secret = page(db)
    clocks.pass_by(PAGE_SECONDS - 60)
    clocks.set_by(-6 * HOUR)
    assert is_signed_in(db, secret)
    clocks.pass_by(61)
    assert not is_signed_in(db, secret)
    assert db.read_sync(lambda conn: owner_of_expired(conn, secret, PAGE_SECONDS)) is not None


def test_a_session_that_nobody_uses_ends_and_stays_ended_when_the_clock_is_set_back(
    db: Database, clocks: Clocks
) -> None:
    used, idle = page(db), page(db)
    clocks.pass_by(HOUR - 60)
    db.write_sync(lambda conn: record_uses(conn, [hash_secret(used)]))
    clocks.pass_by(120)

    def is_open(secret: str) -> bool:
        return db.read_sync(lambda conn: find_person(conn, secret, "page", HOUR)) is not None

    assert is_open(used) and not is_open(idle)
    assert db.read_sync(lambda conn: owner_of_expired(conn, idle, HOUR)) is not None
    db.write_sync(record_time)
    clocks.set_by(-2 * HOUR)
    assert is_open(used) and not is_open(idle)
    fresh = page(db)  # made while the wall clock is behind
    assert is_open(fresh)


def test_a_token_with_days_ends_after_them(db: Database, clocks: Clocks) -> None:
    token = db.write_sync(lambda conn: new_token(conn, "ann", 30))
    for days, is_known in ((29, True), (2, False)):
        clocks.pass_by(days * 86_400)
        assert (db.read_sync(lambda conn: find_person(conn, token, "api", HOUR)) is not None) is is_known


def test_tokens_of_programs_have_no_end_and_are_not_looked_at_as_sessions(db: Database, clocks: Clocks) -> None:
    token = db.write_sync(lambda conn: new_token(conn, "ann"))
    clocks.pass_by(400 * 86_400)
    assert db.read_sync(lambda conn: find_person(conn, token, "api", HOUR)) is not None
    assert db.read_sync(lambda conn: owner_of_expired(conn, token, HOUR)) is None


def use(conn: Connection, code: str, known_as: str | None = None) -> tuple[str, str]:
    return join(conn, find_code(conn, code), INFO, known_as)


def test_a_join_code_that_expired_stays_so(db: Database, clocks: Clocks) -> None:
    code, other = (db.write_sync(new_join_code)["code"] for _ in range(2))
    clocks.pass_by(CODE_SECONDS - 1)
    clocks.set_by(-HOUR)
    db.write_sync(lambda conn: use(conn, code))
    clocks.pass_by(2)
    clocks.set_by(-HOUR)
    with pytest.raises(JoinCodeExpired):
        db.write_sync(lambda conn: use(conn, other))


def test_the_time_until_which_a_join_code_is_good_is_given_by_the_wall_clock(db: Database, clocks: Clocks) -> None:
    db.write_sync(record_time)
    clocks.set_by(-9 * HOUR)
    until = db.write_sync(new_join_code)["expires_at"]
    assert datetime.fromisoformat(until) - clocks.now.wall == timedelta(seconds=CODE_SECONDS)


@pytest.mark.parametrize("step", [-7200.0, -45.0, 0.0])
def test_a_device_at_work_keeps_its_name_however_the_clock_is_set(db: Database, clocks: Clocks, step: float) -> None:
    first, second = (db.write_sync(new_join_code)["code"] for _ in range(2))
    device, _token = db.write_sync(lambda conn: use(conn, first))
    clocks.pass_by(30)
    clocks.set_by(step)
    beat = Heartbeat(
        device=device, at=clocks.now.wall, agent_version="0", state="ready",
        backlog=Backlog(captures=0, bytes=0, free_bytes=1),
    )  # fmt: skip
    db.write_sync(lambda conn: save_heartbeat(conn, beat))
    clocks.pass_by(30)
    with pytest.raises(DeviceActive):
        db.write_sync(lambda conn: use(conn, second, device))
    clocks.pass_by(60)
    third = db.write_sync(new_join_code)["code"]
    clocks.pass_by(5)
    assert db.write_sync(lambda conn: use(conn, third, device))[0] == device


@pytest.mark.parametrize("boot", ["boot-2", None])
def test_what_was_seen_to_expire_stays_so_over_a_restart(db: Database, clocks: Clocks, boot: str | None) -> None:
    code, secret = link(db), page(db)
    clocks.pass_by(PAGE_SECONDS + 1)
    db.write_sync(end_times_ahead)
    clocks.start_again(boot, -PAGE_SECONDS)
    assert not is_signed_in(db, secret)
    assert db.write_sync(lambda conn: sign_in(conn, code)) is None
    assert is_signed_in(db, page(db))


def test_time_that_the_machine_was_off_counts(db: Database, clocks: Clocks) -> None:
    db.write_sync(record_time)
    clocks.set_by(-2 * HOUR)
    code, other = link(db), link(db)
    clocks.start_again("boot-2", 1800)
    assert db.write_sync(lambda conn: sign_in(conn, code)) is not None
    clocks.start_again("boot-3", 1801)
    assert db.write_sync(lambda conn: sign_in(conn, other)) is None


def test_rows_are_pruned_by_the_clock_by_which_they_expired(db: Database, clocks: Clocks) -> None:
    db.write_sync(record_time)
    clocks.set_by(-2 * HOUR)
    link(db)
    clocks.pass_by(LINK_SECONDS + MAX_ROW_AGE_SECONDS - 60)
    prune(db, RowAges())
    count = text("SELECT count(*) FROM token")
    assert db.read_sync(lambda conn: conn.execute(count).scalar()) == 1
    clocks.pass_by(61)
    prune(db, RowAges())
    assert db.read_sync(lambda conn: conn.execute(count).scalar()) == 0


def test_the_machine_says_how_long_it_is_up(tmp_path: Path) -> None:
    one, other = clock.read_clocks(), clock.read_clocks()
    assert one.boot == other.boot and one.up_seconds <= other.up_seconds
    with_database = new_database(tmp_path)
    assert format_utc(one.wall) <= format_utc(with_database.read_sync(steady_now)) <= now_text()
    with_database.close()

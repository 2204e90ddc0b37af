"""Processes on one database: one that has gone is found out, and what it had in hand is free."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collector.jobs.queue import enqueue, lease, release_jobs
from collector.processes import DEAD_SECONDS, Processes
from collector.store.database import Database
from collector.store.sql import Connection, text
from tests.support.databases import on_both

pytestmark = on_both
IDS = text("SELECT id FROM process")
OWNERS = text("SELECT key, owner FROM job WHERE state = 'leased'")
WAITING = text("SELECT key, attempts FROM job WHERE state = 'waiting'")


class Site:
    """Processes that share a database and a clock; each has a job in hand, which is called like its folder."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self._folder = db, folder
        self.now = 0.0

    def started(self, folder: str, *, alone: bool = False) -> Processes:
        data = self._folder / folder
        data.mkdir(exist_ok=True)
        made = Processes(self.db, data, folder, [release_jobs], alone=alone, clock=lambda: self.now)
        made.start()

        def work(conn: Connection) -> None:
            enqueue(conn, folder, folder)
            assert lease(conn, [folder], False, made.id) is not None

        self.db.write_sync(work)
        return made

    def there(self) -> set[str]:
        return set(self.db.read_sync(lambda conn: list(conn.execute(IDS).scalars())))

    def in_hand(self) -> dict[str, str]:
        """Process by job."""
        return {row.key: row.owner for row in self.db.read_sync(lambda conn: conn.execute(OWNERS).all())}

    def free(self) -> dict[str, int]:
        """Counted attempts by job."""
        return {row.key: row.attempts for row in self.db.read_sync(lambda conn: conn.execute(WAITING).all())}

    def look(self, *processes: Processes) -> list[str]:
        return [dead for one in processes for dead in asyncio.run(one.look_after())]


@pytest.fixture
def site(db: Database, tmp_path: Path) -> Site:
    return Site(db, tmp_path)


def test_a_silent_process_is_found_dead_by_the_clock_of_who_looks(site: Site) -> None:
    silent, living, looking = (site.started(name) for name in ("a", "b", "c"))
    assert site.look(looking) == []
    for _ in range(3):
        site.now += DEAD_SECONDS / 2 - 1
        assert site.look(living) == []
    assert site.free() == {}
    assert site.look(looking) == [silent.id]
    assert (site.there(), site.free()) == ({living.id, looking.id}, {"a": 0})
    assert site.in_hand() == {"b": living.id, "c": looking.id}
    assert site.look(living, looking) == []


def test_a_start_in_the_same_folder_shows_that_the_one_before_has_gone(site: Site) -> None:
    site.started("a")
    other, again = site.started("b"), site.started("a")
    assert site.there() == {other.id, again.id}
    assert site.in_hand() == {"a": again.id, "b": other.id}


def test_who_is_alone_takes_all_others_for_gone(site: Site) -> None:
    for name in ("a", "b"):
        site.started(name)
    alone = site.started("c", alone=True)
    assert (site.there(), site.free()) == ({alone.id}, {"a": 0, "b": 0})


def test_who_was_taken_for_dead_and_lives_is_there_again(site: Site) -> None:
    hung, looking = site.started("a"), site.started("b")
    site.look(looking)
    site.now += DEAD_SECONDS
    assert site.look(looking) == [hung.id]
    site.look(hung)
    site.now += DEAD_SECONDS - 1
    assert site.look(looking) == []
    assert site.there() == {hung.id, looking.id}


def test_one_process_does_what_is_done_for_all(site: Site) -> None:
    processes = [site.started(name) for name in ("a", "b", "c")]

    def first() -> list[Processes]:
        return [one for one in processes if asyncio.run(one.is_first())]

    for _ in range(3):
        (one,) = first()
        one.stop()
    assert first() == []
    assert asyncio.run(site.started("d", alone=True).is_first())


def test_who_stops_leaves_nothing_in_hand(site: Site) -> None:
    one, other = site.started("a"), site.started("b")
    one.stop()
    assert (site.there(), site.free(), site.in_hand()) == ({other.id}, {"a": 0}, {"b": other.id})

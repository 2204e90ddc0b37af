"""Processes on one database: one that has gone is found out, and what it had in hand is free, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.processes import DEAD_SECONDS, Processes
from collector.store.database import Database
from collector.store.sql import Connection, text
from tests.support.databases import on_both

pytestmark = on_both
IDS = text("SELECT id FROM process")


class Site:
    """Processes that share a database and a clock, and what was freed."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self._folder = db, folder
        self.now = 0.0
        self.freed: list[str] = []

    def started(self, folder: str, *, alone: bool = False) -> Processes:
        data = self._folder / folder
        data.mkdir(exist_ok=True)
        made = Processes(self.db, data, folder, [self._release], alone=alone, clock=lambda: self.now)
        made.start()
        return made

    def _release(self, _conn: Connection, ids: Sequence[str]) -> int:
        self.freed += ids
        return len(ids)

    def there(self) -> set[str]:
        return set(self.db.read_sync(lambda conn: list(conn.execute(IDS).scalars())))

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
    assert site.freed == []
    assert site.look(looking) == [silent.id]
    assert (site.freed, site.there()) == ([silent.id], {living.id, looking.id})
    assert site.look(living, looking) == []


def test_a_start_in_the_same_folder_shows_that_the_one_before_has_gone(site: Site) -> None:
    before, other = site.started("a"), site.started("b")
    again = site.started("a")
    assert (site.freed, site.there()) == ([before.id], {other.id, again.id})


def test_who_is_alone_takes_all_others_for_gone(site: Site) -> None:
    others = {site.started(name).id for name in ("a", "b")}
    alone = site.started("c", alone=True)
    assert (set(site.freed), site.there()) == (others, {alone.id})


def test_who_was_taken_for_dead_and_lives_is_there_again(site: Site) -> None:
    hung, looking = site.started("a"), site.started("b")
    site.look(looking)
    site.now += DEAD_SECONDS
    assert site.look(looking) == [hung.id]
    site.look(hung)
    site.now += DEAD_SECONDS - 1
    assert site.look(looking) == []
    assert site.there() == {hung.id, looking.id}


def test_who_stops_leaves_nothing_in_hand(site: Site) -> None:
    one, other = site.started("a"), site.started("b")
    one.stop()
    assert (site.freed, site.there()) == ([one.id], {other.id})

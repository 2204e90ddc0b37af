"""Uploads among processes: the newest request wins, who was passed over moves no offset, the dead hold up nobody."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from collector.ingest import locks
from collector.ingest.locks import UploadLocks
from collector.ingest.offsets import Upload, UploadBusy, find_upload, let_go, set_offset
from collector.ingest.tus import UploadState
from collector.ingest.upload_owners import UploadOwners, release_all_uploads, release_uploads
from collector.processes import Processes
from collector.store.database import Database
from collector.store.sql import Connection, Row, text
from tests.support.databases import Engine, new_database, on_both, reopened, share
from tests.support.trials import rounds
from wire.base import new_id

pytestmark = on_both
LATER = "2999-01-01T00:00:00.000000Z"
DEVICE = text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev', 'd', 'm', 'x', '')")
UPLOAD = text(
    'INSERT INTO upload (id, device_id, "offset", staged, state, created_at, expires_at)'
    " VALUES (:id, 'dev', 0, '', 'open', '', :later)"
)
ROW = text("SELECT owner, ticket, fence FROM upload WHERE id = :id")


class Desk:
    """One process: its database, its locks."""

    def __init__(self, db: Database, data: Path) -> None:
        self.db = db
        self.process = Processes(db, data, data.name, [release_uploads], alone=False)
        self.process.start()
        self.locks = UploadLocks(UploadOwners(db, self.process.id))

    def find(self, upload: str) -> Upload:
        return self.db.read_sync(lambda conn: find_upload(conn, upload, "dev"))

    def row(self, upload: str) -> Row:
        return self.db.read_sync(lambda conn: conn.execute(ROW, {"id": upload}).one())

    async def promise(self, upload: str, offset: int, fence: int | None, *, is_last: bool = False) -> None:
        assert fence is not None

        def fn(conn: Connection) -> None:
            set_offset(conn, upload, UploadState(offset, None), LATER, fence)
            if is_last:
                let_go(conn, upload, fence)

        await self.db.write(fn)


@pytest.fixture
def desks(tmp_path: Path, engine: Engine) -> Iterator[list[Desk]]:
    """Three processes; on SQLite in one database that is open once."""
    folders = [tmp_path / name for name in "abc"]
    databases = [new_database(folders[0], engine)]
    for folder in folders[1:]:
        folder.mkdir()
        if engine == "postgresql":
            share(folders[0], folder)
            databases.append(reopened(folder))
    databases[0].write_sync(lambda conn: conn.execute(DEVICE).rowcount)
    yield [Desk(databases[n % len(databases)], folder) for n, folder in enumerate(folders)]
    for db in databases:
        db.close()


@pytest.fixture
def upload(desks: list[Desk]) -> str:
    made = new_id("up")
    desks[0].db.write_sync(lambda conn: conn.execute(UPLOAD, {"id": made, "later": LATER}).rowcount)
    return made


async def stay(desk: Desk, upload: str, held: asyncio.Event, offset: int) -> None:
    """Hold it as a sender does that has gone silent: until asked to leave; then what arrived is promised."""
    async with desk.locks.hold(upload) as holder:
        held.set()
        with suppress(UploadBusy):
            await holder.wait_for(asyncio.Event().wait(), 60)
        await desk.promise(upload, offset, holder.fence, is_last=True)
        holder.fence = None


def test_the_newest_request_wins_and_the_one_before_keeps_what_it_has(desks: list[Desk], upload: str) -> None:
    async def main() -> None:
        held = asyncio.Event()
        before = asyncio.create_task(stay(desks[0], upload, held, 700))
        await held.wait()
        async with desks[1].locks.hold(upload) as newest:
            assert desks[1].find(upload).state.offset == 700
            await desks[1].promise(upload, 900, newest.fence)
        await before
        assert desks[0].find(upload).state.offset == 900
        assert desks[0].row(upload).owner is None

    asyncio.run(main())


def test_a_head_asks_the_holder_to_leave_and_else_changes_nothing(desks: list[Desk], upload: str) -> None:
    async def main() -> None:
        held = asyncio.Event()
        before = asyncio.create_task(stay(desks[0], upload, held, 300))
        await held.wait()
        async with desks[1].locks.hold(upload, to_read=True):
            assert desks[1].find(upload).state.offset == 300
        await before
        row = desks[1].row(upload)
        async with desks[2].locks.hold(upload, to_read=True) as holder:
            assert holder.fence is None
        assert (row.owner, desks[1].row(upload)) == (None, row)

    asyncio.run(main())


def test_who_does_not_leave_is_passed_over_and_moves_no_offset(
    desks: list[Desk], upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "TAKE_OVER_SECONDS", 0.05)

    async def main() -> None:
        async with desks[0].locks.hold(upload) as stuck:
            async with desks[1].locks.hold(upload) as newest:
                await desks[1].promise(upload, 10, newest.fence)
                with pytest.raises(UploadBusy):
                    await desks[0].promise(upload, 99, stuck.fence)
            assert desks[0].find(upload).state.offset == 10
        # Nor does it let go what is another's.
        async with desks[2].locks.hold(upload) as other:
            await desks[2].promise(upload, 11, other.fence)

    asyncio.run(main())


def test_what_a_process_had_that_has_gone_is_free_at_once(desks: list[Desk], upload: str) -> None:
    async def main() -> None:
        async with desks[0].locks.hold(upload) as lost:
            desks[0].process.stop()
            with pytest.raises(UploadBusy):
                await desks[0].promise(upload, 99, lost.fence)
            async with desks[1].locks.hold(upload) as newest:
                await desks[1].promise(upload, 10, newest.fence)
                with pytest.raises(UploadBusy):
                    await desks[0].promise(upload, 99, lost.fence)

    asyncio.run(main())


def test_who_was_taken_for_dead_promises_nothing_and_who_waited_goes_on(desks: list[Desk], upload: str) -> None:
    async def main() -> None:
        async with desks[0].locks.hold(upload) as lost:
            held = asyncio.Event()
            waiting = asyncio.create_task(stay(desks[1], upload, held, 40))
            while desks[0].row(upload).ticket < 2:
                await asyncio.sleep(0)
            desks[0].process.stop()
            with pytest.raises(UploadBusy):
                await desks[0].promise(upload, 99, lost.fence)
            await held.wait()
            assert desks[1].row(upload).owner == desks[1].process.id
        async with desks[0].locks.hold(upload, to_read=True):  # it lives, and its sender asks again
            assert desks[0].find(upload).state.offset == 40
        await waiting

    asyncio.run(main())


def test_at_the_start_of_the_only_process_nothing_is_in_hand(desks: list[Desk], upload: str) -> None:
    """Its uploads have no owner: the row has a new fence, for which the one before can promise nothing."""
    before = desks[0].row(upload).fence
    assert desks[0].db.write_sync(release_all_uploads) == 1
    assert desks[0].row(upload).fence > before
    with pytest.raises(UploadBusy):
        asyncio.run(desks[0].promise(upload, 1, before))


def test_of_two_that_wait_the_newer_one_gets_it(desks: list[Desk], upload: str) -> None:
    async def main() -> None:
        async with desks[0].locks.hold(upload) as first:
            waiting = asyncio.create_task(stay(desks[1], upload, asyncio.Event(), 1))
            while desks[0].row(upload).ticket < 2:
                await asyncio.sleep(0)
            held = asyncio.Event()
            newest = asyncio.create_task(stay(desks[2], upload, held, 2))
            while desks[0].row(upload).ticket < 3:
                await asyncio.sleep(0)
            with pytest.raises(UploadBusy):
                await first.wait_for(asyncio.Event().wait(), 60)
        with pytest.raises(UploadBusy):
            await waiting
        await held.wait()
        async with desks[0].locks.hold(upload):
            pass
        await newest
        assert desks[0].find(upload).state.offset == 2

    asyncio.run(main())


def test_an_upload_that_is_not_there_is_held_like_any_other(desks: list[Desk]) -> None:
    async def main() -> None:
        async with desks[0].locks.hold("up-none"), desks[1].locks.hold("up-none"):
            pass

    asyncio.run(main())


@pytest.mark.soak
def test_every_promise_is_the_next_one_whoever_makes_it(
    desks: list[Desk], upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests at all processes, some of which hang, and are passed over: each promise goes one on from the last."""
    monkeypatch.setattr(locks, "TAKE_OVER_SECONDS", 0.02)
    chance = random.Random(5)
    kept: list[int] = []

    async def request(desk: Desk, hangs: float) -> None:
        async with desk.locks.hold(upload) as holder:
            at = desk.find(upload).state.offset
            await asyncio.sleep(hangs)
            await desk.promise(upload, at + 1, holder.fence)
            kept.append(at + 1)

    async def main() -> None:
        for _ in range(rounds(10, 200)):
            requests = []
            for _ in range(6):
                requests.append(asyncio.create_task(request(chance.choice(desks), chance.choice((0, 0, 0.005, 0.04)))))
                await asyncio.sleep(chance.choice((0, 0.002, 0.02)))
            done = await asyncio.gather(*requests, return_exceptions=True)
            assert all(one is None or isinstance(one, UploadBusy) for one in done), done

    asyncio.run(main())
    # Who hears of a commit first is chance, which commits there are is not.
    assert sorted(kept) == list(range(1, len(kept) + 1)) and kept
    assert desks[0].find(upload).state.offset == len(kept)

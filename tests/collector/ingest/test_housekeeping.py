"""What staging is rid of, and what it is never rid of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collector.ingest.housekeeping import housekeeping, remove_unneeded, report_gone
from collector.ingest.offsets import UploadBusy, delete_parts, set_offset
from collector.ingest.pieces import add_pieces, pieces_of
from collector.ingest.tus import UploadState
from collector.ingest.upload_owners import UploadOwners, release_uploads
from collector.processes import Processes
from collector.store import staging_s3
from collector.store.blobs_local import LocalBlobs
from collector.store.database import Database
from collector.store.open_staging import open_staging
from collector.store.s3_place import S3Place
from collector.store.sql import Connection, text
from collector.store.staging import Promise, StagedFile, UploadPiece
from collector.store.staging_local import LocalStaging
from collector.store.upkeep import RowAges
from tests.support.databases import Engine, new_database, on_both
from tests.support.s3 import S3Server
from tests.support.upload_rows import add_upload


@pytest.fixture
def db(tmp_path: Path, engine: Engine) -> Iterator[Database]:
    opened = new_database(tmp_path, engine)
    yield opened
    opened.close()


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[LocalStaging]:
    opened = LocalStaging(tmp_path / "staging", 0)
    yield opened
    opened.close()


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


async def always() -> bool:
    return True


def test_only_files_that_no_upload_needs_are_removed(db: Database, staging: LocalStaging) -> None:
    rows = {
        "up-arriving": ("open", None),
        "up-whole": ("durable", None),
        "up-closed": ("durable", "received"),
        "up-bad": ("durable", "bad"),
        "up-late": ("open", "opened"),
        "up-opened": ("durable", "opened"),
    }
    for upload, states in rows.items():
        db.write_sync(lambda conn, upload=upload, states=states: add_upload(conn, upload, *states))  # type: ignore[misc]
        (staging.folder / f"{upload}.part").touch()
    for stranger in ("up-gone.part", "notes.txt", "up-whole.part.bak"):
        (staging.folder / stranger).touch()
    (staging.folder / "lost+found").mkdir()
    remove_unneeded(db, staging)
    kept = ["up-arriving", "up-whole", "up-closed", "up-bad", "up-late"]
    assert staging.leftovers() == sorted(
        [*(f"{name}.part" for name in kept), "lost+found", "notes.txt", "up-whole.part.bak"]
    )


def test_thousands_of_files_are_sorted_out(db: Database, staging: LocalStaging) -> None:
    def fill(conn: Connection) -> None:
        for number in range(0, 1201, 3):
            add_upload(conn, f"up-{number}", "open", None)

    db.write_sync(fill)
    for number in range(1201):
        (staging.folder / f"up-{number}.part").touch()
    remove_unneeded(db, staging)
    assert staging.leftovers() == sorted(f"up-{number}.part" for number in range(0, 1201, 3))


def test_files_go_with_their_rows_and_not_before(db: Database, staging: LocalStaging, blobs: LocalBlobs) -> None:
    db.write_sync(lambda conn: add_upload(conn, "up-wrong", "durable", "received"))
    file = staging.folder / "up-wrong.part"
    file.touch()

    async def watched() -> None:
        keeping = asyncio.create_task(housekeeping(db, staging, blobs, RowAges(), always))
        await asyncio.sleep(0)

        def fails(conn: Connection) -> None:
            delete_parts(conn, "up-wrong", ["media"])
            raise ValueError("taken back")

        with pytest.raises(ValueError, match="taken back"):
            await db.write(fails)
        await db.write(lambda conn: delete_parts(conn, "up-wrong", []))
        assert file.exists()
        await db.write(lambda conn: delete_parts(conn, "up-wrong", ["media"]))
        async with asyncio.timeout(60):
            while file.exists():
                await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(watched())


def test_a_process_that_is_not_the_first_removes_nothing(
    db: Database, staging: LocalStaging, blobs: LocalBlobs
) -> None:
    asked = asyncio.Event()

    async def never() -> bool:
        asked.set()
        return False

    async def watched() -> None:
        (staging.folder / "up-gone.part").touch()
        keeping = asyncio.create_task(housekeeping(db, staging, blobs, RowAges(), never, every_seconds=0.01))
        for _ in range(3):
            asked.clear()
            await asyncio.wait_for(asked.wait(), 60)
        keeping.cancel()

    asyncio.run(watched())
    assert staging.leftovers() == ["up-gone.part"]


@on_both
def test_pieces_of_a_process_that_has_gone_go_at_once_and_those_of_the_living_stay(
    db: Database, tmp_path: Path, moto: S3Server, blobs: LocalBlobs
) -> None:
    """Also those of one that only was taken for dead: it can write no row for them any more."""
    staging = open_staging(tmp_path, 0, S3Place(f"s3://{moto.new_bucket()}", moto.endpoint))
    releases = [release_uploads, report_gone]
    living, dying = (
        Processes(db, folder(tmp_path / name), name, releases, alone=False) for name in ("living", "dying")
    )
    for one in (living, dying):
        one.start()

    async def begun(process: Processes, upload: str) -> tuple[int, StagedFile]:
        """An upload in hand, with bytes on the server that no row names yet."""
        db.write_sync(lambda conn: add_upload(conn, upload, "open", None))
        ticket = await UploadOwners(db, process.id).take(upload)
        file = await staging.open(f"{upload}.part", 0, ticket.number)
        await file.write([b"x" * staging_s3.PIECE_BYTES], None)
        await file.write([], None)  # waits for the one before
        return ticket.number, file

    async def watched() -> None:
        keeping = asyncio.create_task(housekeeping(db, staging, blobs, RowAges(), living.is_first))
        kept, lost = await begun(living, "up-living"), await begun(dying, "up-dying")
        assert [name.partition("/")[0] for name in staging.leftovers()] == ["up-dying", "up-living"]
        dying.stop()  # as `living` does it once it has been silent
        async with asyncio.timeout(60):
            while len(staging.leftovers()) > 1:
                await asyncio.sleep(0.01)
        keeping.cancel()
        await kept[1].sync(promised(db, "up-living", kept[0]))
        with pytest.raises(UploadBusy):
            await lost[1].sync(promised(db, "up-dying", lost[0]))

    asyncio.run(watched())
    (piece,) = db.read_sync(lambda conn: pieces_of(conn, "up-living"))
    assert staging.leftovers() == [piece.name]
    staging.close()


@on_both
def test_what_a_failed_promise_left_goes_without_a_listing_once_its_fence_is_passed(
    db: Database, tmp_path: Path, moto: S3Server, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.ingest.housekeeping.OWN_SECONDS", 0.01)
    staging = open_staging(tmp_path, 0, S3Place(f"s3://{moto.new_bucket()}", moto.endpoint))
    db.write_sync(lambda conn: add_upload(conn, "up", "open", None))
    make = promised(db, "up", 0)

    def answer_lost(offset: int, pieces: Sequence[UploadPiece]) -> None:
        make(offset, pieces)
        raise UploadBusy("committed, and nobody heard of it")

    def fails(offset: int, pieces: Sequence[UploadPiece]) -> None:
        raise UploadBusy("not committed")

    async def never() -> bool:
        return False

    async def watched() -> None:
        for promise in (answer_lost, fails):
            file = await staging.open("up.part", 0)
            await file.write([b"bytes"], None)
            with pytest.raises(UploadBusy):
                await file.sync(promise)
            await file.close()
        keeping = asyncio.create_task(housekeeping(db, staging, blobs, RowAges(), never))
        async with asyncio.timeout(60):
            while len(staging.unnamed()) > 1:  # of one there is a row
                await asyncio.sleep(0.01)
            assert len(staging.leftovers()) == 2, "the other may get one"
            db.write_sync(lambda conn: conn.execute(text("UPDATE upload SET fence = 1")).rowcount)
            while staging.unnamed():
                await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(watched())
    (piece,) = db.read_sync(lambda conn: pieces_of(conn, "up"))
    assert staging.leftovers() == [piece.name]
    staging.close()


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def promised(db: Database, upload: str, fence: int) -> Promise:
    def promise(offset: int, pieces: Sequence[UploadPiece]) -> None:
        def save(conn: Connection) -> None:
            set_offset(conn, upload, UploadState(offset, None), "2999", fence)
            add_pieces(conn, upload, pieces)

        db.write_sync(save)

    return promise


def test_files_of_expired_uploads_go_by_the_hour(db: Database, staging: LocalStaging, blobs: LocalBlobs) -> None:
    def expired(conn: Connection) -> None:
        add_upload(conn, "up-old", "open", None)
        add_upload(conn, "up-new", "open", None)
        conn.execute(text("UPDATE upload SET expires_at = '2026' WHERE id = 'up-old'"))

    db.write_sync(expired)
    for name in ("up-old.part", "up-new.part"):
        (staging.folder / name).touch()

    async def watched() -> None:
        keeping = asyncio.create_task(housekeeping(db, staging, blobs, RowAges(), always, every_seconds=0.05))
        async with asyncio.timeout(60):
            while len(staging.leftovers()) > 1:
                await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(watched())
    assert staging.leftovers() == ["up-new.part"]

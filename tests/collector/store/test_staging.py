"""One contract for every place uploads may lie: what is written in a thread while more arrives, and what is left of it
when it goes wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from collector.store import staging as staging_module
from collector.store import staging_local, staging_s3
from collector.store.blobs import DiskFull, StorageUnusable
from collector.store.objects import Objects
from collector.store.open_staging import open_staging
from collector.store.s3_place import S3Place
from collector.store.staging import THREADS, Checksum, ChecksumMismatch, Staging, UploadPiece
from collector.store.staging_local import RESERVED_BYTES, LocalStaging
from collector.store.staging_s3 import FOLDER, S3Staging, read_pieces, upload_and_fence
from collector.store.writeback import begin_writeback, reserve_blocks
from tests.support.s3 import S3Server
from tests.support.s3_faults import failing

NAME = "up-1.part"
BATCHES = [[bytes([number]) * 70_000, bytes([number + 100]) * 5] for number in range(20)]
WHOLE = b"".join(piece for batch in BATCHES for piece in batch)


class Rows:
    """What promises saved: offsets, and pieces."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.pieces: list[UploadPiece] = []

    def promise(self, offset: int, pieces: Sequence[UploadPiece]) -> None:
        self.offsets.append(offset)
        self.pieces += pieces


@pytest.fixture(params=["local", "moto", "ministack", "failing"])
def staging(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staging]:
    monkeypatch.setattr(staging_s3, "PIECE_BYTES", 300_000)
    if request.param == "local":
        made = open_staging(tmp_path, 0, None)
        yield made
        made.close()
        return
    server: S3Server = request.getfixturevalue("ministack" if request.param == "ministack" else "moto")
    address = f"s3://{server.new_bucket()}/a"
    with failing(server.endpoint, 0.1 if request.param == "failing" else 0.0) as proxy:
        made = open_staging(tmp_path, 0, S3Place(address, proxy.endpoint))
        yield made
        made.close()


def content(staging: Staging, rows: Rows) -> bytes:
    """The bytes of the upload, as far as they are promised."""
    if isinstance(staging, LocalStaging):
        return (staging.folder / NAME).read_bytes()[: rows.offsets[-1]]
    assert isinstance(staging, S3Staging)
    assert [piece.start for piece in rows.pieces] == [0, *(piece.end for piece in rows.pieces[:-1])]
    found = [(piece.name, piece.end - piece.start) for piece in rows.pieces]
    return b"".join(read_pieces(Objects(S3Place(**staging.place()), FOLDER), found))


def objects(staging: Staging) -> set[str]:
    assert isinstance(staging, S3Staging)
    return {name for name, _, _ in staging._objects.list()}


def test_batches_are_written_in_order_and_compared_with_their_checksum(staging: Staging) -> None:
    rows = Rows()

    async def send() -> tuple[int, int]:
        file = await staging.open(NAME, 0)
        checksum = Checksum("sha256", hashlib.sha256(WHOLE).digest())
        for batch in BATCHES[:-1]:
            await file.write(batch, checksum)
        before = file.durable
        await file.finish(BATCHES[-1], checksum, rows.promise)
        await file.close()
        return before, file.durable

    assert asyncio.run(send()) == (0, len(WHOLE))
    assert rows.offsets == [len(WHOLE)]
    assert content(staging, rows) == WHOLE


def test_what_was_promised_is_continued_by_another_request(staging: Staging) -> None:
    rows = Rows()

    async def send() -> None:
        file = await staging.open(NAME, 0)
        await file.write(BATCHES[0], None)
        await file.sync(rows.promise)
        await file.write(BATCHES[1], None)
        await file.close()  # cut off: nothing of the second is promised
        start = len(b"".join(BATCHES[0]))
        assert await staging.true_offset(NAME, start) == start
        file = await staging.open(NAME, start)
        assert file.durable == start
        for batch in BATCHES[1:]:
            await file.write(batch, None)
            await file.sync(rows.promise)
        await file.finish([], None, rows.promise)

    asyncio.run(send())
    assert rows.offsets[-1] == len(WHOLE) and content(staging, rows) == WHOLE


def test_a_wrong_checksum_cuts_off_all_batches_of_the_chunk_and_nothing_before(staging: Staging) -> None:
    rows = Rows()

    async def send() -> int:
        file = await staging.open(NAME, 0)
        await file.finish([b"before"], None, rows.promise)
        file = await staging.open(NAME, 6)
        checksum = Checksum("sha256", hashlib.sha256(WHOLE[1:]).digest())
        for batch in BATCHES[:-1]:
            await file.write(batch, checksum)
        with pytest.raises(ChecksumMismatch):
            await file.finish(BATCHES[-1], checksum, rows.promise)
        await file.close()
        return file.durable

    assert asyncio.run(send()) == 6
    assert rows.offsets == [6]
    assert content(staging, rows) == b"before"
    if staging.in_pieces:
        assert objects(staging) == {piece.name for piece in rows.pieces}


@pytest.mark.parametrize("is_right", [True, False])
def test_a_chunk_goes_to_the_disk_while_it_is_hashed_and_counts_once_its_checksum_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    """The thread for hashes is held up: one chunk waits for it, another one is hashed where it is written."""
    staging, rows, others = LocalStaging(tmp_path, 0), Rows(), Rows()
    may_hash, is_synced = threading.Event(), threading.Event()
    real_sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (real_sync(fd), is_synced.set()))
    checksum = Checksum("sha256", hashlib.sha256(WHOLE if is_right else WHOLE[1:]).digest())

    async def send() -> None:
        staging.hash_thread.submit(may_hash.wait)
        file = staging.open_now(NAME, 0)
        for batch in BATCHES[:2]:
            await file.write(batch, checksum)
        rest = [piece for batch in BATCHES[2:] for piece in batch]
        ending = asyncio.create_task(file.finish(rest, checksum, rows.promise))
        await asyncio.to_thread(is_synced.wait)
        assert (tmp_path / NAME).read_bytes() == WHOLE and rows.offsets == []
        other = staging.open_now("up-2.part", 0)
        await other.finish([b"other"], Checksum("sha256", hashlib.sha256(b"other").digest()), others.promise)
        assert others.offsets == [5] and not ending.done()
        may_hash.set()
        if is_right:
            await ending
        else:
            with pytest.raises(ChecksumMismatch):
                await ending
        await file.close()
        assert staging.hash_thread_of is None

    try:
        asyncio.run(send())
    finally:
        may_hash.set()
    assert rows.offsets == ([len(WHOLE)] if is_right else [])
    assert (tmp_path / NAME).read_bytes() == (WHOLE if is_right else b"")
    staging.close()


def test_who_is_cancelled_during_a_write_leaves_the_file_open_until_it_is_done(staging: Staging) -> None:
    may_go_on = threading.Event()
    rows = Rows()

    async def send() -> None:
        file = await staging.open(NAME, 0)
        blocked = [staging.begin(may_go_on.wait) for _ in range(THREADS)]
        task = asyncio.create_task(file.finish([WHOLE], None, rows.promise))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        closing = asyncio.create_task(file.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        may_go_on.set()
        await closing
        await asyncio.gather(*blocked)

    asyncio.run(send())
    assert content(staging, rows) == WHOLE


def test_a_promise_that_fails_is_made_again_with_all_that_lies_there(staging: Staging) -> None:
    """Nobody knows whether a commit without an answer took place: nothing of it may be removed."""
    rows = Rows()

    def fails(_offset: int, _pieces: Sequence[UploadPiece]) -> None:
        raise StorageUnusable("The connection to the database broke.")

    async def send() -> None:
        file = await staging.open(NAME, 0)
        await file.write(BATCHES[0], None)
        with pytest.raises(StorageUnusable):
            await file.sync(fails)
        await file.write(BATCHES[1], None)
        await file.discard()
        await file.finish(BATCHES[2], None, rows.promise)

    asyncio.run(send())
    assert content(staging, rows) == b"".join([*BATCHES[0], *BATCHES[2]])


def test_two_holders_never_write_to_the_same_object(moto: S3Server, tmp_path: Path) -> None:
    """One who was passed over and still writes changes nothing of what the next one promises."""
    staging = open_staging(tmp_path, 0, S3Place(f"s3://{moto.new_bucket()}", moto.endpoint))
    rows, late = Rows(), Rows()

    async def send() -> None:
        passed_over, holder = await staging.open(NAME, 0), await staging.open(NAME, 0)
        await passed_over.write([b"late" * 100_000], None)
        await holder.finish(BATCHES[0], None, rows.promise)
        await passed_over.finish([b"later"], None, late.promise)

    asyncio.run(send())
    assert content(staging, rows) == b"".join(BATCHES[0])
    assert not {piece.name for piece in rows.pieces} & {piece.name for piece in late.pieces}
    staging.close()


def test_memory_of_an_upload_is_bounded(staging: Staging) -> None:
    """Pieces become objects while the chunk goes on, also of one with a checksum."""
    rows = Rows()

    async def send() -> list[int]:
        file = await staging.open(NAME, 0)
        checksum = Checksum("crc32c", b"0000")
        held = []
        for batch in BATCHES:
            await file.write(batch, checksum)
            held.append(len(getattr(file, "_held", b"")))
        await file.discard()
        await file.finish([], None, rows.promise)
        return held

    assert max(asyncio.run(send())) < 300_000 + 70_005
    assert rows.offsets == [0]
    if staging.in_pieces:
        assert objects(staging) == set()


def test_pieces_that_are_missing_or_short_end_the_bytes(moto: S3Server, tmp_path: Path) -> None:
    found = Objects(S3Place(f"s3://{moto.new_bucket()}", moto.endpoint), FOLDER)
    found.put("a", b"first")
    found.put("c", b"third")
    assert b"".join(read_pieces(found, [("a", 5), ("b", 5), ("c", 5)])) == b"first"
    assert b"".join(read_pieces(found, [("a", 7), ("c", 5)])) == b"first"
    assert b"".join(read_pieces(found, [("a", 4), ("c", 5)])) == b"firsthird"[:4] + b"third"


def test_every_object_says_of_which_upload_it_is_and_with_which_fence(moto: S3Server, tmp_path: Path) -> None:
    staging = open_staging(tmp_path, 0, S3Place(f"s3://{moto.new_bucket()}", moto.endpoint))
    rows = Rows()

    async def send() -> None:
        file = await staging.open(NAME, 0, 17)
        await file.finish([b"bytes"], None, rows.promise)

    asyncio.run(send())
    staging.check_usable()
    assert staging.leftovers() == [piece.name for piece in rows.pieces]
    assert [upload_and_fence(name) for name in staging.leftovers()] == [("up-1", 17)]
    staging.remove_now(staging.leftovers())
    staging.remove_now(["up-1/gone"])
    assert staging.leftovers() == []
    staging.close()


@pytest.mark.parametrize("held", [0, staging_module.WAITING_BATCHES])
def test_a_full_disk_is_reported_by_a_later_call_and_costs_only_what_was_not_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """By the write itself where it waits for its end. What was handed over behind it is not written."""
    monkeypatch.setattr(staging_module, "WAITING_BATCHES", held)
    rows = Rows()
    staging = LocalStaging(tmp_path / "here", 0)

    async def send() -> None:
        file = staging.open_now(NAME, 0)
        await file.write([b"durable"], None)
        await file.sync(rows.promise)
        await file.write([b"not durable"], None)
        file._staging = LocalStaging(tmp_path / "full", 2**62)
        with pytest.raises(DiskFull):
            await file.write([b"too much"], None)
            await file.write([b"more"], None)
            await file.sync(rows.promise)
        file._staging = staging
        with pytest.raises(DiskFull):
            await file.finish([b"out of place"], None, rows.promise)
        await file.discard()
        await file.finish([b" again"], None, rows.promise)

    asyncio.run(send())
    assert (staging.folder / NAME).read_bytes() == b"durable again"
    assert rows.offsets == [7, 13]
    staging.close()


def test_writeback_reports_a_file_that_is_closed_and_passes_over_one_that_has_no_pages() -> None:
    reading, writing = os.pipe()
    begin_writeback(writing, 0, 10)
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        begin_writeback(writing, 0, 10)


def _allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_blocks_are_reserved_for_what_is_announced_and_given_back_when_it_does_not_come(tmp_path: Path) -> None:
    with (tmp_path / "asked").open("wb") as asked:
        if not reserve_blocks(asked.fileno(), 0, 4096):
            pytest.skip("this file system reserves no blocks")
    staging = LocalStaging(tmp_path / "staging", 0)
    place, rows = staging.folder / NAME, Rows()

    async def send() -> None:
        file = staging.open_now(NAME, 0)
        file.expect(3 << 20)
        await file.write([b"durable"], None)
        await file.sync(rows.promise)
        assert place.stat().st_size == 7 and 3 << 20 <= _allocated(place) < 4 << 20
        await file.discard()
        assert _allocated(place) < 1 << 20
        file.expect(100 << 20)
        await file.write([b" and more"], None)
        await file.sync(rows.promise)
        assert _allocated(place) <= RESERVED_BYTES + (1 << 20)  # not everything at once
        await file.close()

    asyncio.run(send())
    assert place.read_bytes() == b"durable and more" and _allocated(place) < 1 << 20
    staging.close()


def test_an_announced_upload_that_the_disk_has_no_room_for_fails_only_where_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging, rows = LocalStaging(tmp_path, 0), Rows()
    free = 1_000_000
    monkeypatch.setattr(staging_local, "reserve_blocks", lambda _fd, _start, size: taken.append(size) or True)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free - sum(taken), f_frsize=1))
    taken: list[int] = []

    async def send() -> None:
        file = staging.open_now(NAME, 0)
        file.expect(1 << 30)
        for _ in range(10):
            await file.write([bytes(100_000)], None)
        await file.sync(rows.promise)
        with pytest.raises(DiskFull):
            await file.write([b"one more"], None)
            await file.sync(rows.promise)
        await file.discard()
        await file.close()

    asyncio.run(send())
    assert rows.offsets == [free] and taken == [free]
    staging.close()


def test_a_file_system_without_reserved_blocks_is_asked_for_room_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    assert not reserve_blocks(writing, 0, 10)  # as where there is no fallocate
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        reserve_blocks(writing, 0, 10)
    staging, rows = LocalStaging(tmp_path, 0), Rows()
    monkeypatch.setattr(staging_local, "reserve_blocks", lambda *_: False)
    asked: list[int] = []
    monkeypatch.setattr(staging, "check_space", lambda wanted, _: asked.append(wanted) or 2**40)

    async def send() -> None:
        file = staging.open_now(NAME, 0)
        file.expect(1 << 20)
        for size in (5, 6, 7):
            await file.write([bytes(size)], None)
        await file.finish([], None, rows.promise)

    asyncio.run(send())
    assert asked == [5, 6, 7] and rows.offsets == [18]
    staging.close()


def test_many_uploads_at_once_have_smaller_pieces(
    moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_s3, "PIECE_BYTES", 300_000)
    monkeypatch.setattr(staging_s3, "HELD_BYTES", 900_000)
    monkeypatch.setattr(staging_s3, "MIN_PIECE_BYTES", 100_000)
    monkeypatch.setattr(staging_module, "WAITING_BATCHES", 0)  # a write waits for its end
    staging = open_staging(tmp_path, 0, S3Place(f"s3://{moto.new_bucket()}/a", moto.endpoint))

    async def sizes(uploads: int) -> list[list[int]]:
        """Of the pieces of uploads that are received together."""
        rows = [Rows() for _ in range(uploads)]
        files = [await staging.open(f"up-{number}-{uploads}.part", 0) for number in range(uploads)]
        for _ in range(6):
            for file in files:
                await file.write([b"x" * 50_000], None)
        for file, row in zip(files, rows, strict=True):
            await file.sync(row.promise)
            await file.close()
        return [[piece.end - piece.start for piece in row.pieces] for row in rows]

    alone, many, after = (asyncio.run(sizes(count)) for count in (1, 20, 1))
    staging.close()
    assert alone == after == [[300_000]], "nothing is counted of those that have ended"
    assert all(sum(upload) == 300_000 and max(upload) <= 150_000 for upload in many), many

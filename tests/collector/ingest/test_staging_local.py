"""One staged file: what is written in a thread while more arrives, and what is left of it when it goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.ingest.staging_local import FILE_THREADS, LocalStaging
from collector.ingest.tus import Checksum, ChecksumMismatch
from collector.ingest.writeback import begin_writeback
from collector.store.blobs import DiskFull

NAME = "up-1.part"
BATCHES = [[bytes([number]) * 70_000, bytes([number + 100]) * 5] for number in range(20)]
WHOLE = b"".join(piece for batch in BATCHES for piece in batch)


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[LocalStaging]:
    made = LocalStaging(tmp_path, 0)
    yield made
    made.close()


def test_batches_are_written_in_order_and_compared_with_their_checksum(staging: LocalStaging) -> None:
    promised: list[int] = []

    async def send() -> tuple[int, int]:
        file = await staging.open(NAME, 0)
        checksum = Checksum("sha256", hashlib.sha256(WHOLE).digest())
        for batch in BATCHES[:-1]:
            await file.write(batch, checksum)
        before = file.durable
        await file.finish(BATCHES[-1], checksum, promised.append)
        await file.close()
        return before, file.durable

    assert asyncio.run(send()) == (0, len(WHOLE))
    assert promised == [len(WHOLE)]
    assert (staging.folder / NAME).read_bytes() == WHOLE


def test_a_wrong_checksum_cuts_off_all_batches_of_the_chunk_and_nothing_before(staging: LocalStaging) -> None:
    promised: list[int] = []

    async def send() -> int:
        file = await staging.open(NAME, 0)
        await file.finish([b"before"], None, promised.append)
        file = await staging.open(NAME, 6)
        checksum = Checksum("sha256", hashlib.sha256(WHOLE[1:]).digest())
        for batch in BATCHES[:-1]:
            await file.write(batch, checksum)
        with pytest.raises(ChecksumMismatch):
            await file.finish(BATCHES[-1], checksum, promised.append)
        await file.close()
        return file.durable

    assert asyncio.run(send()) == 6
    assert promised == [6]
    assert (staging.folder / NAME).read_bytes() == b"before"


def test_who_is_cancelled_during_a_write_leaves_the_file_open_until_it_is_done(staging: LocalStaging) -> None:
    may_go_on = threading.Event()
    promised: list[int] = []

    async def send() -> None:
        file = await staging.open(NAME, 0)
        blocked = [staging.begin(may_go_on.wait) for _ in range(FILE_THREADS)]
        task = asyncio.create_task(file.finish([WHOLE], None, promised.append))
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
    assert (staging.folder / NAME).read_bytes() == WHOLE


def test_a_full_disk_is_reported_by_the_next_call_and_costs_only_what_was_not_durable(
    staging: LocalStaging, tmp_path: Path
) -> None:
    promised: list[int] = []

    async def send() -> None:
        file = await staging.open(NAME, 0)
        await file.write([b"durable"], None)
        await file.sync(promised.append)
        await file.write([b"not durable"], None)
        await file.write([], None)
        file._staging = LocalStaging(tmp_path / "full", 2**62)
        await file.write([b"too much"], None)
        with pytest.raises(DiskFull):
            await file.write([b"more"], None)
        await file.discard()
        await file.close()

    asyncio.run(send())
    assert (staging.folder / NAME).read_bytes() == b"durable"
    assert promised == [7]


def test_writeback_reports_a_file_that_is_closed_and_passes_over_one_that_has_no_pages() -> None:
    reading, writing = os.pipe()
    begin_writeback(writing, 0, 10)
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        begin_writeback(writing, 0, 10)

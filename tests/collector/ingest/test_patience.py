"""Waits that end early: each has its whole time, though one timer serves them all."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from collector.ingest.patience import Patience

LONG_SECONDS = 600.0  # a test that waits for it fails by its own timeout


def test_what_was_waited_for_is_returned() -> None:
    async def wait() -> list[int]:
        patience = Patience()
        return [await patience.wait_for(asyncio.sleep(0, number), LONG_SECONDS) for number in range(3)]

    assert asyncio.run(wait()) == [0, 1, 2]


def test_a_shorter_wait_after_a_longer_one_ends_in_its_own_time() -> None:
    async def wait() -> None:
        patience = Patience()
        await patience.wait_for(asyncio.sleep(0), LONG_SECONDS)
        with pytest.raises(TimeoutError):
            await patience.wait_for(asyncio.Event().wait(), 0)
        assert await patience.wait_for(asyncio.sleep(0, "on"), LONG_SECONDS) == "on"

    asyncio.run(wait())


def test_a_longer_wait_after_a_shorter_one_has_its_own_time() -> None:
    async def wait() -> bool:
        patience, came = Patience(), asyncio.Event()
        await patience.wait_for(asyncio.sleep(0), 0.01)
        asyncio.get_running_loop().call_later(0.1, came.set)  # the timer of the first wait looks before
        return await patience.wait_for(came.wait(), LONG_SECONDS)

    assert asyncio.run(wait())


def test_a_wait_is_ended_from_outside_and_the_next_one_is_not() -> None:
    async def wait() -> str:
        patience = Patience()
        asyncio.get_running_loop().call_soon(patience.end_wait)
        with pytest.raises(TimeoutError):
            await patience.wait_for(asyncio.Event().wait(), LONG_SECONDS)
        patience.end_wait()
        return await patience.wait_for(asyncio.sleep(0.01, "on"), LONG_SECONDS)

    assert asyncio.run(wait()) == "on"


def test_a_task_that_somebody_cancels_is_cancelled() -> None:
    async def wait() -> None:
        patience = Patience()
        task = asyncio.ensure_future(patience.wait_for(asyncio.Event().wait(), LONG_SECONDS))
        await asyncio.sleep(0)
        task.cancel()
        patience.end_wait()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(wait())


def test_nothing_keeps_one_that_is_closed() -> None:
    async def wait() -> None:
        patience = Patience()
        await patience.wait_for(asyncio.sleep(0), LONG_SECONDS)
        found = weakref.ref(patience)
        patience.close()
        del patience
        gc.collect()
        assert found() is None  # a timer that was left would have it until its time

    asyncio.run(wait())

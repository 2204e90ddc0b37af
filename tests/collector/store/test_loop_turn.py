"""A thread's turn on an event loop: it is taken there, and never waited for in vain."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from collector.store.loop_turn import LoopTurns
from tests.support.database_fns import Refused


def in_thread(work: Callable[[], None]) -> tuple[threading.Thread, Future[None]]:
    ended: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except Refused as error:
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def test_it_is_the_loops_thread_that_runs_it_and_the_other_waits() -> None:
    ran: list[threading.Thread] = []
    turns = LoopTurns()

    async def go() -> None:
        loop = asyncio.get_running_loop()
        thread, ended = in_thread(lambda: turns.take(loop, lambda: ran.append(threading.current_thread())))
        await asyncio.wrap_future(ended)
        assert ran == [threading.current_thread()]
        thread.join()

    asyncio.run(go())


def test_what_it_raises_comes_to_who_took_it() -> None:
    turns = LoopTurns()

    def refuse() -> None:
        raise Refused

    async def go() -> None:
        loop = asyncio.get_running_loop()
        thread, ended = in_thread(lambda: turns.take(loop, refuse))
        with pytest.raises(Refused):
            await asyncio.wrap_future(ended)
        thread.join()

    asyncio.run(go())


@pytest.mark.parametrize("is_closed", [True, False])
def test_where_no_loop_runs_it_is_run_at_once(is_closed: bool) -> None:
    ran: list[threading.Thread] = []
    loop = asyncio.new_event_loop()
    if is_closed:
        loop.close()
    thread, ended = in_thread(lambda: LoopTurns().take(loop, lambda: ran.append(threading.current_thread())))
    ended.result(60)
    thread.join()
    assert ran == [thread]
    loop.close()


def test_a_loop_that_waits_for_the_thread_runs_the_turn_when_it_ends_them() -> None:
    ran: list[int] = []
    turns = LoopTurns()

    async def go() -> None:
        loop = asyncio.get_running_loop()
        asked = threading.Event()
        call_soon = loop.call_soon_threadsafe

        def note(*arguments: object) -> object:
            asked.set()
            return call_soon(*arguments)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = note  # type: ignore[method-assign,assignment]
        thread, ended = in_thread(lambda: turns.take(loop, lambda: ran.append(1)))
        asked.wait(60)  # on purpose on the loop, which runs nothing meanwhile
        turns.end()
        ended.result(60)
        thread.join()
        turns.take(loop, lambda: ran.append(2))  # from here on nobody waits for a loop

    asyncio.run(go())
    assert ran == [1, 2]

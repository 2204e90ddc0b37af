"""Work on one thing is done in its order, by one thread at a time, and others get their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from collector.store.in_order import TURN, InOrder


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_work_is_done_one_after_the_other_in_the_order_in_which_it_was_asked_for(threads: ThreadPoolExecutor) -> None:
    things = [InOrder(threads) for _ in range(3)]
    done: list[list[int]] = [[], [], []]
    busy = [threading.Lock() for _ in things]

    def work(thing: int, number: int) -> None:
        assert busy[thing].acquire(blocking=False)
        done[thing].append(number)
        busy[thing].release()

    futures = [
        things[thing].begin(lambda thing=thing, number=number: work(thing, number))  # type: ignore[misc]
        for number in range(20 * TURN)
        for thing in range(3)
    ]
    for future in futures:
        future.result(60)
    assert done == [list(range(20 * TURN))] * 3


def test_what_fails_is_the_answer_of_that_work_alone(threads: ThreadPoolExecutor) -> None:
    order = InOrder(threads)

    def fail() -> None:
        raise OSError("broken")

    failed, after = order.begin(fail), order.begin(lambda: None)
    with pytest.raises(OSError, match="broken"):
        failed.result(60)
    after.result(60)


def test_one_that_always_has_more_leaves_its_thread_to_another_that_waits() -> None:
    done: list[str] = []
    may_begin = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        much, little = InOrder(pool), InOrder(pool)
        futures = [much.begin(may_begin.wait)]  # type: ignore[arg-type]
        futures += [much.begin(lambda: done.append("much")) for _ in range(3 * TURN)]
        futures.append(little.begin(lambda: done.append("little")))
        may_begin.set()
        for future in futures:
            future.result(60)
    assert done.index("little") == TURN - 1


def test_a_pool_that_closes_does_what_was_asked_for_before() -> None:
    done: list[int] = []
    may_begin = threading.Event()
    pool = ThreadPoolExecutor(1)
    order = InOrder(pool)
    order.begin(may_begin.wait)  # type: ignore[arg-type]
    futures = [order.begin(lambda number=number: done.append(number)) for number in range(3 * TURN)]  # type: ignore[misc]
    pool.shutdown(wait=False)
    may_begin.set()
    for future in futures:
        future.result(60)
    assert done == list(range(3 * TURN))

"""Bulk work in processes of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from collector.bulk.dispatch import Dispatcher
from collector.bulk.engine import EngineClosed
from collector.bulk.local import LocalEngine
from tests.collector.bulk.items import HERE
from tests.support.waiting import until


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine(2, memory_bytes=2**31)
    yield made
    made.close()


def all_of(dispatcher: Dispatcher, submissions: int) -> list[Any]:
    found: dict[int, list[Any]] = {}
    while len(found) < submissions:
        found |= dict(dispatcher.results(1.0))
    return [outcome for _, outcomes in sorted(found.items()) for outcome in outcomes]


def test_batches_are_done_by_processes_that_yield_to_others(engine: LocalEngine) -> None:
    dispatcher = Dispatcher(engine, f"{HERE}:square", {})
    for start in range(0, 40, 4):
        dispatcher.submit([{"number": start + place} for place in range(4)])
    outcomes = all_of(dispatcher, 10)
    assert [outcome["result"]["square"] for outcome in outcomes] == [n * n for n in range(40)]
    pids = {outcome["result"]["pid"] for outcome in outcomes}
    assert pids and os.getpid() not in pids and len(pids) <= 2
    assert {psutil.Process(pid).nice() for pid in pids} == {19}


def test_a_process_that_dies_or_hangs_costs_the_one_item(engine: LocalEngine, tmp_path: Path) -> None:
    dispatcher = Dispatcher(engine, f"{HERE}:moody", {"mark": str(tmp_path / "mark")}, item_seconds=2.0)
    moods = [None, "dies", None, "hangs", "dies-once", None]
    dispatcher.submit([{"number": n, "mood": mood} for n, mood in enumerate(moods)])
    outcomes = all_of(dispatcher, 1)
    assert [outcome.get("result", {}).get("square") for outcome in outcomes] == [0, None, 4, None, 16, 25]
    assert outcomes[1]["error"]["code"] == outcomes[3]["error"]["code"] == "bulk-lost"


def test_closing_ends_what_is_under_way(engine: LocalEngine) -> None:
    dispatcher = Dispatcher(engine, f"{HERE}:moody", {})
    dispatcher.submit([{"number": 1, "mood": "hangs"}])
    until(lambda: psutil.Process().children(recursive=True))
    threading.Timer(0.2, engine.close).start()
    with pytest.raises(EngineClosed):
        while True:
            dispatcher.results(60.0)
    engine.close()

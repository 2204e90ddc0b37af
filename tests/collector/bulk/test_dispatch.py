"""Items out, outcomes back, whatever is lost on the way."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.bulk.dispatch import AHEAD, MAX_LOSSES, Dispatcher
from tests.collector.bulk.engines import HereEngine
from tests.collector.bulk.items import HERE


def collected(dispatcher: Dispatcher, submissions: int) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    while len(found) < submissions:
        for number, outcomes in dispatcher.results(0.0):
            assert number not in found
            found[number] = outcomes
    return found


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(0, 2**32), st.floats(0, 0.6))
def test_every_item_comes_back_once_whatever_is_lost(sizes: list[int], seed: int, share: float) -> None:
    chance = Random(seed)
    engine = HereEngine(3, chance.randrange, lambda: chance.random() < share)
    dispatcher = Dispatcher(engine, f"{HERE}:square", {"plus": 1})
    asked = {}
    for start, size in enumerate(sizes):
        items = [{"number": 10 * start + place} for place in range(size)]
        asked[dispatcher.submit(items)] = items
    found = collected(dispatcher, len(asked))
    assert set(asked) == set(found)
    for number, outcomes in found.items():
        for item, outcome in zip(asked[number], outcomes, strict=True):
            lost = outcome.get("error", {}).get("code") == "bulk-lost"
            assert lost or outcome["result"]["square"] == item["number"] ** 2 + 1
            assert share or not lost
    assert engine.most <= 3 * AHEAD


def test_an_item_that_is_always_lost_is_given_up_and_its_neighbours_are_done() -> None:
    lost = [0]

    class Poisoned(HereEngine):
        def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
            bad = any(item["number"] == 2 for _, request in self._waiting[:1] for item in request["items"])
            lost[0] += bad
            return [(number, None if bad else answer) for number, answer in super().receive(seconds)]

    dispatcher = Dispatcher(Poisoned(), f"{HERE}:square", {})
    number = dispatcher.submit([{"number": n} for n in range(5)])
    outcomes = collected(dispatcher, 1)[number]
    assert [outcome.get("result", {}).get("square") for outcome in outcomes] == [0, 1, None, 9, 16]
    assert outcomes[2]["error"]["code"] == "bulk-lost" and lost[0] == MAX_LOSSES


def test_more_is_wanted_while_the_processes_have_less_than_they_can_do() -> None:
    dispatcher = Dispatcher(HereEngine(2), f"{HERE}:square", {})
    asked = 0
    while dispatcher.wants_more:
        dispatcher.submit([{"number": asked}])
        asked += 1
    assert asked == 2 * AHEAD
    dispatcher.results(0.0)
    assert dispatcher.wants_more


def test_an_answer_nobody_asked_for_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        dispatcher = Dispatcher(HereEngine(), f"{HERE}:square", {})
        dispatcher._engine.send(99, {**dispatcher._request, "items": []})
        dispatcher.results(0.0)

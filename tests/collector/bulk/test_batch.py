"""Some items by one function, each with an outcome of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.bulk.batch import do_batch
from tests.collector.bulk.items import HERE


def done(*items: dict[str, Any], work: str = f"{HERE}:moody", pauses: tuple[float, ...] = (0.0,)) -> list[Any]:
    request = {"work": work, "common": {"plus": 1}, "items": items, "item_seconds": 60.0, "retry_seconds": pauses}
    outcomes: list[Any] = do_batch(request)["outcomes"]
    return outcomes


def test_every_item_has_an_outcome_of_its_own() -> None:
    first, burnt, last = done({"number": 2}, {"number": 3, "mood": "raises"}, {"number": 4})
    assert (first["result"]["square"], last["result"]["square"]) == (5, 17)
    assert burnt["error"] == {"code": None, "message": "ValueError: it burns", "hint": "", "unable": False}


def test_memory_that_is_missing_is_the_items_fault_alone() -> None:
    assert "more memory" in done({"number": 1, "mood": "memory"})[0]["error"]["message"]


def test_what_passes_is_tried_again(tmp_path: Path) -> None:
    item = {"number": 1, "mood": "passes", "mark": str(tmp_path / "mark")}
    assert done(item)[0]["result"]["square"] == 2
    (tmp_path / "mark").unlink()
    assert done(item, pauses=())[0]["error"]["code"] == "storage-unusable"


def test_where_no_item_can_be_done_no_further_one_is_tried(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    outcomes = done({"number": 1}, {"number": 2, "mood": "unable"}, {"mood": "passes", "number": 3, "mark": str(mark)})
    assert outcomes[1] == outcomes[2] and not mark.exists()
    assert outcomes[1]["error"] == {
        "code": "bulk-unable", "message": "There is no model.", "hint": "Copy it there.", "unable": True
    }  # fmt: skip


def test_a_function_that_is_not_there_is_everybodys_fault() -> None:
    for work in (f"{HERE}:nothing", "collector.bulk.nothing:square"):
        (outcome,) = done({"number": 1}, work=work)
        assert outcome["error"]["unable"] and "cannot do this work" in outcome["error"]["message"]

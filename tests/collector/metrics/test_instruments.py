"""Figures as Prometheus reads them; the docs explain each one."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from collector.metrics.instruments import Instruments
from collector.metrics.rows import RowFigures
from tests.collector.metrics.samples import samples
from tests.needs import ROOT


def test_requests_are_counted_by_route_method_and_status() -> None:
    made = Instruments()
    for status, seconds in ((200, 0.004), (200, 0.3), (503, 100.0)):
        made.request("GET", "/api/tasks/{task}", status, seconds)
    found = samples(made)
    route = "method=GET route=/api/tasks/{task}"
    assert found[f"gleaner_request_seconds_count {route}"] == 3
    assert found[f"gleaner_request_seconds_bucket le=0.5 {route}"] == 2
    assert found[f"gleaner_requests_total {route} status=503"] == 1
    assert not any("_created" in name for name in found)


def test_threads_lose_no_count() -> None:
    made = Instruments()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: made.request("GET", f"/{number % 3}", 200, 0.001), range(3000)))
        list(pool.map(lambda _: made.committed(4, 0.001), range(1000)))
    found = samples(made)
    assert sum(value for name, value in found.items() if name.startswith("gleaner_requests_total")) == 3000
    assert (found["gleaner_commit_writes_sum"], found["gleaner_commit_seconds_count"]) == (4000, 1000)


def test_the_docs_have_every_figure_and_no_other(tmp_path: Path) -> None:
    made = Instruments()
    made.registry.register(RowFigures({"data": tmp_path}, tmp_path / "none"))
    names = {family.name for family in made.registry.collect()}
    counters = {family.name for family in made.registry.collect() if family.type == "counter"}
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.M))
    assert listed == {f"{name}_total" if name in counters else name for name in names}
    used = set(re.findall(r"\b(?:gleaner|process)_[a-z_]+", page))
    assert {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in used} <= listed, "rules name figures that exist"

"""A running collector for the tests that talk HTTP, one a module; a fresh one for those that kill it; a data folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collector.store.database import Database
from tests.collector.review.filled import Filled
from tests.collector.running import ZONE, Collector, DeviceClient, in_zone
from tests.support.databases import new_database


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    running = Collector(tmp_path_factory.mktemp("collector"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Collector]:
    running = Collector(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def device(collector: Collector) -> DeviceClient:
    return collector.device()


@pytest.fixture(scope="module")
def lead(collector: Collector) -> Iterator[httpx.Client]:
    with collector.person("lena", "lead") as client:
        yield client


@pytest.fixture
def at_noon() -> Iterator[None]:
    """For what is counted by the day in this process."""
    with in_zone(ZONE):
        yield


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    data = Filled(tmp_path / "data")
    yield data
    data.db.close()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """A database without rows."""
    database = new_database(tmp_path)
    yield database
    database.close()

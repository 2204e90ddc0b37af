"""A running collector for the tests that talk HTTP, one a module; a fresh one for those that kill it; a data folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collector.store.database import Database
from tests.collector.review.filled import Filled
from tests.collector.running import ZONE, Collector, DeviceClient, in_zone
from tests.support import s3
from tests.support.databases import ENGINES, Engine, databases_made, drop_since, engine_of_run, new_database


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


@pytest.fixture(scope="session")
def moto() -> Iterator[s3.S3Server]:
    with s3.running("moto") as server:
        yield server


@pytest.fixture(scope="session")
def ministack() -> Iterator[s3.S3Server]:
    with s3.running("ministack") as server:
        yield server


@pytest.fixture
def at_noon() -> Iterator[None]:
    """For what is counted by the day in this process."""
    with in_zone(ZONE):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_databases") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture(autouse=True)
def _databases() -> Iterator[None]:
    """What a test made on the server goes with it; what fixtures of its module made stays as long as they do."""
    count = databases_made()
    yield
    drop_since(count)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """Of the database: both in turn for tests with the mark `on_both`."""
    found: Engine = getattr(request, "param", engine_of_run())
    return found


@pytest.fixture
def filled(tmp_path: Path, engine: Engine) -> Iterator[Filled]:
    data = Filled(tmp_path / "data", engine)
    yield data
    data.db.close()


@pytest.fixture
def db(tmp_path: Path, engine: Engine) -> Iterator[Database]:
    """A database without rows."""
    database = new_database(tmp_path, engine)
    yield database
    database.close()

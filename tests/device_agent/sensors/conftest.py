"""Fixtures of the sensor tests: the cache in a folder of the test, rooms with drawn photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.sensors.simulated.room import SimulatedRoom
from tests.device_agent.sensors.helpers import drawn_photos


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def room(tmp_path: Path, cache: Path) -> SimulatedRoom:
    return SimulatedRoom(seed=3, width=320, height=180, fetch=drawn_photos(tmp_path))

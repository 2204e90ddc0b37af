"""Settings of a sensor on their way into a manifest: whatever a driver says, the manifest takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from device_agent.sensors.reported_settings import MAX_SETTINGS, cleaned, settings_of
from device_agent.sensors.simulated.camera import SimulatedCamera
from device_agent.sensors.simulated.room import SimulatedRoom
from wire.canonical import canonical_json
from wire.capture import SensorSettings

SHAPE: TypeAdapter[SensorSettings] = TypeAdapter(SensorSettings)
SINGLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers(),
    st.just(np.float32(1)), st.just(np.float64(1.5)),
)  # fmt: skip
NAMES = st.one_of(st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True), st.text(max_size=50))


@given(st.dictionaries(NAMES, st.one_of(SINGLE, st.lists(SINGLE, max_size=20), st.tuples(SINGLE, SINGLE)), max_size=80))
def test_a_manifest_takes_whatever_a_driver_says(told: dict[str, Any]) -> None:
    found = cleaned(told)
    assert SHAPE.validate_python(found) == found
    canonical_json(found)
    assert set(found) <= set(told)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2.0, 2.0), (True, True), ("MJPG", "MJPG"), ((1.5, 2.25), [1.5, 2.25]), (1 / 3, 0.333333),
        (np.float64(0.5), 0.5), ("x" * 300, "x" * 200), (-1, -1),
        (None, None), ("", None), (float("nan"), None), (2**53, None), ([1, None], None), ([], None), ([1] * 17, None),
        ({"a": 1}, None),
    ],
)  # fmt: skip
def test_what_is_kept_of_a_value(value: Any, kept: Any) -> None:
    assert cleaned({"setting": value}) == ({} if kept is None else {"setting": kept})


def test_no_more_than_there_is_room_for() -> None:
    assert len(cleaned({f"s{number}": number for number in range(100)})) == MAX_SETTINGS


def test_a_sensor_that_says_nothing() -> None:
    class Silent:
        name = "silent"

    class Empty:
        def settings(self) -> dict[str, Any]:
            return {"gain": None}

    assert settings_of(Silent()) is None and settings_of(Empty()) is None


def test_a_simulated_camera_says_which_room_it_is_in() -> None:
    class Blind(SimulatedCamera):
        """Without the photographs of the scene."""

        def __init__(self, room: SimulatedRoom) -> None:
            self.room, self.width, self.height, self.frame_rate = room, room.width, room.height, room.frame_rate

    assert settings_of(Blind(SimulatedRoom(seed=7))) == {"seed": 7, "width": 1280, "height": 720, "frame_rate": 25.0}

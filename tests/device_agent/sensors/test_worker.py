"""The thread of a sensor: what ends it is reported once."""

from __future__ import annotations

import threading

import pytest

from device_agent.sensors.base import SensorLost
from device_agent.sensors.worker import SensorThread
from wire.errors import GleanerError


def test_whatever_ends_a_sensor_is_told_once_as_one_sentence() -> None:
    told: list[GleanerError] = []
    ended = threading.Event()

    def failed(error: GleanerError) -> None:
        told.append(error)
        ended.set()

    def work() -> None:
        raise ZeroDivisionError("a driver's surprise")

    thread = SensorThread("camera x")
    thread.start(work, failed)
    assert ended.wait(10)
    thread.stop()
    thread.stop()
    assert [str(error.message) for error in told] == ["camera x stopped: a driver's surprise."]
    assert isinstance(told[0], SensorLost)


def test_a_sensor_started_twice_is_the_callers_mistake() -> None:
    thread, stop = SensorThread("camera x"), threading.Event()
    thread.start(lambda: stop.wait(10) and None, lambda error: None)
    with pytest.raises(RuntimeError, match="started twice"):
        thread.start(lambda: None, lambda error: None)
    stop.set()
    thread.stop()

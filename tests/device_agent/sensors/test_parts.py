"""The small parts under the sensors, by tables and properties: pool, pacing, sizes, the sample clock."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.sensors.pacing import MAX_FRAMES_BEHIND, due
from device_agent.sensors.pictures import fit_within, planes, shrink
from device_agent.sensors.ring import FramePool, lores_size, sealed
from device_agent.sensors.sampleclock import MIN_LOSS_US, SampleClock


# ------------------------------------------------------------------ pool
def test_a_pair_is_used_again_when_the_last_view_is_gone() -> None:
    pool = FramePool((8, 4), (4, 2), depth=1)
    pair = pool.take()
    assert pair is not None
    address = pair[0].ctypes.data
    kept = pair[0][2:4, 1:3]
    del pair
    assert pool.take() is None
    del kept
    again = pool.take()
    assert again is not None
    assert again[0].ctypes.data == address


def test_shapes_are_those_of_i420_and_the_arrays_are_sealed() -> None:
    pair = FramePool((1280, 720), (640, 360)).take()
    assert pair is not None
    assert (pair[0].shape, pair[1].shape) == ((1080, 1280), (540, 640))
    with pytest.raises(ValueError, match="read-only"):
        sealed(pair)[0][0, 0] = 1


def test_what_is_held_is_never_overwritten_by_any_number_of_threads() -> None:
    pool = FramePool((64, 32), (32, 16), depth=4)
    wrong: list[int] = []
    handed: list[tuple[int, np.ndarray]] = []
    lock, done = threading.Lock(), threading.Event()

    def look() -> None:
        while not done.is_set() or handed:
            with lock:
                entry = handed.pop(random.randrange(len(handed))) if handed else None
            if entry is not None and not (entry[1] == entry[0]).all():
                wrong.append(entry[0])

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    given_out = 0
    while given_out < 500:
        pair = pool.take()
        if pair is None:
            continue
        value = given_out % 251
        pair[0][:] = value
        with lock:
            handed.append((value, pair[0]))
        del pair
        given_out += 1
    done.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []


# ------------------------------------------------------------------ pacing
@pytest.mark.parametrize(
    ("now", "number", "expected"),
    [
        (0, 0, (0, 0, 0, 0)),
        (0, 1, (1, 40_000, 40_000, 0)),
        (39_999, 1, (1, 40_000, 1, 0)),
        (40_000, 1, (1, 40_000, 0, 0)),
        (200_000, 1, (1, 40_000, 0, 0)),
        (440_000, 1, (1, 40_000, 0, 0)),
        (480_000, 1, (12, 480_000, 0, 11)),
    ],
)
def test_due(now: int, number: int, expected: tuple[int, int, int, int]) -> None:
    turn = due(1_000_000 + now, 1_000_000, 25, number)
    assert (turn.number, turn.stamp_us - 1_000_000, turn.wait_us, turn.skipped) == expected


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=60), st.sampled_from([25.0, 29.97, 12.5, 60.0]))
def test_every_frame_is_either_made_or_counted_as_dropped(pauses: list[int], rate: float) -> None:
    now, number, made, dropped, stamps = 5_000, 0, 0, 0, []
    for pause in pauses:
        now += pause
        while True:
            turn = due(now, 5_000, rate, number)
            if turn.wait_us > 0:
                break
            made, dropped, number = made + 1, dropped + turn.skipped, turn.number + 1
            stamps.append(turn.stamp_us)
            assert now - turn.stamp_us <= (MAX_FRAMES_BEHIND + 2) * 1_000_000 / rate
    assert made + dropped == number
    assert number == int((now - 5_000) * rate / 1_000_000) + 1 or abs(stamps[-1] - now) <= 1_000_000 / rate
    assert stamps == sorted(set(stamps))


# ------------------------------------------------------------------ sizes
@pytest.mark.parametrize(
    ("size", "main", "lores"),
    [
        ((1280, 720), (1280, 720), (640, 360)),
        ((1920, 1080), (1280, 720), (640, 360)),
        ((768, 432), (768, 432), (640, 360)),
        ((640, 480), (640, 480), (480, 360)),
        ((1080, 1920), (404, 720), (202, 360)),
        ((101, 75), (100, 74), (100, 74)),
    ],
)
def test_sizes(size: tuple[int, int], main: tuple[int, int], lores: tuple[int, int]) -> None:
    assert fit_within(*size) == main
    assert lores_size(*main) == lores


@given(st.integers(2, 5000), st.integers(2, 5000))
def test_sizes_are_even_and_within(width: int, height: int) -> None:
    main = fit_within(width, height)
    for most, (w, h) in (((1280, 720), main), ((640, 360), lores_size(*main))):
        assert w % 2 == h % 2 == 0
        assert 2 <= w <= most[0]
        assert 2 <= h <= most[1]


def test_shrinking_keeps_every_plane() -> None:
    big, small = np.zeros((60, 80), np.uint8), np.zeros((30, 40), np.uint8)
    for plane, value in zip(planes(big, 80, 40), (200, 90, 30), strict=True):
        plane[:] = value
    shrink(planes(big, 80, 40), planes(small, 40, 20))
    assert [int(plane.min()) for plane in planes(small, 40, 20)] == [200, 90, 30]
    assert [int(plane.max()) for plane in planes(small, 40, 20)] == [200, 90, 30]


# ------------------------------------------------------------------ the sample clock
@given(st.lists(st.integers(0, 60_000), min_size=20, max_size=200), st.sampled_from([-200, 0, 200]))
def test_jitter_is_taken_out_and_no_loss_is_claimed(jitter: list[int], drift_ppm: int) -> None:
    rate, block = 16_000, 800
    clock, stamps = SampleClock(rate), []
    for number, late in enumerate(jitter, 1):
        heard = 1_000_000 + round(number * block * 1_000_000 / rate * (1 + drift_ppm / 1_000_000))
        stamp, lost = clock.arrived(heard + late, block)
        assert not lost
        assert stamp - (heard - 50_000) <= 61_000
        assert stamp - (heard - 50_000) >= -3_000
        stamps.append(stamp)
    assert stamps == sorted(set(stamps))


def test_a_stall_that_loses_nothing_is_no_loss_and_one_that_does_is() -> None:
    rate, block = 16_000, 800
    for gap, expected in ((0, False), (3_000_000, True)):
        clock, lost = SampleClock(rate), False
        for number in range(1, 400):
            heard = number * 50_000 + (gap if number > 100 else 0)
            # In both a reader is stopped for three seconds after block 100; only with a gap are samples missing then.
            arrived = max(heard, 8_000_000) if number > 100 else heard
            lost |= clock.arrived(arrived, block)[1]
        assert lost is expected
    assert MIN_LOSS_US > 60_000


# ------------------------------------------------------------------ the thread
def test_whatever_ends_a_sensor_is_told_once_as_one_sentence() -> None:
    from device_agent.sensors.base import SensorLost
    from device_agent.sensors.worker import SensorThread
    from wire.errors import GleanerError

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
    from device_agent.sensors.worker import SensorThread

    thread, stop = SensorThread("camera x"), threading.Event()
    thread.start(lambda: stop.wait(10) and None, lambda error: None)
    with pytest.raises(RuntimeError, match="started twice"):
        thread.start(lambda: None, lambda error: None)
    stop.set()
    thread.stop()

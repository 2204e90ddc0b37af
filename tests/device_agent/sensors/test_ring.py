"""The pool: a pair of arrays is used again when nobody looks at it any more, and never before."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from device_agent.sensors.ring import FramePool, sealed
from tests.support.trials import rounds


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


@pytest.mark.soak
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
    while given_out < rounds(100, 500):
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

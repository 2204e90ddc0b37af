"""Windows are the slices of the sound, whatever the blocks; every sample lies in one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.windows import Windows


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.integers(1, 60), st.integers(1, 90), st.lists(st.integers(0, 70), max_size=9))
def test_windows_are_slices_filled_up_with_silence(total: int, window: int, hop: int, blocks: list[int]) -> None:
    sound = np.arange(1, total + 1, dtype=np.float32)
    windows, got, at = Windows(16000, 16000, window, hop), [], 0
    for size in blocks:
        got += list(windows.push(sound[at : at + size]))
        at += size
    got += [*windows.push(sound[at:]), *windows.finish()]
    padded = np.concatenate([sound, np.zeros(window + hop, np.float32)])
    starts = [0] if total else []
    while starts and starts[-1] + window < total and starts[-1] + hop < total:
        starts.append(starts[-1] + hop)
    assert len(got) == len(starts)
    for row, start in zip(got, starts, strict=True):
        assert np.array_equal(row, padded[start : start + window])
    if total and hop <= window:
        assert set(sound) <= {value for row in got for value in row}


def test_times_are_media_time_and_end_with_the_sound() -> None:
    windows = Windows(48000, 16000, 1600, 800)
    count = len(list(windows.push(np.zeros(48000, np.float32)))) + len(list(windows.finish()))
    assert count == 19
    assert windows.span_us(0, 0) == (0, 100_000)
    assert windows.span_us(3, 5) == (150_000, 350_000)
    assert windows.span_us(18, 18) == (900_000, 1_000_000)
    assert windows.span_us(17, 25)[1] == 1_000_000

"""Hysteresis and padding against a frame-by-frame reading on the level of single samples."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.segments import Hysteresis, stretches
from prelabel.models.manifest import Speech

WINDOW, RATE = 512, 16000
PROBABILITIES = st.lists(st.sampled_from([0.0, 0.2, 0.34, 0.35, 0.4, 0.49, 0.5, 0.7, 1.0]), max_size=80)


@given(PROBABILITIES)
def test_hysteresis_is_what_it_says(probabilities: list[float]) -> None:
    """Somebody speaks when the newest window that is clearly one or the other is speech."""
    hysteresis, clear = Hysteresis(Speech()), False
    for number, probability in enumerate(probabilities):
        hysteresis.push(probability)
        decided = [p >= 0.5 for p in probabilities[: number + 1] if p >= 0.5 or p < 0.35]
        clear = decided[-1] if decided else False
        assert hysteresis.speaking is clear


def by_sample(probabilities: list[float], total: int, speech: Speech) -> list[tuple[int, int]]:
    """Speech before padding: paint every window, fill short silences, drop short speech; all on windows' edges."""
    state, painted = False, []
    for probability in probabilities:
        state = probability >= (speech.off if state else speech.on)
        painted.append(state)
    runs = [(state, len(list(members))) for state, members in groupby(painted)]
    edges, at = [], 0
    for state, length in runs:
        edges.append((state, at, at + length))
        at += length
    # A silence counts when one of its windows below `off` (not those between the two) finds it `min_silence` old.
    silence = RATE * speech.min_silence_ms // 1000

    def counts(begin: int, end: int) -> bool:
        return any((n - begin) * WINDOW >= silence for n in range(begin, end) if probabilities[n] < speech.off)

    rows: list[list[int]] = []
    for state, begin, end in edges:
        if state and rows and not counts(rows[-1][1], begin):
            rows[-1][1] = end
        elif state:
            rows.append([begin, end])
    least = RATE * speech.min_speech_ms // 1000
    samples = [(begin * WINDOW, end * WINDOW) for begin, end in rows]
    if samples and not counts(rows[-1][1], len(probabilities)):
        # What has not been silent long enough at the end still speaks there.
        samples[-1] = (samples[-1][0], total)
    return [(begin, end) for begin, end in samples if end - begin > least]


@settings(max_examples=400)
@given(PROBABILITIES, st.integers(0, 511), st.integers(0, 300), st.integers(0, 300))
def test_stretches_are_the_windows_painted_one_by_one(
    probabilities: list[float], short: int, least: int, silence: int
) -> None:
    total = max(0, len(probabilities) * WINDOW - short)
    speech = Speech(min_speech_ms=least, min_silence_ms=silence, pad_ms=0)
    got = [(row.start, row.end) for row in stretches(probabilities, total, WINDOW, RATE, speech)]
    assert got == by_sample(probabilities, total, speech)


@settings(max_examples=300)
@given(PROBABILITIES, st.integers(0, 511), st.integers(0, 400), st.integers(0, 400))
def test_padding_grows_into_silence_and_nowhere_else(
    probabilities: list[float], short: int, silence: int, pad_ms: int
) -> None:
    total = max(0, len(probabilities) * WINDOW - short)
    bare = Speech(min_speech_ms=0, min_silence_ms=silence, pad_ms=0)
    plain = stretches(probabilities, total, WINDOW, RATE, bare)
    padded = stretches(probabilities, total, WINDOW, RATE, bare.model_copy(update={"pad_ms": pad_ms}))
    pad = RATE * pad_ms // 1000
    assert [row.score for row in padded] == [row.score for row in plain]
    starts = [0, *(row.end for row in plain)]
    ends = [*(row.start for row in plain), total]
    for number, (before, after) in enumerate(zip(plain, padded, strict=True)):
        left, right = before.start - starts[number], ends[number + 1] - before.end
        assert before.start - after.start == min(pad, left if number == 0 else left // 2)
        assert after.end - before.end == min(pad, right if number + 1 == len(plain) else right // 2)


@given(PROBABILITIES, st.integers(0, 400))
def test_the_score_is_the_mean_before_padding(probabilities: list[float], pad: int) -> None:
    speech = Speech(min_speech_ms=0, min_silence_ms=0, pad_ms=0)
    total = len(probabilities) * WINDOW
    rows = stretches(probabilities, total, WINDOW, RATE, speech)
    padded = stretches(probabilities, total, WINDOW, RATE, speech.model_copy(update={"pad_ms": pad}))
    for plain, wide in zip(rows, padded, strict=True):
        mean = np.mean(probabilities[plain.start // WINDOW : plain.end // WINDOW])
        assert wide.score == pytest.approx(mean)

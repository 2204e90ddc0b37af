"""The resampler keeps time exactly: a tone comes out as the same tone, sample for sample, in any blocks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.media.resample import RateUnsupported, Resampler

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)


def tone(hertz: float, rate: int, seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def through(rate: int, samples: np.ndarray, blocks: list[int]) -> np.ndarray:
    resampler, out, at = Resampler(rate, 16000), [], 0
    for size in blocks:
        out.append(resampler.push(samples[at : at + size]))
        at += size
    out += [resampler.push(samples[at:]), resampler.finish()]
    return np.concatenate(out)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [100, 440, 1000, 3000])
def test_a_tone_comes_out_as_the_same_tone(rate: int, hertz: int) -> None:
    got = through(rate, tone(hertz, rate, 0.6), [])
    expected = tone(hertz, 16000, 0.6)
    inside = slice(400, min(len(got), len(expected)) - 400)
    assert np.abs(got[inside] - expected[inside]).max() < 2e-3


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_what_16_khz_cannot_hold_is_gone(rate: int) -> None:
    got = through(rate, tone(9500, rate, 0.5), [])
    assert np.abs(got[400:-400]).max() < 1e-3


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RATES), st.integers(0, 6000), st.lists(st.integers(0, 900), max_size=12))
def test_blocks_make_no_difference(rate: int, length: int, blocks: list[int]) -> None:
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    whole = through(rate, samples, [])
    assert len(whole) == -(-Fraction(length * 16000, rate) // 1)
    assert np.array_equal(through(rate, samples, blocks), whole)


def test_an_impulse_stays_where_it_was() -> None:
    samples = np.zeros(48000, np.float32)
    samples[30000] = 1
    assert int(np.abs(through(48000, samples, [1000] * 48)).argmax()) == 10000


def test_long_blocks_are_taken_in_pieces() -> None:
    samples = np.zeros(48000 * 30, np.float32)
    assert len(through(48000, samples, [])) == 16000 * 30


@pytest.mark.parametrize("rate", [0, -1, 4000, 7999, 48017])
def test_odd_rates_are_refused(rate: int) -> None:
    if rate == 48017:
        assert Resampler(rate, 16000).push(np.zeros(10, np.float32)).dtype == np.float32
        return
    with pytest.raises(RateUnsupported, match=f"Audio of {rate} samples per second"):
        Resampler(rate, 16000)

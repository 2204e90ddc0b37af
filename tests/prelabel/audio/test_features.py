"""Log-mel features against a slow sum of sines, and against the constants that the makers of the scales published."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.features import FeatureMaker, hertz_to_mel, mel_bank, mel_to_hertz
from prelabel.models.families import LogMel
from prelabel.models.onnx_file import ModelRefused

# librosa.mel_frequencies(n_mels=40), as its documentation prints it.
LIBROSA_40 = [
    0.0, 85.317, 170.635, 255.952, 341.269, 426.586, 511.904, 597.221, 682.538, 767.855, 853.173, 938.49, 1024.856,
    1119.114, 1222.042, 1334.436, 1457.167, 1591.187, 1737.532, 1897.337, 2071.84, 2262.393, 2470.47, 2697.686,
    2945.799, 3216.731, 3512.582, 3835.643, 4188.417, 4573.636, 4994.285, 5453.621, 5955.205, 6502.92, 7101.009,
    7754.107, 8467.272, 9246.028, 10096.408, 11025.0,
]  # fmt: skip

# The front ends of known models.
YAMNET = LogMel(bands=64, window_ms=25, hop_ms=10, fft=512, low_hz=125, high_hz=7500, power=1, floor=1e-12, offset=1e-3)
KALDI = LogMel(
    bands=80, window_ms=25, hop_ms=10, fft=512, low_hz=20, high_hz=8000, window="povey", remove_dc=True,
    preemphasis=0.97, floor=1.1920929e-7,
)  # fmt: skip
LIBROSA = LogMel(
    bands=40, window_ms=32, hop_ms=16, fft=512, low_hz=0, high_hz=8000, mel="slaney", norm="slaney", log="decibel",
    floor=1e-10, centre=True,
)  # fmt: skip
TORCH = LogMel(
    bands=64, window_ms=20, hop_ms=10, fft=400, low_hz=60, high_hz=7800, triangles="hertz", window="hamming",
    preemphasis=0.97, log="ten", floor=1e-8, centre=True, normalise="per-band", mean=0.5, std=2,
)  # fmt: skip
NAMED = {"yamnet": YAMNET, "kaldi": KALDI, "librosa": LIBROSA, "torch": TORCH}


def noise(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, count).astype(np.float32)


def slowly(settings: LogMel, samples: np.ndarray, rate: int) -> np.ndarray:
    """The same features from their definition: one sum of sines a bin, one triangle a band, in double precision."""
    x = [float(value) for value in samples]
    window, hop = round(rate * settings.window_ms / 1000), round(rate * settings.hop_ms / 1000)
    if settings.preemphasis and not settings.remove_dc:
        x = [x[0]] + [b - settings.preemphasis * a for a, b in itertools.pairwise(x)]

    def at(index: int) -> float:
        if index < 0:
            return x[-index]
        return x[index] if index < len(x) else x[2 * len(x) - 2 - index]

    count = 1 + len(x) // hop if settings.centre else 1 + (len(x) - window) // hop
    rows = []
    for number in range(count):
        begin = number * hop
        if settings.centre:
            begin += (settings.fft - window) // 2 - settings.fft // 2
        frame = [at(begin + n) for n in range(window)]
        if settings.remove_dc:
            mean = sum(frame) / window
            frame = [value - mean for value in frame]
            last = frame[0]
            for n, value in enumerate(frame):
                frame[n], last = value - settings.preemphasis * last, value
        shape = [weight(settings, n, window) for n in range(window)]
        angles = -2j * np.pi * np.outer(np.arange(settings.fft // 2 + 1), np.arange(window)) / settings.fft
        magnitude = np.abs(np.exp(angles) @ (np.array(frame) * shape))
        energies = triangles(settings, rate) @ magnitude**settings.power
        logs = np.log(np.maximum(energies, settings.floor) + settings.offset)
        factor = {"natural": 1.0, "ten": 1 / math.log(10), "decibel": 20 / settings.power / math.log(10)}
        rows.append(logs * factor[settings.log])
    out = np.array(rows)
    if settings.normalise == "per-band":
        spread = np.sqrt(((out - out.mean(0)) ** 2).sum(0) / (len(out) - 1))
        out = (out - out.mean(0)) / (spread + 1e-5)
    return (out - settings.mean) / settings.std


def weight(settings: LogMel, n: int, window: int) -> float:
    turn = math.cos(2 * math.pi * n / (window - 1 if settings.symmetric or settings.window == "povey" else window))
    if settings.window == "hamming":
        return 0.54 - 0.46 * turn
    return (0.5 - 0.5 * turn) ** (0.85 if settings.window == "povey" else 1)


def mel(settings: LogMel, hertz: float) -> float:
    if settings.mel == "htk":
        return 1127.010480 * math.log(1 + hertz / 700)
    return hertz / (200 / 3) if hertz < 1000 else 15 + 27 * math.log(hertz / 1000, 6.4)


def unmel(settings: LogMel, value: float) -> float:
    if settings.mel == "htk":
        return 700 * (math.exp(value / 1127.010480) - 1)
    return value * 200 / 3 if value < 15 else 1000 * 6.4 ** ((value - 15) / 27)


def triangles(settings: LogMel, rate: int) -> np.ndarray:
    low, high = mel(settings, settings.low_hz), mel(settings, settings.high_hz)
    mels = [low + (high - low) * n / (settings.bands + 1) for n in range(settings.bands + 2)]
    straight_over_mel = (settings.triangles or ("mel" if settings.mel == "htk" else "hertz")) == "mel"
    bank = []
    for band in range(settings.bands):
        corners = mels[band : band + 3]
        hertz = [unmel(settings, corner) for corner in corners]
        bins = [n * rate / settings.fft for n in range(settings.fft // 2 + 1)]
        points = [mel(settings, bin_) for bin_ in bins] if straight_over_mel else bins
        row = np.interp(points, corners if straight_over_mel else hertz, [0, 1, 0], left=0, right=0)
        bank.append(row * (2 / (hertz[2] - hertz[0]) if settings.norm == "slaney" else 1))
    return np.array(bank)


@pytest.mark.parametrize("name", NAMED)
def test_features_are_those_of_the_definition(name: str) -> None:
    samples = noise(4000) + 0.1
    got = FeatureMaker(NAMED[name], 16000).make(samples)
    expected = slowly(NAMED[name], samples, 16000)
    assert got.dtype == np.float32 and got.shape == expected.shape
    assert np.abs(got - expected).max() < 2e-3


def test_the_slaney_scale_is_the_published_one() -> None:
    ends = hertz_to_mel(np.array([0.0, 11025.0]), "slaney")
    assert mel_to_hertz(np.linspace(ends[0], ends[1], 40), "slaney") == pytest.approx(LIBROSA_40, abs=1e-3)
    assert hertz_to_mel(np.array([1000.0, 6400.0]), "slaney") == pytest.approx([15, 42])


def test_the_htk_scale_has_1000_mel_at_1000_hertz() -> None:
    assert float(hertz_to_mel(np.array([1000.0]), "htk")[0]) == pytest.approx(1000, abs=0.02)
    hertz = np.array([0.0, 133.33, 700, 4000, 8000])
    assert mel_to_hertz(hertz_to_mel(hertz, "htk"), "htk") == pytest.approx(hertz)


def test_a_band_of_area_one() -> None:
    """Slaney's norm: a triangle's area over hertz is one, seen with bins fine enough."""
    fine = LIBROSA.model_copy(update={"fft": 8192, "bands": 20})
    areas = mel_bank(fine, 16000).sum(axis=1) * 16000 / 8192
    assert areas == pytest.approx(np.ones(20), abs=0.01)


@pytest.mark.parametrize("hertz", [300, 1000, 3000, 6000])
@pytest.mark.parametrize("name", ["yamnet", "kaldi", "librosa"])
def test_a_tone_lies_in_the_band_that_holds_it(name: str, hertz: int) -> None:
    chosen = NAMED[name].model_copy(update={"normalise": "none"})
    samples = np.sin(2 * np.pi * hertz * np.arange(8000) / 16000).astype(np.float32)
    band = int(FeatureMaker(chosen, 16000).make(samples)[10].argmax())
    low, high = mel(chosen, chosen.low_hz), mel(chosen, chosen.high_hz)
    step = (high - low) / (chosen.bands + 1)
    assert abs(low + (band + 1) * step - mel(chosen, hertz)) <= step * 0.8


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.integers(0, 6000), st.sampled_from(["yamnet", "kaldi"]))
def test_a_sound_cut_at_a_hop_gives_the_frames_of_the_whole(skipped: int, length: int, name: str) -> None:
    samples = noise(10_000, 3)
    maker = FeatureMaker(NAMED[name], 16000)
    whole = maker.make(samples)
    part = maker.make(samples[skipped * maker.hop :][:length])
    assert len(part) == maker.frames(min(length, 10_000 - skipped * maker.hop))
    assert np.allclose(part, whole[skipped : skipped + len(part)], atol=1e-4)


def test_more_frames_than_are_worked_on_at_once() -> None:
    maker = FeatureMaker(YAMNET, 16000)
    samples = noise(160 * 2500 + 400)
    whole = maker.make(samples)
    assert whole.shape == (2501, 64)
    assert np.allclose(whole[2400:], maker.make(samples[160 * 2400 :]), atol=1e-4)


def test_a_front_end_of_a_known_shape() -> None:
    assert FeatureMaker(YAMNET, 16000).make(np.zeros(15_600, np.float32)).shape == (96, 64)
    assert FeatureMaker(YAMNET, 16000).make(np.zeros(0, np.float32)).shape == (0, 64)
    assert FeatureMaker(YAMNET, 16000).make(np.zeros(399, np.float32)).shape == (0, 64)
    turned = YAMNET.model_copy(update={"layout": "bands-frames"})
    assert FeatureMaker(turned, 16000).make(np.zeros(15_600, np.float32)).shape == (64, 96)
    silent = FeatureMaker(YAMNET, 16000).make(np.zeros(15_600, np.float32))
    assert silent == pytest.approx(np.full((96, 64), math.log(1e-3)), abs=1e-5)


@pytest.mark.parametrize("length", [1, 2, 100, 513])
def test_short_sounds_are_mirrored_at_their_edges(length: int) -> None:
    assert np.isfinite(FeatureMaker(LIBROSA, 16000).make(noise(length))).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"window_ms": 40.0}, "frames of 40 ms, 640 samples at 16000, in an FFT of 512"),
        ({"high_hz": 9000.0}, "nothing above 8000 Hz"),
        ({"low_hz": 7600.0}, "bands from 7600 to 7500"),
    ],
)
def test_settings_that_do_not_fit_together(changed: dict[str, float], said: str) -> None:
    with pytest.raises(ModelRefused, match=said):
        FeatureMaker(YAMNET.model_copy(update=changed), 16000, "planted")

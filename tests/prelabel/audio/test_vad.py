"""Speech on real sound, against an independent frame-by-frame computation; the segmenter by tables."""

from __future__ import annotations

import tempfile
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.audio.segments import SpeechRegion, stretches
from prelabel.audio.vad import VadModel, VadStream
from prelabel.checks.synthetic_voice import vowels
from prelabel.media.resample import Resampler
from prelabel.models.manifest import Speech
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests import needs
from tests.prelabel import graphs
from wire.capture import sample_time_us


def sound(name: str) -> tuple[np.ndarray, int]:
    with wave.open(str(needs.testdata(f"media/{name}"))) as source:
        assert source.getsampwidth() == 2
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        return samples[:: source.getnchannels()], source.getframerate()


def listen(model: VadModel, samples: np.ndarray, rate: int, block: int) -> tuple[VadStream, list[SpeechRegion]]:
    stream = VadStream(model, rate)
    for at in range(0, len(samples), block):
        stream.push(samples[at : at + block])
    return stream, stream.finish()


def frame_by_frame(model: VadModel, samples: np.ndarray) -> list[float]:
    """One session, one window of 64 + 512 samples after the other, nothing of ours around it."""
    session = onnxruntime.InferenceSession(str(model.package.path), providers=["CPUExecutionProvider"])
    state = np.zeros((2, 1, 128), np.float32)
    padded = np.concatenate([np.zeros(64, np.float32), samples])
    expected = []
    for at in range(0, len(samples), 512):
        window = padded[at : at + 576]
        window = np.concatenate([window, np.zeros(576 - len(window), np.float32)])[np.newaxis]
        out, state = session.run(None, {"input": window, "state": state, "sr": np.array(16000, np.int64)})
        expected.append(float(out[0, 0]))
    return expected


def test_probabilities_agree_with_a_frame_by_frame_computation(silero: VadModel) -> None:
    samples, rate = sound("silero_test_speech.wav")
    assert rate == 16000
    stream, _ = listen(silero, samples, rate, 1111)
    assert stream.probabilities == pytest.approx(frame_by_frame(silero, samples / np.float32(32768)), abs=1e-5)


def test_a_voice_made_of_formulas_is_heard_twice_and_noise_never(silero: VadModel) -> None:
    """Without any file: the same agreement, where the voice is, and no speech in hiss, hum or silence."""
    samples = vowels()
    stream, regions = listen(silero, samples, 16000, 999)
    assert stream.probabilities == pytest.approx(frame_by_frame(silero, samples), abs=1e-5)
    truth = [(0.5, 1.3), (1.9, 2.7)]
    assert len(regions) == 2
    for region, (start, end) in zip(regions, truth, strict=True):
        assert abs(region.start_us / 1e6 - start) < 0.15 and abs(region.end_us / 1e6 - end) < 0.2
    seconds = np.arange(4 * 16000) / 16000
    hiss = np.random.default_rng(5).normal(0, 0.1, len(seconds))
    hum = 0.3 * np.sin(2 * np.pi * 50 * seconds)
    for quiet in (hiss, hum, np.zeros_like(seconds)):
        assert listen(silero, quiet.astype(np.float32), 16000, 1600)[1] == []


def test_an_answer_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    model = VadModel(open_model(graphs.save_package(tmp_path / "own", graphs.vad(), toml)))
    with pytest.raises(ModelRefused, match="not finite"):
        VadStream(model, 16000).push(np.full(512, np.nan, np.float32))


def test_speech_is_found_and_ordered(silero: VadModel) -> None:
    samples, rate = sound("silero_test_speech.wav")
    _, regions = listen(silero, samples, rate, 1600)
    assert 10 <= len(regions) <= 30
    assert all(a.end_us <= b.start_us for a, b in pairwise(regions))
    assert regions[-1].end_us <= sample_time_us(len(samples), rate)
    assert all(0.4 < region.score <= 1 for region in regions)
    assert sum(region.end_us - region.start_us for region in regions) > 30_000_000


def test_noise_is_no_speech(silero: VadModel) -> None:
    samples, rate = sound("noise_freesound_573577.wav")
    assert rate == 48000
    stream, regions = listen(silero, samples, rate, 4800)
    assert regions == [] and not stream.speaking


def test_48_khz_gives_the_same_speech(silero: VadModel) -> None:
    samples, rate = sound("silero_test_speech.wav")
    seconds = samples[: 12 * rate]
    up = Resampler(16000, 48000)
    fast = np.concatenate([up.push((seconds / 32768).astype(np.float32)), up.finish()])
    slow_stream, slow = listen(silero, seconds, rate, 1600)
    fast_stream, regions = listen(silero, fast, 48000, 4800)
    assert np.abs(np.array(slow_stream.probabilities) - np.array(fast_stream.probabilities)).mean() < 0.02
    assert [(row.start_us, row.end_us) for row in regions] == [(row.start_us, row.end_us) for row in slow]


def test_int16_and_float_are_the_same(silero: VadModel) -> None:
    samples, rate = sound("silero_test_speech.wav")
    seconds = samples[: 4 * rate]
    whole, _ = listen(silero, seconds, rate, 1000)
    floats, _ = listen(silero, (seconds / 32768).astype(np.float32), rate, 777)
    assert whole.probabilities == floats.probabilities


def test_two_streams_of_one_model_do_not_mix(silero: VadModel) -> None:
    samples, rate = sound("silero_test_speech.wav")
    alone = VadStream(silero, rate)
    alone.push(samples[:32000])
    first, second = VadStream(silero, rate), VadStream(silero, rate)
    for at in range(0, 32000, 1600):
        first.push(samples[at : at + 1600])
        second.push(samples[160000 + at : 160000 + at + 1600])
    assert first.probabilities == alone.probabilities


def test_a_model_that_tells_the_mean_shows_windows_and_speaking() -> None:
    """The planted network says the mean of its window, so the sound itself sets the probability."""
    with tempfile.TemporaryDirectory() as folder:
        toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
        stream = VadStream(open_model(graphs.save_package(Path(folder) / "own", graphs.vad(), toml)), 16000)
    assert not stream.speaking and stream.probability == 0
    stream.push(np.full(512 * 20, 0.6, np.float32))
    assert stream.speaking and stream.probability == pytest.approx(0.6)
    stream.push(np.full(512, 0.4, np.float32))
    assert stream.speaking
    stream.push(np.full(512 * 10, 0.1, np.float32))
    assert not stream.speaking
    (region,) = stream.finish()
    assert (region.start_us, region.end_us) == (0, 21 * 32_000 + 30_000)
    assert region.score == pytest.approx((20 * 0.6 + 0.4) / 21)
    with pytest.raises(ValueError, match="finished"):
        stream.push(np.zeros(1, np.int16))
    with pytest.raises(ValueError, match="finished"):
        stream.finish()


def test_samples_of_another_shape_or_type(silero: VadModel) -> None:
    stream = VadStream(silero, 16000)
    with pytest.raises(ValueError, match="one dimension, not 2"):
        stream.push(np.zeros((4, 2), np.int16))
    with pytest.raises(ValueError, match="int16 or float, not int32"):
        stream.push(np.zeros(4, np.int32))  # type: ignore[arg-type]
    assert stream.finish() == []


# ---------------------------------------------------------------- the segmenter
PLAIN = Speech(min_speech_ms=0, min_silence_ms=0, pad_ms=0)


@pytest.mark.parametrize(
    ("probabilities", "speech", "expected"),
    [
        ([], Speech(), []),
        ([0.1] * 50, Speech(), []),
        ([0.9] * 50, Speech(), [(0, 25600)]),
        ([0.1, 0.9, 0.9, 0.1, 0.1], PLAIN, [(512, 1536)]),
        ([0.5, 0.34, 0.34], PLAIN, [(0, 512)]),  # on at 0.5 itself
        ([0.49] * 9, PLAIN, []),
        ([0.9, 0.4, 0.4, 0.9, 0.1, 0.1], PLAIN, [(0, 2048)]),  # between the two thresholds it goes on
        ([0.9] * 7 + [0.1] * 20, Speech(), []),  # 224 ms are too short
        ([0.9] * 9 + [0.1] * 20, Speech(pad_ms=0), [(0, 4608)]),
        ([0.9] * 9 + [0.1] * 3 + [0.9] * 9 + [0.1] * 9, Speech(pad_ms=0), [(0, 21 * 512)]),  # 96 ms of silence
        ([0.9] * 9 + [0.1] * 5 + [0.9] * 9 + [0.1] * 9, Speech(pad_ms=0), [(0, 4608), (14 * 512, 23 * 512)]),
        ([0.1] * 10 + [0.9] * 10 + [0.1] * 10, Speech(), [(5120 - 480, 10240 + 480)]),  # padded by 30 ms
        ([0.9] * 10 + [0.1] * 5, Speech(pad_ms=1000), [(0, 15 * 512)]),  # never past the recording
        ([0.9] * 9 + [0.1] * 5 + [0.9] * 9, Speech(pad_ms=500), [(0, 4608 + 1280), (14 * 512 - 1280, 23 * 512)]),
    ],
)
def test_stretches(probabilities: list[float], speech: Speech, expected: list[tuple[int, int]]) -> None:
    total = len(probabilities) * 512
    assert [(row.start, row.end) for row in stretches(probabilities, total, 512, 16000, speech)] == expected


@settings(max_examples=300)
@given(
    st.lists(st.floats(0, 1), max_size=120),
    st.integers(0, 511),
    st.integers(0, 400),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_stretches_are_inside_ordered_and_apart(
    probabilities: list[float], short: int, least: int, silence: int, pad: int
) -> None:
    total = max(0, len(probabilities) * 512 - short)
    rows = stretches(probabilities, total, 512, 16000, Speech(min_speech_ms=least, min_silence_ms=silence, pad_ms=pad))
    at = 0
    for row in rows:
        assert at <= row.start < row.end <= total
        assert 0 <= row.score <= 1
        assert max(probabilities[row.start // 512 : -(-row.end // 512)]) >= 0.5
        at = row.end

"""The audio half: on a planted network whose probability is the mean of its window, and on silero with real speech."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from prelabel.audio.vad import VadModel
from prelabel.models.package import open_model
from prelabel.redaction import policy as limits
from prelabel.redaction.audio import AudioRedactor
from prelabel.redaction.people_finder import RedactionFailed, RedactionUnavailable
from tests import needs
from tests.prelabel import graphs
from wire.redaction import MaskRecord
from wire.script import Redaction

RATE = 16_000
WINDOW = 512
MUTE = Redaction(speech="outside-prompts")
Prompts = bool | Sequence[tuple[int, int]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> VadModel:
    text = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    return VadModel(open_model(graphs.save_package(tmp_path_factory.mktemp("vad"), graphs.vad(), text)))


def run(
    model: VadModel,
    samples: np.ndarray,
    policy: Redaction = MUTE,
    prompted: Prompts = False,
    *,
    rate: int = RATE,
    block: int = 800,
    start_us: int = 0,
) -> tuple[np.ndarray, MaskRecord]:
    """All samples (n, channels) as they leave, checked to be complete, in order and at their stamps."""
    redactor = AudioRedactor(policy, model, rate, samples.shape[1], prompted)
    out = []
    stamps = []
    for at in range(0, len(samples), block):
        stamp = start_us + round(at * 1_000_000 / rate)
        stamps.append(stamp)
        out += redactor.push(samples[at : at + block], stamp)
    out += redactor.finish()
    assert [stamp for _, stamp in out] == stamps
    return np.concatenate([part for part, _ in out]), redactor.masked()


def levels(*parts: tuple[float, float]) -> np.ndarray:
    """(seconds, level 0..1) one after the other, as int16 of one channel: the planted network hears the level."""
    rows = [np.full(round(seconds * RATE), round(level * 32768), np.int16) for seconds, level in parts]
    return np.concatenate(rows)[:, np.newaxis]


def muted_by_hand(samples: np.ndarray, prompts: Sequence[tuple[int, int]], margin_seconds: float = 2.0) -> np.ndarray:
    """Which samples are to go, said sample by sample: the rule once more, without a ring."""
    mono = samples[:, 0] / 32768
    padded = np.concatenate([mono, np.zeros(-len(mono) % WINDOW)])
    speaking, speech = False, np.zeros(len(padded), bool)
    for number, mean in enumerate(padded.reshape(-1, WINDOW).mean(axis=1)):
        speaking = mean >= (limits.SPEECH_OFF if speaking else limits.SPEECH_ON)
        speech[number * WINDOW : (number + 1) * WINDOW] = speaking
    at = np.flatnonzero(speech)
    for one, other in pairwise(at):
        if other - one - 1 <= min(1.0, margin_seconds / 2) * RATE:
            speech[one:other] = True
    wide = int(0.2 * RATE)
    sums = np.cumsum(np.concatenate([[0], speech, np.zeros(wide)]))
    places = np.arange(len(mono))
    muted = sums[np.minimum(places + wide + 1, len(sums) - 1)] - sums[np.maximum(places - wide, 0)] > 0
    times = places * 1_000_000 / RATE
    for start, end in prompts:
        muted[(times >= start) & (times < end)] = False
    return muted


pieces = st.lists(
    st.tuples(st.floats(0.02, 1.6), st.sampled_from([0.0, 0.05, 0.12, 0.24, 0.3, 0.9])), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(
    parts=pieces,
    prompts=st.lists(st.tuples(st.integers(0, 6_000_000), st.integers(1, 2_000_000)), max_size=2),
    block=st.sampled_from([160, 800, 1111, 40_000]),
    margin=st.sampled_from([0.5, 1.0, 2.0]),
)
def test_speech_outside_prompts_is_exact_zeros_and_nothing_else_is(
    planted: VadModel, parts: list[tuple[float, float]], prompts: list[tuple[int, int]], block: int, margin: float
) -> None:
    samples = levels(*parts)
    windows = [(start, start + length) for start, length in prompts]
    policy = Redaction(speech="outside-prompts", margin_seconds=margin)
    out, record = run(planted, samples, policy, windows, block=block)
    expected = muted_by_hand(samples, windows, margin)
    assert (out[expected] == 0).all()
    assert record.samples_muted == expected.sum()
    # Beside it sound fades within 20 ms; further away it is untouched.
    places = np.flatnonzero(expected)
    away = np.full(len(out), len(out) + 1)
    if len(places):
        near = np.searchsorted(places, np.arange(len(out)))
        before = np.where(near > 0, np.arange(len(out)) - places[np.maximum(near - 1, 0)], len(out))
        after = np.where(near < len(places), places[np.minimum(near, len(places) - 1)] - np.arange(len(out)), len(out))
        away = np.minimum(before, after)
    fade = limits.FADE_US * RATE // 1_000_000
    assert (out[away > fade] == samples[away > fade]).all()
    assert (np.abs(out) <= np.abs(samples)).all()


def test_the_account_tells_the_stretches(planted: VadModel) -> None:
    samples = levels((1.024, 0.0), (0.512, 0.9), (4.096, 0.0), (0.256, 0.9), (0.7, 0.0))
    _, record = run(planted, samples)
    assert [(row.why, row.start_us, row.end_us) for row in record.regions] == [
        ("speech", 824_000, 1_736_000),
        ("speech", 5_432_000, 6_088_000),
    ]
    assert record.samples_muted == (912_000 + 656_000) * RATE // 1_000_000
    assert MaskRecord.read(record.to_json()) == record and record.frames == 0


def test_stamps_of_the_device_place_the_prompts(planted: VadModel) -> None:
    samples = levels((6.0, 0.9))
    out, _ = run(planted, samples, prompted=[(9_000_000_000, 9_001_000_000)], start_us=8_998_000_000)
    kept = np.flatnonzero(out[:, 0])
    assert kept[0] in range(2 * RATE, 2 * RATE + 20) and kept[-1] in range(3 * RATE - 20, 3 * RATE)


def test_speech_in_one_channel_mutes_all(planted: VadModel) -> None:
    loud = levels((1.0, 0.0), (0.5, 0.9), (1.0, 0.0))
    out, _ = run(planted, np.hstack([np.full_like(loud, 100), loud]))
    assert (out[RATE : RATE + RATE // 2] == 0).all() and (out[0] == [100, 0]).all()


@pytest.mark.parametrize("block", [800, 128])
def test_fades_are_slow_on_both_sides_wherever_blocks_end(planted: VadModel, block: int) -> None:
    """Small blocks leave in lots that end within the fades."""
    out, _ = run(planted, levels((2.0, 0.05), (0.5, 0.9), (4.0, 0.05)), block=block)
    silent = np.flatnonzero(out[:, 0] == 0)
    fall, rise = out[silent[0] - 320 : silent[0], 0].astype(int), out[silent[-1] + 1 : silent[-1] + 321, 0].astype(int)
    for fade in (rise, fall[::-1]):
        assert (np.diff(fade) >= 0).all() and fade[0] < 10 and fade[-1] > 1600 and np.diff(fade).max() < 20


def test_noise_has_one_level_and_knows_nothing_of_what_it_replaces(planted: VadModel) -> None:
    rng = np.random.default_rng(5)
    loud = (rng.normal(0.5, 0.12, 4 * RATE).clip(-1, 0.99) * 32768).astype(np.int16)[:, np.newaxis]
    soft = levels((4.0, 0.3))
    policy = Redaction(speech="outside-prompts", sound="noise")
    spectra = []
    for samples in (loud, soft):
        out, record = run(planted, samples, policy)
        assert record.samples_muted == len(out)
        sound = out[:, 0] / 32768
        assert 20 * np.log10(np.sqrt(np.mean(sound**2))) == pytest.approx(limits.NOISE_DBFS, abs=0.5)
        assert abs(np.corrcoef(sound, samples[:, 0] + rng.normal(0, 1, len(sound)))[0, 1]) < 0.02
        power = np.abs(np.fft.rfft(sound)) ** 2
        hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
        inside = power[(hertz > 190) & (hertz < 4010)].sum() / power.sum()
        assert inside > 0.99
        spectra.append(sound)
    assert abs(np.corrcoef(*spectra)[0, 1]) < 0.02


def test_wide_samples_keep_their_bits(planted: VadModel) -> None:
    narrow = levels((3.0, 0.05), (0.4, 0.9), (3.0, 0.05))
    wide = narrow.astype(np.int32) * 65536 + 777
    out, record = run(planted, wide)
    assert out.dtype == np.int32 and (out[RATE] == wide[RATE]).all() and (out[int(3.2 * RATE)] == 0).all()
    assert record.samples_muted == run(planted, narrow)[1].samples_muted


# ---------------------------------------------------------------- passing, waiting, failing
def test_a_prompted_recording_passes_at_once(planted: VadModel) -> None:
    for policy, prompted in ((MUTE, True), (Redaction(faces="everyone"), False)):
        redactor = AudioRedactor(policy, planted, RATE, 1, prompted)
        samples = levels((0.1, 0.9))
        ((out, stamp),) = redactor.push(samples, 42)
        assert stamp == 42 and (out == samples).all() and redactor.finish() == []


def test_samples_wait_for_their_margin(planted: VadModel) -> None:
    redactor = AudioRedactor(MUTE, planted, RATE, 1, False)
    left = []
    for number in range(100):
        left += redactor.push(np.zeros((800, 1), np.int16), number * 50_000)
        for _, stamp in left[-1:]:
            assert (number + 1) * 50_000 - stamp >= 2_000_000
    assert 55 <= len(left) <= 60


def test_without_a_model_nothing_begins() -> None:
    with pytest.raises(RedactionUnavailable, match="no voice activity model"):
        AudioRedactor(MUTE, None, RATE, 1, False)  # type: ignore[arg-type]


def test_a_probability_that_is_no_number_lets_nothing_out(tmp_path: Path) -> None:
    """The logarithm of 0.6 - 0.9 is none: the network answers to a loud window, and its answer says nothing."""
    model = graphs.vad()
    model.graph.node[1].output[0] = "mean"
    model.graph.initializer.append(numpy_helper.from_array(np.array(0.6, np.float32), "most"))
    for kind, inputs, output in (
        ("Sub", ["most", "mean"], "rest"),
        ("Log", ["rest"], "log"),
        ("Exp", ["log"], "output"),
    ):
        model.graph.node.append(onnx.helper.make_node(kind, inputs, [output]))
    text = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    broken = VadModel(open_model(graphs.save_package(tmp_path / "vad", model, text)))
    redactor = AudioRedactor(MUTE, broken, RATE, 1, False)
    assert redactor.push(levels((1.5, 0.0)), 0) == []
    with pytest.raises(RedactionFailed, match="finite"):
        redactor.push(levels((0.5, 0.9)), 1_500_000)
    with pytest.raises(RedactionFailed):
        redactor.finish()
    assert redactor.masked().samples_muted == 0


def test_missing_samples_end_a_live_recording_and_mute_around_a_short_gap(planted: VadModel) -> None:
    redactor = AudioRedactor(MUTE, planted, RATE, 1, False)
    redactor.push(levels((1.0, 0.05)), 0)
    with pytest.raises(RedactionFailed, match=r"gap of 4\.0 s"):
        redactor.push(levels((1.0, 0.05)), 5_000_000)
    redactor = AudioRedactor(MUTE, planted, RATE, 1, False)
    out = redactor.push(levels((1.0, 0.05)), 0) + redactor.push(levels((1.0, 0.05)), 1_300_000) + redactor.finish()
    silent = np.flatnonzero(np.concatenate([part for part, _ in out])[:, 0] == 0)
    assert (silent[0], silent[-1] + 1) == pytest.approx((0.8 * RATE, 1.2 * RATE), abs=4)


@pytest.mark.parametrize("block", [np.zeros((5, 2), np.int16), np.zeros(5, np.int16), np.zeros((5, 1), np.float32)])
def test_another_shape_is_refused(planted: VadModel, block: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int16"):
        AudioRedactor(MUTE, planted, RATE, 1, False).push(block, 0)


# ---------------------------------------------------------------- real speech
def sound(name: str) -> tuple[np.ndarray, int]:
    with wave.open(str(needs.testdata(f"media/{name}"))) as source:
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        return samples.reshape(-1, source.getnchannels()), source.getframerate()


def test_real_speech_is_gone_wherever_the_model_hears_it(silero: VadModel) -> None:
    """Every window an independent run of silero calls speech at its own 0.5 is exact zeros afterwards."""
    samples, rate = sound("silero_test_speech.wav")
    out, record = run(silero, samples[:, :1], rate=rate)
    session = onnxruntime.InferenceSession(str(silero.package.path), providers=["CPUExecutionProvider"])
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32)
    speech = 0
    for at in range(0, len(samples) - WINDOW, WINDOW):
        window = np.concatenate([context, samples[at : at + WINDOW, 0] / np.float32(32768)])
        context = window[-64:]
        feeds = {"input": window[np.newaxis], "state": state, "sr": np.array(rate, np.int64)}
        probability, state = session.run(None, feeds)
        if probability[0, 0] >= 0.5:
            speech += 1
            low, high = max(0, at - int(0.19 * rate)), at + WINDOW + int(0.19 * rate)
            assert (out[low:high] == 0).all()
    assert speech > 500 and {row.why for row in record.regions} == {"speech"}


def test_a_prompted_answer_in_real_speech_is_kept_bit_for_bit(silero: VadModel) -> None:
    samples, rate = sound("silero_test_speech.wav")
    samples = samples[: 20 * rate, :1]
    out, _ = run(silero, samples, prompted=[(5_000_000, 9_000_000)], rate=rate)
    assert (out[int(5.03 * rate) : int(8.97 * rate)] == samples[int(5.03 * rate) : int(8.97 * rate)]).all()
    assert (out[: 4 * rate] != samples[: 4 * rate]).any() and np.abs(samples[5 * rate : 9 * rate]).max() > 1000


def test_noise_without_speech_stays(silero: VadModel) -> None:
    samples, rate = sound("noise_freesound_573577.wav")
    out, record = run(silero, samples, rate=rate, block=4800)
    assert record.samples_muted < 0.05 * len(samples)
    if not record.samples_muted:
        assert (out == samples).all()

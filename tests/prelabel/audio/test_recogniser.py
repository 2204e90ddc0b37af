"""Speech to text on planted networks that read their tokens out of the samples."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.audio.ctc import PAUSE_US, SpokenWord
from prelabel.audio.recogniser import Recogniser, RecogniserStream
from prelabel.audio.segments import SpeechRegion
from prelabel.audio.utterances import Utterance, utterances
from prelabel.audio.vad import VadModel
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs
from tests.prelabel.audio import planted
from tests.prelabel.audio.planted import ALPHABET, TOKENS, spelled

SILENT = [0] * 10


def model(folder: Path, extra: str = "", length: int | str = "n", *, lengths: bool = False) -> Recogniser:
    graph = planted.ctc(TOKENS, length, lengths=lengths)
    return Recogniser(planted.recogniser(folder, graph, ALPHABET, extra, lengths=lengths))


def hear(model: Recogniser, samples: np.ndarray, rate: int = 16000, block: int = 4000) -> list[Utterance]:
    stream = RecogniserStream(model, rate)
    for at in range(0, len(samples), block):
        stream.push(samples[at : at + block])
    return stream.finish()


def told(found: list[Utterance]) -> list[str]:
    return [" ".join(word.text for word in row.words) for row in found]


def test_words_and_their_times(tmp_path: Path) -> None:
    rows = [*SILENT, *spelled("abc"), 1, *spelled("de"), *[0] * 60, *spelled("fa")]
    first, second = hear(model(tmp_path / "m"), planted.sound_of(rows, TOKENS))
    assert told([first, second]) == ["abc de", "fa"]
    starts = [(word.start_us // 1000, word.end_us // 1000) for word in (*first.words, *second.words)]
    assert starts == [(200, 360), (400, 500), (1720, 1820)]
    assert (first.start_us, first.end_us) == (200_000, 500_000)
    assert first.score > 0.99


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("length", ["n", 32_000])
def test_fixed_windows_are_filled_up_and_the_filling_says_nothing(
    tmp_path: Path, length: int | str, lengths: bool
) -> None:
    recogniser = model(tmp_path / "m", length=length, lengths=lengths)
    assert told(hear(recogniser, planted.sound_of([0, *spelled("hi")], TOKENS))) == ["hi"]
    assert recogniser.words(np.zeros(0, np.float32)) == []


def test_48_khz_is_heard_alike(tmp_path: Path) -> None:
    # Two rows a letter, so that the resampler's edges leave every row a clean middle.
    rows = [*SILENT, *spelled("af"), 1, *spelled("c")]
    fast = hear(model(tmp_path / "m"), planted.sound_of(rows, TOKENS, planted.ROW * 3), rate=48000)
    slow = hear(model(tmp_path / "n"), planted.sound_of(rows, TOKENS))
    assert told(fast) == told(slow) == ["af c"]
    assert [(w.start_us, w.end_us) for w in fast[0].words] == [(w.start_us, w.end_us) for w in slow[0].words]


def test_long_recordings_are_cut_where_it_is_quiet(tmp_path: Path) -> None:
    """70 s with a second of silence every 6 s or so: no word is cut, none is lost, blocks make no difference."""
    words = ["".join(np.random.default_rng(n).choice(list("abcdefghij"), 5)) for n in range(60)]
    rows: list[int] = []
    for number, word in enumerate(words):
        rows += [*spelled(word), 1, *([0] * 50 if number % 5 == 4 else [0] * 8)]
    sound = planted.sound_of(rows, TOKENS)
    recogniser = model(tmp_path / "m", "[audio]\nwindow_ms = 12000\n")
    assert recogniser.piece == 192_000 and len(sound) > 3 * recogniser.piece
    found = hear(recogniser, sound)
    assert " ".join(told(found)).split() == words
    assert [len(row.words) for row in found] == [5] * 12
    assert told(hear(recogniser, sound, block=len(sound))) == told(found)


def test_without_a_quiet_moment_it_is_cut_all_the_same(tmp_path: Path) -> None:
    """Sound without a pause: pieces stay within the window, and only the words at the seams may suffer."""
    rows = [row for _ in range(120) for row in (*spelled("abcde"), 1)]
    recogniser = model(tmp_path / "m", length=32_000)
    said = [word for row in hear(recogniser, planted.sound_of(rows, TOKENS)) for word in row.words]
    seams = len(rows) * planted.ROW / 32_000 * 2
    assert [word.text for word in said].count("abcde") > 120 - 2 * seams
    assert all(b.start_us >= a.end_us for a, b in pairwise(said))


def test_the_voice_models_regions_hold_the_words(tmp_path: Path) -> None:
    """The planted voice model says the mean of its window, so louder tokens are speech and silence is none."""
    toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"], "[speech]\nmin_speech_ms = 60\n")
    voice = VadModel(open_model(graphs.save_package(tmp_path / "vad", graphs.vad(), toml)))
    loud = ["r"] * 12
    rows = [*[0] * 30, *(ALPHABET.index(x) for x in loud), *[0] * 50, *[ALPHABET.index("q")] * 12, *[0] * 30]
    sound = planted.sound_of(rows, TOKENS)
    stream = RecogniserStream(model(tmp_path / "m"), 16000, voice)
    stream.push(sound)
    found = stream.finish()
    assert told(found) == ["r", "q"]
    silent = RecogniserStream(model(tmp_path / "n"), 16000, voice, write=False)
    silent.push(sound)
    unwritten = silent.finish()
    assert [(row.start_us, row.end_us) for row in unwritten] == [(row.start_us, row.end_us) for row in found]
    assert all(row.words == () for row in unwritten)


def test_pieces_in_which_nobody_speaks_are_not_run(tmp_path: Path) -> None:
    """Tokens too quiet for the voice model are not read at all, though the network would."""
    toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    voice = VadModel(open_model(graphs.save_package(tmp_path / "vad", graphs.vad(), toml)))
    sound = planted.sound_of([0, *spelled("abc"), 0], TOKENS)
    recogniser = model(tmp_path / "m")
    assert told(hear(recogniser, sound)) == ["abc"]
    stream = RecogniserStream(recogniser, 16000, voice)
    stream.push(sound)
    assert stream.finish() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"alphabet": ALPHABET[:-1]}, r"tokens of shape \[1, 100, 20\]; its alphabet has 19"),
        ({"extra": "", "frame": 40}, r"rows of 40 ms for 4\.00 s where it was given 2\.00 s"),
        ({"blank": 20}, "20 tokens, its blank is number 20"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    alphabet = change.get("alphabet", ALPHABET)
    decode = (
        f"[decode]\nalphabet = {alphabet}\nblank = {change.get('blank', 0)}\nframe_ms = {change.get('frame', 20)}\n"
    ).replace("'", '"')
    with pytest.raises(ModelRefused, match=said):
        Recogniser(planted.package(tmp_path / "m", planted.ctc(TOKENS), "ctc", [], decode))


def test_another_family_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="not a speech recogniser"):
        Recogniser(planted.package(tmp_path / "m", planted.scorer((1, 1600), 1), "tagging", ["tap"]))


# ---------------------------------------------------------------- words and regions
def word(text: str, start: int, end: int) -> SpokenWord:
    return SpokenWord(text, start * 1000, end * 1000, 0.8)


def test_words_go_to_the_region_they_lie_in() -> None:
    regions = [
        SpeechRegion(1_000_000, 2_000_000, 0.9),
        SpeechRegion(3_000_000, 4_000_000, 0.6),
        SpeechRegion(8_000_000, 9_000_000, 0.7),
    ]
    words = [word("a", 900, 1200), word("b", 1900, 2100), word("c", 3100, 3300), word("far", 6000, 6300)]
    found = utterances(words, regions)
    assert [(row.start_us // 1000, row.end_us // 1000) for row in found] == [
        (900, 2100), (3000, 4000), (6000, 6300), (8000, 9000),
    ]  # fmt: skip
    assert told(found) == ["a b", "c", "far", ""]
    assert found[3].score == 0.7


@st.composite
def timelines(draw: st.DrawFn, most: int) -> list[tuple[int, int]]:
    steps = draw(st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(1, 1_500_000)), max_size=most))
    rows, at = [], 0
    for gap, length in steps:
        rows.append((at + gap, at + gap + length))
        at += gap + length
    return rows


@given(timelines(12), st.none() | timelines(6))
def test_no_word_is_lost_and_nothing_overlaps(
    spans: list[tuple[int, int]], around: list[tuple[int, int]] | None
) -> None:
    words = [SpokenWord(str(n), start, end, 0.5) for n, (start, end) in enumerate(spans)]
    regions = None if around is None else [SpeechRegion(start, end, 0.9) for start, end in around]
    found = utterances(words, regions)
    assert [held.text for row in found for held in row.words] == [str(n) for n in range(len(words))]
    assert all(row.start_us < row.end_us for row in found)
    assert all(a.end_us <= b.start_us for a, b in pairwise(found))
    for row in found:
        assert all(row.start_us <= held.start_us < held.end_us <= row.end_us for held in row.words)
    for region in regions or ():
        assert any(row.start_us <= region.start_us and row.end_us >= region.end_us for row in found)
    if regions is None:
        assert all(b.start_us - a.end_us > PAUSE_US for a, b in pairwise(found))

"""Any audio model behind one interface: labels of samples, of files, and what is and is not written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from prelabel.audio.models import Transcriber, label_sound, open_sound_model
from prelabel.audio.vad import VadModel
from prelabel.labelling.one_file import ModelUnsuited, label_file
from prelabel.media.sound_files import SoundCut
from prelabel.models.catalogue import ModelUnavailable
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage, open_model
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.audio import planted
from tests.prelabel.audio.planted import ALPHABET, TOKENS, spelled
from tests.support.recordings import write_video
from tests.support.sounds import video, write_wav
from wire.labels import Interval, Label, LabelsDocument, Text

WER = 'language = "en"\nexpected_word_error_rate = 0.1\n'


def voice(folder: Path) -> ModelPackage:
    toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"], "[speech]\nmin_speech_ms = 60\npad_ms = 0\n")
    return open_model(graphs.save_package(folder, graphs.vad(), toml))


def tagging(folder: Path) -> ModelPackage:
    extra = "[audio]\nwindow_ms = 100\nhop_ms = 100\n[decode]\ngap_ms = 0\n"
    return planted.package(folder, planted.scorer((1, "n"), 2), "tagging", ["tap", "kettle"], extra)


def keyword(folder: Path) -> ModelPackage:
    extra = "[audio]\nwindow_ms = 100\nhop_ms = 100\n[decode]\npatience = 1\n"
    return planted.package(folder, planted.scorer((1, "n"), 1), "keyword", ["gleaner"], extra)


def recogniser(folder: Path, decode: str = WER) -> ModelPackage:
    return planted.recogniser(folder, planted.ctc(TOKENS), ALPHABET, decode)


FAMILIES = {"vad": voice, "tagging": tagging, "keyword": keyword, "ctc": recogniser}
SOUND = np.concatenate([np.zeros(4800), np.full(16_000, 0.75), np.zeros(11_200)]).astype(np.float32)


def intervals(labels: list[Label]) -> list[Interval]:
    assert all(isinstance(label, Interval) for label in labels)
    return [label for label in labels if isinstance(label, Interval)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_and_its_samples_and_any_blocks_give_the_same(tmp_path: Path, family: str) -> None:
    model = open_sound_model(FAMILIES[family](tmp_path / "m"))
    assert model.source == model.package.source and model.package.family == family
    whole = intervals(model.labels(SOUND, 16_000, "Hello."))
    assert whole and whole[0].start_us >= 280_000 and whole[-1].end_us <= 1_340_000
    stream = model.listen(16_000, "Hello.")
    for at in range(0, len(SOUND), 777):
        stream.push(SOUND[at : at + 777])
    assert stream.finish() == whole
    told: list[tuple[int, int | None]] = []
    path = write_wav(tmp_path / "a.wav", SOUND, width=4)
    assert label_sound(path, model, "Hello.", lambda done, total: told.append((done, total))) == whole
    assert told == sorted(told) and told[-1] == (2_000_000, 2_000_000)
    assert model.labels(np.zeros(0, np.float32), 16_000) == []


EARLY = np.concatenate([np.full(8000, 0.7), np.zeros(24_000)]).astype(np.float32)
LATE = np.concatenate([np.zeros(20_000), np.full(8000, 0.7), np.zeros(4000)]).astype(np.float32)
SILENT = np.zeros(32_000, np.float32)


@pytest.mark.parametrize(
    ("channels", "spoken"),
    [
        ([EARLY, EARLY], [EARLY]),
        ([EARLY, -EARLY], [EARLY]),
        ([-LATE, LATE, SILENT], [LATE]),
        ([SILENT, SILENT, SILENT, LATE, SILENT, SILENT], [LATE]),
        ([EARLY, LATE], [EARLY, LATE]),  # the same silence, later another one speaks
    ],
)
def test_speech_is_found_in_every_channel(tmp_path: Path, channels: list[np.ndarray], spoken: list[np.ndarray]) -> None:
    model = open_sound_model(voice(tmp_path / "m"))
    wanted = [(row.start_us, row.end_us) for one in spoken for row in intervals(model.labels(one, 16_000))]
    found = intervals(label_sound(write_wav(tmp_path / "a.wav", np.stack(channels, axis=1)), model))
    assert [(row.start_us, row.end_us) for row in found] == wanted and len(wanted) == len(spoken)
    assert all(row.score == pytest.approx(0.7, abs=0.05) for row in found)


@pytest.mark.parametrize("family", ["tagging", "keyword", "ctc"])
def test_opposite_channels_do_not_cancel_out(tmp_path: Path, family: str) -> None:
    model = open_sound_model(FAMILIES[family](tmp_path / "m"))
    whole = label_sound(write_wav(tmp_path / "mono.wav", SOUND), model)
    opposite = write_wav(tmp_path / "stereo.wav", np.stack([SOUND, -SOUND], axis=1))
    assert label_sound(opposite, model) == whole != []


def test_the_sound_of_a_video_is_labelled(tmp_path: Path) -> None:
    """A model that only listens hears a video; a video without sound, and a model that sees, stay what they are."""
    model = str(voice(tmp_path / "m").path.parent)
    path = video(tmp_path / "talk.mkv", offset=0)
    done = label_file({"path": str(path), "model": model})
    assert done["media"]["medium"] == "audio"
    assert done["document"]["labels"] == [
        row.to_json() for row in label_sound(path, open_sound_model(open_model(model)))
    ]
    silent = tmp_path / "silent.mp4"
    write_video(silent, [np.zeros((48, 64, 3), np.uint8)], codec="mpeg4")
    with pytest.raises(ModelUnsuited, match=r"silent\.mp4 is a video without sound"):
        label_file({"path": str(silent), "model": model})


@pytest.mark.parametrize("half", [False, True])
def test_a_voice_model_of_another_form_is_read_and_its_word_is_used(tmp_path: Path, half: bool) -> None:
    """Official exports leave the sample rate out, or take half floats."""
    graph = graphs.vad()
    del graph.graph.input[2]
    if half:
        for row in (*graph.graph.input, *graph.graph.output):
            row.type.tensor_type.elem_type = TensorProto.FLOAT16
    inputs = {"audio": "input", "state": "state"}
    text = graphs.manifest("vad", inputs, graphs.VAD_IO[1], ["voz"], "[speech]\nmin_speech_ms = 60\npad_ms = 0\n")
    model = open_sound_model(open_model(graphs.save_package(tmp_path / "m", graph, text)))
    (row,) = intervals(model.labels(SOUND, 16_000))
    (usual,) = intervals(open_sound_model(voice(tmp_path / "usual")).labels(SOUND, 16_000))
    assert (row.label, row.start_us, row.end_us) == ("voz", usual.start_us, usual.end_us)


def test_every_region_has_its_part_of_the_prompt(tmp_path: Path) -> None:
    sound = np.concatenate([SOUND, SOUND])
    found = intervals(open_sound_model(voice(tmp_path / "m")).labels(sound, 16_000, "Hello kitchen. Turn it on."))
    assert [(row.expected, row.text, row.label) for row in found] == [
        ("Hello kitchen.", None, "speech"), ("Turn it on.", None, "speech"),
    ]  # fmt: skip


def test_tags_and_keywords_expect_nothing(tmp_path: Path) -> None:
    for family in (tagging, keyword):
        found = intervals(open_sound_model(family(tmp_path / family.__name__)).labels(SOUND, 16_000, "Hello."))
        assert found and all(row.expected is None and row.text is None for row in found)
        assert [row.id for row in found] == [f"e{n}" for n in range(1, len(found) + 1)]


def test_a_transcript_is_filled_in_where_it_may_be(tmp_path: Path) -> None:
    sound = planted.sound_of([0] * 20 + spelled("ab") + [1] + spelled("cd") + [0] * 20, TOKENS)
    model = open_sound_model(recogniser(tmp_path / "m"), language="en-GB")
    assert isinstance(model, Transcriber) and model.prefill.allowed
    (row,) = intervals(model.labels(sound, 16_000, "Say a, b."))
    assert (row.text, row.expected, row.source, row.label) == ("ab cd", "Say a, b.", None, "speech")
    assert row.words is not None and [(word.text, word.start_us) for word in row.words] == [
        ("ab", 400_000), ("cd", 540_000),
    ]  # fmt: skip
    assert row.score is not None and row.score > 0.99


@pytest.mark.parametrize(
    ("decode", "language", "measured"),
    [("", None, None), (WER, "de", None), (WER, "en", 0.5), ('language = "en"\n', "en", None)],
)
def test_elsewhere_it_is_a_region_without_text(
    tmp_path: Path, decode: str, language: str | None, measured: float | None
) -> None:
    sound = planted.sound_of([0] * 20 + spelled("ab") + [0] * 20, TOKENS)
    model = open_sound_model(recogniser(tmp_path / "m", decode), language=language, measured=measured)
    (row,) = intervals(model.labels(sound, 16_000, "Say it."))
    assert (row.start_us, row.end_us) == (400_000, 500_000)
    assert row.text is None and row.words is None and row.expected == "Say it."


def test_regions_in_which_no_word_was_read_are_the_voice_models(tmp_path: Path) -> None:
    """The second region is loud enough to be speech, and what the recogniser reads there writes nothing."""
    speech = VadModel(voice(tmp_path / "vad"))
    rows = [0] * 30 + [ALPHABET.index("r")] * 12 + [0] * 60
    quiet = planted.sound_of(rows, TOKENS)
    loud = np.concatenate([quiet, np.full(planted.ROW * 12, 0.6, np.float32), np.zeros(planted.ROW * 30, np.float32)])
    package = recogniser(tmp_path / "m")
    blank_there = planted.recogniser(
        tmp_path / "n", planted.ctc(TOKENS), [*ALPHABET[:12], "<unk>", *ALPHABET[13:]], WER
    )
    model = open_sound_model(blank_there, speech=speech)
    first, second = intervals(model.labels(loud, 16_000))
    assert (first.text, first.source) == ("r", None)
    assert (second.text, second.source) == (None, speech.source)
    withheld = open_sound_model(package, speech=speech, measured=0.5)
    unwritten = intervals(withheld.labels(loud, 16_000))
    assert [row.source for row in unwritten] == [speech.source] * 2
    assert [row.text for row in unwritten] == [None, None]


def test_the_sound_of_a_video_lies_on_the_videos_clock(tmp_path: Path) -> None:
    package = planted.package(
        tmp_path / "m", planted.scorer((1, "n"), 1), "tagging", ["hum"],
        "[audio]\nwindow_ms = 100\nhop_ms = 100\n[thresholds]\nscore = 0.2\n",
    )  # fmt: skip
    (row,) = intervals(label_sound(video(tmp_path / "a.mkv", offset=3200), open_sound_model(package)))
    assert (row.start_us, row.end_us) == (200_000, 1_200_000)


def test_a_cut_file_is_an_error_and_no_labels(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", SOUND)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(SoundCut):
        label_sound(path, open_sound_model(voice(tmp_path / "m")))


def test_a_model_that_does_not_listen(tmp_path: Path) -> None:
    rows = graphs.yolox_rows(64, 64, 2)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["a", "b"], "[input]\nsize = [64, 64]\n")
    package = open_model(graphs.save_package(tmp_path / "m", graphs.yolox(64, 64, rows), toml))
    with pytest.raises(ModelRefused, match="family yolox, which does not listen"):
        open_sound_model(package)


def test_the_catalogues_model_on_real_files() -> None:
    """What issue 3 asks to be shown: speech is found, noise is none, read from the files themselves."""
    speech, noise = (needs.testdata(f"media/{name}.wav") for name in ("silero_test_speech", "noise_freesound_573577"))
    try:
        model = open_sound_model(open_model("silero-vad"))
    except ModelUnavailable as error:
        needs.need(False, str(error))
        raise
    assert label_sound(noise, model) == []
    assert len(label_sound(speech, model)) >= 10


@pytest.mark.parametrize(("language", "said"), [("en-GB", ["ab cd"]), ("de", [])])
def test_a_spoken_answer_is_one_text_where_it_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, said: list[str]
) -> None:
    """The worker function of files and of the collector's runs, on an answer that was spoken."""
    # A machine without a voice activity model: that one would hear that these tones are no speech.
    monkeypatch.setenv("GLEANER_MODELS", "")
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "cache"))
    recogniser(tmp_path / "m")
    sound = planted.sound_of([0] * 20 + spelled("ab") + [1] + spelled("cd") + [0] * 20, TOKENS)
    path = write_wav(tmp_path / "a.wav", sound)
    asked = {"path": str(path), "model": str(tmp_path / "m"), "language": language}
    labels = LabelsDocument.read(label_file({**asked, "answer": True})["document"]).labels
    texts = [label for label in labels if isinstance(label, Text)]
    assert [(label.label, label.text, label.language) for label in texts] == [
        ("answer", text, language) for text in said
    ]
    assert not [row for row in LabelsDocument.read(label_file(asked)["document"]).labels if isinstance(row, Text)]

"""Models of one's own at work in a take: what each finds is a document of the capture under its own name."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from device_agent.labelling import labeller
from device_agent.labelling.labeller import ModelFailed, ModelStuck
from device_agent.labelling.models import Models, ModelsAlike, NamedModels
from device_agent.sensors.base import AudioBlock
from device_agent.uplink.pairing import save
from prelabel.audio.models import SoundModel
from prelabel.audio.recogniser import RecogniserStream
from prelabel.audio.vad import VadStream
from prelabel.image.detector import Detector
from prelabel.models.package import ModelPackage
from tests import needs
from tests.device_agent import planted as seen
from tests.device_agent.masked_agent import CREDENTIALS
from tests.prelabel import graphs
from tests.prelabel.audio import planted
from tests.prelabel.audio.planted import ALPHABET, TOKENS, spelled
from tests.prelabel.image.plants import INPUT
from tests.support.take_bench import Bench
from wire.labels import Interval, Label, LabelsDocument, Text
from wire.session import TakeRecord

RATE = 16_000
BODY = (8.0, 6.0, 24.0, 36.0)
VOICE = "[speech]\non = 0.1\noff = 0.05\nmin_speech_ms = 60\npad_ms = 0\n"
WRITES = 'expected_word_error_rate = {}\nlanguage = "{}"\n'


def named(package: ModelPackage | Path, name: str) -> str:
    """The package's folder, its model under a name of its own."""
    folder = package if isinstance(package, Path) else package.path.parent
    toml = folder / "model.toml"
    toml.write_text(toml.read_text().replace('name = "planted"', f'name = "{name}"'))
    return str(folder)


def detector(folder: Path) -> str:
    seen.people(folder, (32, 24), BODY)
    return named(folder / "people", "walker")


def voice(folder: Path) -> str:
    toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"], VOICE)
    return named(graphs.save_package(folder / "voice", graphs.vad(), toml), "voice")


def recogniser(folder: Path, rate: float = 0.1, language: str = "en") -> str:
    decode = WRITES.format(rate, language)
    return named(planted.recogniser(folder / "ctc", planted.ctc(TOKENS), ALPHABET, decode), "writer")


def tagger(folder: Path, name: str = "taps") -> str:
    extra = "[audio]\nwindow_ms = 100\nhop_ms = 100\n[decode]\ngap_ms = 0\n[thresholds]\nscore = 0.1\n"
    made = planted.package(folder / name, planted.scorer((1, "n"), 2), "tagging", ["tap", "kettle"], extra)
    return named(made, name)


def rooms(folder: Path) -> str:
    toml = graphs.manifest("classification", {"image": "image"}, {"scores": "s"}, ["kitchen", "hall"], INPUT)
    model = graphs.constant({"s": np.array([[0.9, 0.1]], np.float32)}, (1, 3, 32, 32))
    return named(graphs.save_package(folder / "rooms", model, toml), "rooms")


def opened(folder: Path, *sounds: str, stills: tuple[str, ...] | None = None) -> Models:
    """Nothing of the catalogue: every kind of work has a model of one's own."""
    video = detector(folder)
    return Models.open(NamedModels(video, stills or (video,), (voice(folder), *sounds)), language="en-GB")


def say(bench: Bench, text: str) -> None:
    samples = np.concatenate([np.zeros(4800), planted.sound_of(spelled(text), TOKENS), np.zeros(8000)])
    levels = (samples * 32767).astype(np.int16)
    for at in range(0, len(levels), 1600):
        bench.audio.deliver(AudioBlock(at, 1_000_000 + at * 1_000_000 // RATE, levels[at : at + 1600, None], False))


def documents(bench: Bench, record: TakeRecord) -> dict[str, LabelsDocument]:
    capture = record.captures[0].capture
    row = next(row for row in bench.spool.pending() if row.header.capture == capture)
    assert row.manifest is not None
    found = [part.name for part in bench.manifests()[row.header.medium].parts if part.name.startswith("labels:")]
    return {
        name.removeprefix("labels:"): LabelsDocument.read(bench.spool.read(capture, name, 0, 1 << 20)) for name in found
    }


def heard(bench: Bench, kind: str, models: Models, text: str = "oil") -> dict[str, LabelsDocument]:
    bench.labeller.models = models
    record = bench.open(kind, "audio")
    say(bench, text)
    bench.maker.close(None)
    assert not bench.mentions, bench.mentions
    return documents(bench, record)


def test_a_detector_is_followed_on_video_and_classes_are_chosen_on_stills(tmp_path: Path, bench: Bench) -> None:
    bench.labeller.models = opened(tmp_path, stills=(rooms(tmp_path), detector(tmp_path / "again")))
    record = bench.open("do", "video")
    bench.film_to_be_seen(8)
    bench.maker.close(None)
    (found,) = documents(bench, record).values()
    assert (found.source.name, [(label.kind, label.label) for label in found.labels]) == (
        "walker",
        [("track", "person")],
    )
    settings = found.settings[found.source.settings or ""]
    assert (settings["max_looks_per_second"], settings["looked_at"], settings["words"]) == (5.0, [32, 24], None)
    found.check_settings()
    record = bench.open("show", "image", attempt=2)
    bench.video.deliver(bench.camera.frame())
    bench.maker.close(None)
    still = documents(bench, record)
    assert [(label.kind, label.label) for label in still["rooms"].labels] == [("choice", "kitchen")]
    assert set(still) == {"rooms", "walker"}
    assert still["walker"].source.package == found.source.package, "one package"
    assert still["walker"].source.settings != found.source.settings, "a still is looked at once, and whole"


def test_each_document_says_since_when_and_how_long_its_model_computed(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time in which the take went on and nothing was computed does not count."""
    pause = 0.02

    def slowed(kind: type, name: str) -> None:
        plain = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda self, *given: (time.sleep(pause), plain(self, *given))[1])

    def computed_ms(document: LabelsDocument, most: float) -> int:
        made = document.inference
        assert made is not None and document.schema_number == 3
        assert before <= made.began_at and made.computed_ms <= most + 1
        return made.computed_ms

    slowed(Detector, "detect")
    slowed(VadStream, "push")
    models = opened(tmp_path, tagger(tmp_path))
    before, began = datetime.now(UTC), time.monotonic()
    found = heard(bench, "say", models)
    took = 1000 * (time.monotonic() - began)
    assert computed_ms(found["voice"], took) >= 1000 * pause * 2 and computed_ms(found["taps"], took) >= 0
    record = bench.open("do", "video", attempt=2)
    began = time.monotonic()
    time.sleep(10 * pause)  # a take in which nothing comes yet
    waited = 1000 * (time.monotonic() - began)
    bench.film_to_be_seen(4)
    bench.maker.close(None)
    took = 1000 * (time.monotonic() - began)
    (tracks,) = documents(bench, record).values()
    assert 1000 * pause * 4 <= computed_ms(tracks, took - waited)
    record = bench.open("show", "image", attempt=3)
    bench.video.deliver(bench.camera.frame())
    bench.maker.close(None)
    (still,) = documents(bench, record).values()
    assert still.inference is not None and tracks.inference is not None
    assert 1000 * pause <= still.inference.computed_ms and still.inference.began_at > tracks.inference.began_at


def test_a_recogniser_writes_instead_of_the_voice_model_and_a_tagger_hears_beside_it(
    tmp_path: Path, bench: Bench
) -> None:
    found = heard(bench, "say", opened(tmp_path, recogniser(tmp_path), tagger(tmp_path)))
    assert set(found) == {"writer", "taps"}
    (region,) = (label for label in found["writer"].labels if isinstance(label, Interval))
    assert (region.text, region.expected) == ("oil", "it")
    assert region.start_us == pytest.approx(300_000, abs=40_000)
    assert {label.label for label in found["taps"].labels} <= {"tap", "kettle"} and found["taps"].labels


@pytest.mark.parametrize(
    ("rate", "language", "text"),
    [(0.1, "en", "oil"), (0.35, "en", None), (0.1, "de", None)],
    ids=["good enough", "people type faster", "another language"],
)
def test_a_spoken_answer_is_one_text_where_a_recogniser_may_write(
    tmp_path: Path, bench: Bench, rate: float, language: str, text: str | None
) -> None:
    found = heard(bench, "answer", opened(tmp_path, recogniser(tmp_path, rate, language)))["writer"]
    answers = [(label.label, label.text, label.language) for label in found.labels if isinstance(label, Text)]
    assert answers == ([("answer", "oil", "en-GB")] if text else [])
    assert [label.text for label in found.labels if isinstance(label, Interval)] == [text]


def test_without_sound_models_the_voice_model_alone_gives_regions(tmp_path: Path, bench: Bench) -> None:
    found = heard(bench, "say", opened(tmp_path))
    assert list(found) == ["voice"]
    assert [label.label for label in found["voice"].labels] == ["speech"]


class Trying:
    """A sound model that fails at one point of a take, or takes its time with a block."""

    def __init__(self, like: SoundModel, fails: str = "", slow: bool = False) -> None:
        self.source, self.package = like.source.model_copy(update={"name": "broken"}), like.package
        self.fails = fails
        self.at_work, self.done = threading.Event(), threading.Event()
        if not slow:
            self.done.set()

    def _do(self, what: str) -> None:
        if what == self.fails:
            raise ValueError("bad tensor")

    def listen(self, rate: int, expected: str | None = None) -> Trying:
        self._do("listen")
        return self

    def push(self, samples: np.ndarray) -> None:
        self.at_work.set()
        assert self.done.wait(60)
        self._do("push")

    def finish(self) -> list[Label]:
        self._do("finish")
        return []


@pytest.mark.parametrize("fails", ["listen", "push", "finish"])
def test_a_sound_model_that_fails_costs_its_own_labels_alone(tmp_path: Path, bench: Bench, fails: str) -> None:
    models = opened(tmp_path, tagger(tmp_path))
    broken = Trying(models.sounds[0], fails)
    bench.labeller.models = Models(speech=models.speech, sounds=(broken, *models.sounds))  # type: ignore[arg-type]
    record = bench.open("say", "audio")
    say(bench, "oil")
    bench.maker.close(None)
    assert set(documents(bench, record)) == {"voice", "taps"}
    assert [type(error) for error in bench.mentions] == [ModelFailed]


def test_a_recogniser_that_fails_leaves_the_regions_to_the_voice_model(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("bad tensor")

    monkeypatch.setattr(RecogniserStream, "finish", fail)
    bench.labeller.models = opened(tmp_path, recogniser(tmp_path))
    record = bench.open("say", "audio")
    say(bench, "oil")
    bench.maker.close(None)
    assert set(documents(bench, record)) == {"voice"}


def test_a_still_model_that_fails_costs_its_own_labels_alone(tmp_path: Path, bench: Bench) -> None:
    good = opened(tmp_path, stills=(rooms(tmp_path),)).stills

    class Failing:
        source = good[0].source.model_copy(update={"name": "broken"})

        def labels(self, image: np.ndarray) -> list[Label]:
            raise ValueError("bad tensor")

    bench.labeller.models = Models(stills=(Failing(), *good))  # type: ignore[arg-type]
    record = bench.open("show", "image")
    bench.video.deliver(bench.camera.frame())
    bench.maker.close(None)
    assert set(documents(bench, record)) == {"rooms"}
    assert [type(error) for error in bench.mentions] == [ModelFailed]


def test_a_model_slower_than_what_it_hears_is_given_up(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound that waits for it would fill the memory, and nobody would wait for its labels."""
    monkeypatch.setattr(labeller, "MAX_WAITING_SECONDS", 0.3)
    models = opened(tmp_path, tagger(tmp_path))
    slow = Trying(models.sounds[0], slow=True)
    bench.labeller.models = Models(speech=models.speech, sounds=(*models.sounds, slow))  # type: ignore[arg-type]
    record = bench.open("say", "audio")
    bench.audio.deliver(bench.microphone.block())
    assert slow.at_work.wait(60)
    say(bench, "oil")  # while it is at work on that one
    taps, _ = bench.labeller._notes.sounds
    time.sleep(3 * taps.seconds)
    slow.done.set()
    bench.maker.close(None)
    assert set(documents(bench, record)) == {"voice", "taps"}
    assert [(type(error), str(error).split(".")[0]) for error in bench.mentions] == [
        (ModelStuck, "The model broken is slower than the sound that it gets")
    ]


def test_a_take_that_could_not_be_begun_in_time_is_not_heard_from_its_middle(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = opened(tmp_path)
    slow = Trying(opened(tmp_path / "again", tagger(tmp_path)).sounds[0], slow=True)
    bench.labeller.models = Models(speech=models.speech, sounds=(slow,))  # type: ignore[arg-type]
    bench.open("say", "audio")
    bench.audio.deliver(bench.microphone.block())
    assert slow.at_work.wait(60)
    bench.maker.tear("stopped")
    with monkeypatch.context() as patient_for:
        patient_for.setattr(labeller, "MAX_ANSWER_SECONDS", 0.2)
        record = bench.open("say", "audio", attempt=2)
    slow.done.set()
    say(bench, "oil")
    bench.maker.close(None)
    assert [type(error) for error in bench.mentions] == [ModelStuck]
    assert not documents(bench, record)


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    one, other = tagger(tmp_path / "one"), tagger(tmp_path / "other")
    with pytest.raises(ModelsAlike, match="have the name taps"):
        opened(tmp_path, one, other)
    assert opened(tmp_path / "good", one, one).sounds, "the same one twice is one"


def test_two_models_that_say_who_speaks_are_refused(tmp_path: Path) -> None:
    other = named(Path(voice(tmp_path / "other")), "other")
    with pytest.raises(ModelsAlike, match="both detect speech"):
        opened(tmp_path, other)


@pytest.mark.parametrize(
    ("settings", "words", "said"),
    [
        ("", ["--no-models"], "cannot be combined"),
        ('still_model = "./nothing-here"\n', [], "nothing-here"),  # one may stand without brackets
        ('sound_model = ["./nothing-there"]\n', [], "nothing-there"),
    ],
)
def test_the_command_says_what_it_cannot_use(tmp_path: Path, settings: str, words: list[str], said: str) -> None:
    (tmp_path / "agent.toml").write_text(settings)
    (tmp_path / "state").mkdir()
    save(CREDENTIALS, tmp_path / "state")
    named = ["--state", str(tmp_path / "state"), "--config", str(tmp_path / "agent.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "gleaner", "agent", "run", *named, "--video-model", detector(tmp_path), *words],
        cwd=needs.ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (2, 3) and said in done.stderr and "Traceback" not in done.stderr, done.stderr

"""The model thread: newest small frame and audio blocks in, labels documents out, while the device records.

Frames are looked at as often as time allows, never queued: the newest one replaces one that still waits. Audio is
heard whole, since a voice activity model carries its state from block to block.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import cv2
import numpy as np

from device_agent.events import Detection
from device_agent.record.recorded import Recorded
from device_agent.sensors.base import AudioBlock, Frame
from prelabel import documents
from prelabel.audio.vad import VadModel, VadStream
from prelabel.boxes import Detection as ModelDetection
from prelabel.catalogue import choose, words
from prelabel.detection import Detector, open_detector
from prelabel.package import open_model
from prelabel.pictures import PictureModel, open_picture_model
from prelabel.sounds import SoundModel, SoundStream, Transcriber, open_sound_model
from prelabel.text.reading import Reader
from prelabel.tracks import Tracker
from wire.errors import GleanerError
from wire.labels import LabelsDocument, Source

Answer = TypeVar("Answer")
Item = TypeVar("Item", Frame, AudioBlock)
LOOKS_A_SECOND = 5.0
IDLE_LOOKS_A_SECOND = 2.0
ANSWER_SECONDS = 20.0
FULL_SCALE = np.float32(32768)


class ModelFailed(GleanerError):
    """A model, or what reads its answer, failed on a frame or a block."""

    code = "model-failed"
    hint = "The media are kept; this take has fewer labels."


class ModelStuck(GleanerError):
    """The model thread did not answer in time."""

    code = "model-stuck"
    hint = "The media are kept; labels can be made again at the collector."


class ModelsAlike(GleanerError):
    """Two models for the same recordings have one name: a capture keeps the labels of each under its name."""

    code = "models-alike"
    exit_code = 2
    hint = "Give one of them another name in its model.toml."


@dataclass(frozen=True)
class NamedModels:
    """The models to work with instead of the catalogue's choice, each as `open_model` takes it; None, or none: that."""

    video: str | None = None
    stills: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Models:
    """What the device labels with; None, or none, where a model is not wanted.

    `video` is looked through while it records, and what it sees is followed; of `video_words` alone, None: of all.
    `speech` says who speaks, live; `sounds` hear besides, or instead where one of them writes down what is said.
    """

    video: Detector | None = None
    video_words: frozenset[str] | None = None
    stills: tuple[PictureModel, ...] = ()
    speech: VadModel | None = None
    sounds: tuple[SoundModel, ...] = ()
    reading: Reader | None = None

    @classmethod
    def open(
        cls,
        named: NamedModels | None = None,
        *,
        reading: bool = False,
        language: str | None = None,
        followed: Sequence[str] = (),
    ) -> Models:
        """The models that are named, and for the rest those the catalogue chooses among what is near.

        Args:
            reading: also those that read the text on stills: three networks, for scripts that ask for it alone.
            language: of the script (BCP 47): a recogniser of another one writes nothing.
            followed: the words the study wants tracks of; what the catalogue says, or all of a named model, when empty.

        Raises:
            GleanerError: a model cannot be had, is not what its sha256 says, does not load, or cannot do this work.
        """
        named = named or NamedModels()
        video = named.video or choose("people")
        seeing = open_detector(open_model(video))
        stills = [
            seeing if name == video else open_picture_model(open_model(name))
            for name in dict.fromkeys(named.stills or (choose("objects"),))
        ]
        heard = [open_model(name) for name in dict.fromkeys(named.sounds)]
        voices = [package for package in heard if package.family == "vad"]
        speech = VadModel(voices[-1] if voices else open_model(choose("speech")))
        reader = Reader.from_catalogue() if reading else None
        _check_apart([model.source for model in stills] + ([reader.source] if reader else []))
        _check_apart([speech.source, *(package.source for package in heard if package.family != "vad")])
        return cls(
            video=seeing,
            video_words=frozenset(followed) or (words("people") if named.video is None else None),
            stills=tuple(stills),
            speech=speech,
            sounds=tuple(
                open_sound_model(package, speech=speech, language=language)
                for package in heard
                if package.family != "vad"
            ),
            reading=reader,
        )


@dataclass
class Seen:
    """One look of a model at one frame: boxes in fractions 0..1 of the picture."""

    stamp_us: int
    detections: Sequence[ModelDetection]


@dataclass
class TakeNotes:
    seen: list[Seen] = field(default_factory=list)
    voice: VadStream | None = None
    sounds: list[tuple[SoundModel, SoundStream]] = field(default_factory=list)
    failed: bool = False


class Labeller:
    """Owns every ONNX session of the agent; they run on its thread alone."""

    def __init__(self, models: Models, trouble: Callable[[GleanerError], None]) -> None:
        self.models = models
        self._trouble = trouble
        self.detections: tuple[Detection, ...] = ()
        self.speaking: bool | None = None
        self.looks = 0
        self.look_seconds = 0.0
        self._sample_rate: int | None = None
        self._wake = threading.Condition()
        self._frame: tuple[Frame, bool] | None = None
        self._blocks: deque[tuple[AudioBlock, bool]] = deque()
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._notes = TakeNotes()
        self._stopping = False
        self._next_look = 0.0
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- from the sensors' threads
    def see(self, frame: Frame, recording: bool) -> None:
        if self.models.video is None:
            return
        with self._wake:
            self._frame = (frame, recording)
            self._wake.notify()

    def hear(self, block: AudioBlock, recording: bool) -> None:
        if self.models.speech is None:
            return
        with self._wake:
            self._blocks.append((block, recording))
            self._wake.notify()

    # ---------------------------------------------------------------- from the session's thread
    def listen(self, sample_rate: int) -> None:
        """There is a microphone, at so many samples a second."""
        self._sample_rate = sample_rate

    def begin(self, expected: str | None = None) -> None:
        """A take begins: forget the last one. `expected` is what the script asks to be said in it."""
        self._ask(lambda: self._begin(expected))

    def finish_tracks(self, capture: str, recorded: Recorded, width: int, height: int) -> LabelsDocument | None:
        """The tracks of a video capture, in pixels of its stored picture (`width` x `height`)."""
        return self._ask(lambda: self._tracks(capture, recorded, width, height))

    def finish_sound(
        self, capture: str, expected: str | None, answer_language: str | None = None
    ) -> list[LabelsDocument]:
        """What was heard in an audio capture, a document a model.

        The speech intervals each carry their part of the prompt (`expected`), and no text but what a recogniser that
        may write has heard.

        Args:
            answer_language: of a spoken answer (BCP 47), which such a recogniser also gives as one text.
        """
        return self._ask(lambda: self._sound(capture, expected, answer_language))

    def label_still(self, capture: str, picture_bgr: np.ndarray, *, read: bool) -> list[LabelsDocument]:
        """The boxes on a still, uint8 of shape (height, width, 3); with `read` the text on it too."""
        return self._ask(lambda: self._still(capture, picture_bgr, read))

    def close(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(ANSWER_SECONDS)

    def _ask(self, work: Callable[[], Answer]) -> Answer:
        answer: Future[Answer] = Future()
        with self._wake:
            self._requests.append((work, answer))
            self._wake.notify()
        try:
            return answer.result(ANSWER_SECONDS)
        except TimeoutError as error:
            raise ModelStuck("The model thread did not answer.") from error

    # ---------------------------------------------------------------- the model thread
    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._stopping or self._blocks or self._requests or self._look_is_due()):
                    self._wake.wait(0.05 if self._frame else None)
                if self._stopping and not self._requests:
                    return
                blocks, self._blocks = self._blocks, deque()
                request = self._requests.popleft() if self._requests else None
                look = None
                if request is None and self._look_is_due():
                    look, self._frame = self._frame, None
            for block, recording in blocks:
                self._guarded(self._hear, block, recording)
            if request is not None:
                _answer(*request)
            elif look is not None:
                self._guarded(self._look, *look)

    def _guarded(self, work: Callable[[Item, bool], None], item: Item, recording: bool) -> None:
        """One frame or block that a model fails on costs that look, never the thread. It is told once a take."""
        try:
            work(item, recording)
        except Exception as error:  # noqa: BLE001 - whatever a model or its decoder throws
            if not self._notes.failed:
                self._notes.failed = True
                self._trouble(_model_failed(error))

    def _look_is_due(self) -> bool:
        return self._frame is not None and time.monotonic() >= self._next_look

    def _begin(self, expected: str | None) -> None:
        self._notes = TakeNotes()
        self._next_look = 0.0
        if self._sample_rate is None:
            return
        if self.models.speech is not None:
            self._notes.voice = VadStream(self.models.speech, self._sample_rate)
        for model in self.models.sounds:
            self._notes.sounds.append((model, model.listen(self._sample_rate, expected)))

    def _hear(self, block: AudioBlock, recording: bool) -> None:
        notes = self._notes
        if not recording or (notes.voice is None and not notes.sounds):
            self.speaking = None if notes.voice is None else self.speaking
            return
        samples = block.samples[:, 0]
        failure: Exception | None = None
        # What failed on a block has lost its place in time, so it says no more about this take.
        if notes.voice is not None:
            try:
                notes.voice.push(samples)
                self.speaking = notes.voice.speaking
            except Exception as error:  # noqa: BLE001 - whatever a model throws; the others go on hearing
                failure, notes.voice, self.speaking = error, None, None
        for row in tuple(notes.sounds):
            try:
                row[1].push(samples.astype(np.float32) / FULL_SCALE)
            except Exception as error:  # noqa: BLE001 - as above
                failure = error
                notes.sounds.remove(row)
        if failure is not None:
            raise failure

    def _look(self, frame: Frame, recording: bool) -> None:
        assert self.models.video is not None
        began = time.monotonic()
        picture = cv2.cvtColor(frame.lores, cv2.COLOR_YUV2BGR_I420)
        # The tracker wants weak boxes too: they carry a track on where the person is half hidden.
        found = self.models.video.detect(picture, self.models.video.floor, self.models.video_words)
        height, width = picture.shape[:2]
        fractions = [one.scaled(1 / width, 1 / height) for one in found]
        self.detections = tuple(
            Detection(one.x, one.y, one.width, one.height, one.label, round(one.score, 3))
            for one in fractions
            if one.score >= self.models.video.score
        )
        took = time.monotonic() - began
        self.looks += 1
        self.look_seconds += took
        # At most half of this thread's core: the encoder beside it never drops a frame for a look.
        pace = LOOKS_A_SECOND if recording else IDLE_LOOKS_A_SECOND
        self._next_look = began + max(1 / pace, 2 * took)
        if recording:
            self._notes.seen.append(Seen(frame.stamp_us, fractions))

    def _tracks(self, capture: str, recorded: Recorded, width: int, height: int) -> LabelsDocument | None:
        if self.models.video is None:
            return None
        first_us = recorded.clock_map[0][1]
        frame_of = {first_us + time_us: index for index, time_us in enumerate(recorded.times_us)}
        tracker = Tracker(self.models.video.score)
        for seen in self._notes.seen:
            index = frame_of.get(seen.stamp_us)
            if index is not None:
                scaled = [one.scaled(width, height) for one in seen.detections]
                tracker.push(index, recorded.times_us[index], scaled)
        return documents.track_document(capture, self.models.video.source, tracker.finish(), recorded.times_us)

    def _sound(self, capture: str, expected: str | None, answer_language: str | None) -> list[LabelsDocument]:
        # A block that comes late belongs to no take any more.
        voice, self._notes.voice = self._notes.voice, None
        sounds, self._notes.sounds = self._notes.sounds, []
        found: list[LabelsDocument] = []
        # A recogniser gives the regions too, with what was said in them.
        if voice is not None and not any(isinstance(model, Transcriber) for model, _ in sounds):
            found.append(documents.speech_document(capture, voice.model.source, voice.finish(), expected))
        for model, stream in sounds:
            labels = stream.finish()
            if answer_language is not None:
                labels += documents.spoken_answer(capture, model.source, labels, answer_language).labels
            found.append(LabelsDocument(capture=capture, source=model.source, labels=labels))
        return found

    def _still(self, capture: str, picture_bgr: np.ndarray, read: bool) -> list[LabelsDocument]:
        models = [*self.models.stills, *([self.models.reading] if read and self.models.reading is not None else [])]
        return [
            LabelsDocument(capture=capture, source=model.source, labels=model.labels(picture_bgr)) for model in models
        ]


def _answer(work: Callable[[], Any], answer: Future[Any]) -> None:
    try:
        answer.set_result(work())
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        answer.set_exception(_model_failed(error))


def _model_failed(error: Exception) -> GleanerError:
    if isinstance(error, GleanerError):
        return error
    return ModelFailed(f"The model failed: {type(error).__name__}: {error}.")


def _check_apart(sources: Sequence[Source]) -> None:
    """Raises ModelsAlike."""
    names = [source.name for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelsAlike(f"Two models for the same recordings are called {twice}.")

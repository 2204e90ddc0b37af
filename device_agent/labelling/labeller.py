"""The model thread: newest small frame and audio blocks in, labels documents out, while the device records.

The detector runs as often as time allows, on the newest frame; frames are never queued. Audio is processed whole, since
a voice activity model carries its state from block to block.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import cv2
import numpy as np

from device_agent.events import PreviewBox
from device_agent.labelling.models import Models
from device_agent.record.recorded import Recorded
from device_agent.sensors.base import AudioBlock, Frame
from prelabel.audio.labels import speech_document, spoken_answer
from prelabel.audio.models import SoundModel, SoundStream, Transcriber
from prelabel.audio.vad import VadStream
from prelabel.geometry.detection import Detection as ModelDetection
from prelabel.labelling.picture_models import PictureModel
from prelabel.models.effective_settings import package_settings, with_settings
from prelabel.tracking.labels import track_document
from prelabel.tracking.tracker import Tracker
from wire.errors import GleanerError
from wire.labels import Inference, LabelsDocument

Answer = TypeVar("Answer")
Item = TypeVar("Item", Frame, AudioBlock)
MAX_LOOKS_PER_SECOND = 5.0
MAX_IDLE_LOOKS_PER_SECOND = 2.0
MAX_ANSWER_SECONDS = 20.0
MAX_WAITING_SECONDS = 30.0  # of sound that waits; a recogniser that keeps up takes 20 at a time
FULL_SCALE = np.float32(32768)


class ModelFailed(GleanerError):
    """A model, or what reads its answer, failed on a frame or a block."""

    code = "model-failed"
    hint = "The media is kept; this take has fewer labels."


class ModelStuck(GleanerError):
    """The model thread did not answer in time, or a model is slower than the sound that it gets."""

    code = "model-stuck"
    hint = "The media is kept; labels can be made again at the collector."


@dataclass
class DetectedFrame:
    """One look of a model at one frame: boxes in fractions 0..1 of the picture."""

    stamp_us: int
    detections: Sequence[ModelDetection]


@dataclass
class SoundRun:
    """A sound model at work in a take, and how long it has taken."""

    model: SoundModel
    stream: SoundStream
    seconds: float = 0.0


@dataclass
class TakeNotes:
    """What the models of a take have found, since when, and how long those that watch and listen live have computed."""

    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    look_seconds: float = 0.0
    voice_seconds: float = 0.0
    seen: list[DetectedFrame] = field(default_factory=list)
    voice: VadStream | None = None
    sounds: list[SoundRun] = field(default_factory=list)
    failed: bool = False


class Labeller:
    """Owns every ONNX session of the agent; they run on its thread alone."""

    def __init__(self, models: Models, report: Callable[[GleanerError], None]) -> None:
        self.models = models
        self._on_error = report
        self.detections: tuple[PreviewBox, ...] = ()
        self.speaking: bool | None = None
        self._sample_rate: int | None = None
        self._model_size: tuple[int, int] | None = None  # (width, height) of the pictures that the model sees
        self._wake = threading.Condition()
        self._frame: tuple[Frame, bool] | None = None
        self._blocks: deque[tuple[AudioBlock, bool]] = deque()
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._notes = TakeNotes()
        self._stopping = False
        self._next_detection = 0.0
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- from the sensors' threads
    def push_frame(self, frame: Frame, recording: bool) -> None:
        if self.models.video is None:
            return
        with self._wake:
            self._frame = (frame, recording)
            self._wake.notify()

    def push_audio(self, block: AudioBlock, recording: bool) -> None:
        if self.models.speech is None and not self.models.sounds:
            return
        with self._wake:
            self._blocks.append((block, recording))
            self._wake.notify()

    # ---------------------------------------------------------------- from the session's thread
    def set_sample_rate(self, sample_rate: int) -> None:
        """Set the sample rate of the microphone, in samples per second."""
        self._sample_rate = sample_rate

    def begin(self, expected: str | None = None) -> None:
        """A take begins: drop the results of the last one. `expected` is what the script asks the person for."""
        self._notes = TakeNotes()  # what waits of the last take is dropped
        self._ask(lambda: self._begin(expected))

    def finish_tracks(self, capture: str, recorded: Recorded, width: int, height: int) -> LabelsDocument | None:
        """The tracks of a video capture, in pixels of its stored picture (`width` x `height`)."""
        return self._ask(lambda: self._tracks(capture, recorded, width, height))

    def finish_sound(
        self, capture: str, expected: str | None, answer_language: str | None = None
    ) -> list[LabelsDocument]:
        """The labels of an audio capture, one document per model.

        The speech intervals each carry their part of the prompt (`expected`), and no text but what a recogniser that
        may write has heard.

        Args:
            answer_language: of a spoken answer (BCP 47), which such a recogniser also gives as one text.
        """
        return self._ask(lambda: self._sound(capture, expected, answer_language))

    def label_still(self, capture: str, picture_bgr: np.ndarray, *, read: bool) -> list[LabelsDocument]:
        """The boxes on a still, uint8 of shape (height, width, 3); with `read` the text on it too."""
        return self._ask(lambda: self._still(capture, picture_bgr, read))

    def clear(self) -> None:
        """Drop the frame that waits, and show no detection and no speech."""
        with self._wake:
            self._frame = None
        self.detections, self.speaking = (), None

    def close(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(MAX_ANSWER_SECONDS)

    def _ask(self, work: Callable[[], Answer]) -> Answer:
        answer: Future[Answer] = Future()
        with self._wake:
            self._requests.append((work, answer))
            self._wake.notify()
        try:
            return answer.result(MAX_ANSWER_SECONDS)
        except TimeoutError as error:
            answer.cancel()  # a take that is begun late would be labelled from its middle
            raise ModelStuck("The model thread did not answer.") from error

    # ---------------------------------------------------------------- the model thread
    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._stopping or self._blocks or self._requests or self._detection_is_due()):
                    self._wake.wait(0.05 if self._frame else None)
                if self._stopping and not self._requests:
                    return
                blocks, self._blocks = self._blocks, deque()
                request = self._requests.popleft() if self._requests else None
                look = None
                if request is None and self._detection_is_due():
                    look, self._frame = self._frame, None
            self._drop_slowest(blocks)
            for block, recording in blocks:
                self._guarded(self._run_sound_models, block, recording)
            if request is not None:
                _answer(*request)
            elif look is not None:
                self._guarded(self._detect, *look)

    def _drop_slowest(self, blocks: Sequence[tuple[AudioBlock, bool]]) -> None:
        """Sound that waits for a slow model would fill the memory: the slowest model is stopped for this take."""
        waiting = sum(len(block.samples) for block, recording in blocks if recording)
        notes = self._notes
        if self._sample_rate is None or waiting <= MAX_WAITING_SECONDS * self._sample_rate or not notes.sounds:
            return
        slowest = max(notes.sounds, key=lambda row: row.seconds)
        notes.sounds.remove(slowest)
        self._report(ModelStuck(f"The model {slowest.model.source.name} is slower than the sound that it gets."))

    def _guarded(self, work: Callable[[Item, bool], None], item: Item, recording: bool) -> None:
        """A model that fails on one frame or block costs that one, never the thread."""
        self._tried(partial(work, item, recording))

    def _tried(self, work: Callable[[], Answer]) -> Answer | None:
        """A model that fails loses its own labels, never those of the others."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever a model or its decoder throws
            self._report(error)
            return None

    def _report(self, error: Exception) -> None:
        """Report the first failure of a take."""
        if not self._notes.failed:
            self._notes.failed = True
            self._on_error(_model_failed(error))

    def _detection_is_due(self) -> bool:
        return self._frame is not None and time.monotonic() >= self._next_detection

    def _begin(self, expected: str | None) -> None:
        self._notes = TakeNotes()
        self._next_detection = 0.0
        if self._sample_rate is None:
            return
        if self.models.speech is not None:
            self._notes.voice = self._tried(partial(VadStream, self.models.speech, self._sample_rate))
        for model in self.models.sounds:
            stream = self._tried(partial(model.listen, self._sample_rate, expected))
            if stream is not None:
                self._notes.sounds.append(SoundRun(model, stream))

    def _run_sound_models(self, block: AudioBlock, recording: bool) -> None:
        notes = self._notes
        if not recording or (notes.voice is None and not notes.sounds):
            self.speaking = None if notes.voice is None else self.speaking
            return
        samples = block.samples[:, 0]
        # What failed on a block has lost its place in time, so it says no more about this take.
        if notes.voice is not None:
            began = time.monotonic()
            try:
                notes.voice.push(samples)
                self.speaking = notes.voice.speaking
            except Exception as error:  # noqa: BLE001 - whatever a model raises; the others continue
                notes.voice, self.speaking = None, None
                self._report(error)
            notes.voice_seconds += time.monotonic() - began
        for row in tuple(notes.sounds):
            began = time.monotonic()
            try:
                row.stream.push(samples.astype(np.float32) / FULL_SCALE)
            except Exception as error:  # noqa: BLE001 - as above
                notes.sounds.remove(row)
                self._report(error)
            row.seconds += time.monotonic() - began

    def _detect(self, frame: Frame, recording: bool) -> None:
        assert self.models.video is not None
        began = time.monotonic()
        picture = cv2.cvtColor(frame.lores, cv2.COLOR_YUV2BGR_I420)
        # The tracker wants weak boxes too: they carry a track on where the person is half hidden.
        found = self.models.video.detect(picture, self.models.video.floor, self.models.video_words)
        height, width = picture.shape[:2]
        self._model_size = (width, height)
        fractions = [one.scaled(1 / width, 1 / height) for one in found]
        self.detections = tuple(
            PreviewBox(one.x, one.y, one.width, one.height, one.label, round(one.score, 3))
            for one in fractions
            if one.score >= self.models.video.threshold(one.label)
        )
        took = time.monotonic() - began
        # At most half of this thread's core: the encoder never drops a frame for a detection.
        pace = MAX_LOOKS_PER_SECOND if recording else MAX_IDLE_LOOKS_PER_SECOND
        self._next_detection = began + max(1 / pace, 2 * took)
        if recording:
            self._notes.look_seconds += took
            self._notes.seen.append(DetectedFrame(frame.stamp_us, fractions))

    def _tracks(self, capture: str, recorded: Recorded, width: int, height: int) -> LabelsDocument | None:
        if self.models.video is None:
            return None
        began = time.monotonic()
        first_us = recorded.clock_map[0][1]
        frame_of = {first_us + time_us: index for index, time_us in enumerate(recorded.times_us)}
        tracker = Tracker(self.models.video.threshold)
        for seen in self._notes.seen:
            index = frame_of.get(seen.stamp_us)
            if index is not None:
                scaled = [one.scaled(width, height) for one in seen.detections]
                tracker.push(index, recorded.times_us[index], scaled)
        video, words, seen_size = self.models.video, self.models.video_words, self._model_size
        document = track_document(capture, video.source, tracker.finish(), recorded.times_us)
        seconds = self._notes.look_seconds + time.monotonic() - began
        return with_settings(
            _timed(document, self._notes.began_at, seconds),
            video.settings_by_source(),
            max_looks_per_second=MAX_LOOKS_PER_SECOND,
            looked_at=None if seen_size is None else list(seen_size),
            words=None if words is None else sorted(words),
        )

    def _sound(self, capture: str, expected: str | None, answer_language: str | None) -> list[LabelsDocument]:
        # A block that comes late belongs to no take any more.
        voice, self._notes.voice = self._notes.voice, None
        sounds, self._notes.sounds = self._notes.sounds, []
        began_at = self._notes.began_at
        made = [
            (row.model, self._tried(partial(_sound_document, capture, row, answer_language, began_at)))
            for row in sounds
        ]
        found = [document for _, document in made if document is not None]
        # A recogniser gives the regions too, with what was said in them.
        if voice is not None and not any(document and isinstance(model, Transcriber) for model, document in made):
            began = time.monotonic()
            regions = self._tried(voice.finish)
            if regions is not None:
                speech = speech_document(capture, voice.model.source, regions, expected)
                speech = _timed(speech, began_at, self._notes.voice_seconds + time.monotonic() - began)
                found.insert(0, with_settings(speech, {voice.model.source: package_settings(voice.model.package)}))
        return found

    def _still(self, capture: str, picture_bgr: np.ndarray, read: bool) -> list[LabelsDocument]:
        models = [*self.models.stills, *([self.models.reading] if read and self.models.reading is not None else [])]
        made = [self._tried(partial(_picture_document, capture, picture_bgr, model)) for model in models]
        return [document for document in made if document is not None]


def _timed(document: LabelsDocument, began_at: datetime, seconds: float) -> LabelsDocument:
    inference = Inference(began_at=began_at, computed_ms=round(1000 * seconds))
    return document.model_copy(update={"inference": inference})


def _sound_document(capture: str, row: SoundRun, answer_language: str | None, began_at: datetime) -> LabelsDocument:
    began = time.monotonic()
    labels, source = row.stream.finish(), row.model.source
    if answer_language is not None:
        labels = [*labels, *spoken_answer(capture, source, labels, answer_language).labels]
    document = LabelsDocument(capture=capture, source=source, labels=labels)
    timed = _timed(document, began_at, row.seconds + time.monotonic() - began)
    return with_settings(timed, row.model.settings_by_source())


def _picture_document(capture: str, picture_bgr: np.ndarray, model: PictureModel) -> LabelsDocument:
    began_at, began = datetime.now(UTC), time.monotonic()
    document = LabelsDocument(capture=capture, source=model.source, labels=model.labels(picture_bgr))
    return with_settings(_timed(document, began_at, time.monotonic() - began), model.settings_by_source())


def _answer(work: Callable[[], Any], answer: Future[Any]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(work())
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        answer.set_exception(_model_failed(error))


def _model_failed(error: Exception) -> GleanerError:
    if isinstance(error, GleanerError):
        return error
    return ModelFailed(f"The model failed: {type(error).__name__}: {error}.")

"""The media of a take, a class for each: what it records with, and how its capture begins, ends and is torn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import cv2
import numpy as np

from device_agent.labelling.labeller import Labeller
from device_agent.record.audio import audio_format
from device_agent.record.recorded import Recorded
from device_agent.record.stills import recorded_still, still_format, still_from_bgr
from device_agent.record.text import recorded_text, text_bytes, text_format
from device_agent.record.video import video_format
from device_agent.sensors.base import AudioBlock, Camera, Frame
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.reported_settings import settings_of
from device_agent.spool.capture import SpoolCapture
from device_agent.takes.masking import STILL_US, Masker, Masking
from device_agent.takes.streams import AudioStream, Recording, SensorStream, VideoStream
from prelabel.audio.labels import answer_document
from wire.canonical import canonical_json
from wire.capture import CaptureFormat, Counts, Medium, SensorSettings
from wire.errors import GleanerError
from wire.labels import LabelsDocument, Source
from wire.redaction import MaskRecord
from wire.script import PlanStep, ScriptRef

Answer = TypeVar("Answer")
Item = TypeVar("Item", Frame, AudioBlock)
MAX_STILL_AGE_US = 500_000  # a still may be this much older than the moment it was asked for
MAX_STILL_SECONDS = 3.0  # how long the frames may take that a still is masked with


class NoPicture(GleanerError):
    """The camera has given no picture since the take was opened."""

    code = "take-without-picture"
    status = 503
    retryable = True
    hint = "Wait until the preview shows the room, then run the step again."


class NoSound(GleanerError):
    """The microphone has given no sample since the take was opened."""

    code = "take-without-sound"
    status = 503
    retryable = True
    hint = "Check that the microphone is plugged in and not muted, then run the step again."


@dataclass(frozen=True)
class TakeTools:
    """What every medium of every take of a session works with. `language` is the script's (BCP 47)."""

    labeller: Labeller
    video: VideoStream | None
    audio: AudioStream | None
    masking: Masking | None
    script: ScriptRef
    language: str
    report: Callable[[GleanerError], None]  # what costs no recording

    def covers(self, medium: Medium) -> bool:
        """Whether captures of a medium are masked."""
        return self.masking is not None and self.masking.covers(medium)

    def labels(self, work: Callable[[], Answer]) -> Answer | None:
        """What `work` gives. A failure is reported; the media is kept."""
        try:
            return work()
        except GleanerError as error:
            self.report(error)
            return None


@dataclass(frozen=True)
class Finished:
    """A capture that is complete in the spool."""

    bytes: int  # of its media
    frames_dropped: int
    documents: tuple[LabelsDocument, ...]


class MediumTake(ABC):
    """One medium of one take, used by the session's thread alone.

    It is given its `capture`, then `begin`, `end` and `finish`; or, after a failure at any point, `abandon` and `tear`.
    """

    medium: ClassVar[Medium]
    sensor: str
    format: CaptureFormat
    sensor_settings: SensorSettings | None = None

    def __init__(self, tools: TakeTools, step: PlanStep) -> None:
        """Start a sensor that was lost again; nothing is recorded yet. Raises what the sensor's start raises."""
        self._tools, self._step = tools, step
        self._capture: SpoolCapture | None = None

    @property
    def is_masked(self) -> bool:
        return self._tools.covers(self.medium)

    @property
    def capture(self) -> SpoolCapture:
        """What it records into."""
        assert self._capture is not None
        return self._capture

    @capture.setter
    def capture(self, capture: SpoolCapture) -> None:
        self._capture = capture

    def begin(self) -> None:  # noqa: B027 - a medium without a recorder has nothing to begin
        """Begin to record. Raises GleanerError: a recorder does not start."""

    def end(self, ended_us: int) -> None:  # noqa: B027 - as `begin`
        """Stop recording; every byte is durable on return.

        Args:
            ended_us: device time at which the take ended.

        Raises:
            GleanerError: the recorder failed, or the sensor delivered nothing for the last seconds.
        """

    @abstractmethod
    def finish(self, answer: str, clock_steps: int) -> Finished:
        """Save labels, then the manifest.

        Args:
            answer: what was typed.
            clock_steps: steps of the device's wall clock since the take was opened.

        Raises:
            GleanerError: nothing was recorded, it could not be masked, or the spool does not take it.
        """

    def abandon(self) -> None:  # noqa: B027 - as `begin`
        """Stop recording before its time; what was recorded goes to the disk."""

    def tear(self, reason: str) -> None:
        """Close the capture as torn. Raises what `SpoolCapture.close_torn` raises."""
        if self._capture is not None and self._capture.is_open:
            self._capture.close_torn(reason)

    def _save_labels(
        self, documents: Sequence[LabelsDocument | None], masked: MaskRecord | None
    ) -> tuple[LabelsDocument, ...]:
        """Save what was masked, and the labels of what was not. Returns those labels."""
        found = [document for document in documents if document is not None]
        masking = self._tools.masking
        if masking is not None and self.is_masked:
            outside = [masking.without_masked(document, masked) for document in found]
            found = [document for document in outside if document is not None]
            if masked is not None:
                self._save_masks(masked)
        for document in found:
            self.capture.put(f"labels:{document.source.name}", canonical_json(document))
        return tuple(found)

    def _save_masks(self, masked: MaskRecord) -> None:
        self.capture.put("redaction", canonical_json(masked.of(self.capture.header.capture)))


class StreamTake(MediumTake, Generic[Item]):
    """A medium that is recorded from the take's opening to its end."""

    def __init__(self, tools: TakeTools, step: PlanStep, stream: SensorStream[Item] | None) -> None:
        super().__init__(tools, step)
        assert stream is not None  # a step records only what was agreed to, and that has a sensor
        stream.revive()
        self._stream: SensorStream[Item] = stream
        self._recording: Recording[Item] | None = None

    @abstractmethod
    def _masker(self) -> Masker[Item] | None:
        """What masks this recording; None: nothing does."""

    @abstractmethod
    def _documents(self, recorded: Recorded) -> Sequence[LabelsDocument | None]:
        """The labels that were found while it was recorded."""

    @abstractmethod
    def _nothing(self) -> GleanerError:
        """What to raise when not one sample was recorded."""

    def begin(self) -> None:
        self._recording = self._stream.begin(self.capture, self._masker())

    def end(self, ended_us: int) -> None:
        self._stream.end().check_lasted(ended_us)

    def finish(self, answer: str, clock_steps: int) -> Finished:
        recording = self._recording
        assert recording is not None and recording.recorded is not None
        if not recording.written:
            raise self._nothing()
        counts = self._stream.counts(recording).model_copy(update={"clock_steps": clock_steps})
        saved = self._save_labels(self._documents(recording.recorded), recording.masked)
        self.capture.finish(recording.recorded, counts)
        return Finished(recording.recorded.bytes, counts.frames_dropped, saved)

    def abandon(self) -> None:
        if self._stream.recording:
            self._stream.abandon()
        masked = self._recording.masked if self._recording is not None else None
        if masked is not None and self.capture.is_open:
            self._tools.labels(lambda: self._save_masks(masked))


class VideoTake(StreamTake[Frame]):
    medium = "video"

    def __init__(self, tools: TakeTools, step: PlanStep) -> None:
        super().__init__(tools, step, tools.video)
        self._camera = _camera(tools)
        self.sensor, self.sensor_settings = self._camera.name, settings_of(self._camera)
        self.format = video_format(self._camera.width, self._camera.height, self._camera.frame_rate)

    def _masker(self) -> Masker[Frame] | None:
        masking = self._tools.masking
        return masking.frames(self._camera.width, self._camera.height) if masking is not None else None

    def _documents(self, recorded: Recorded) -> Sequence[LabelsDocument | None]:
        name, width, height = self.capture.header.capture, self._camera.width, self._camera.height
        return [self._tools.labels(lambda: self._tools.labeller.finish_tracks(name, recorded, width, height))]

    def _nothing(self) -> GleanerError:
        return NoPicture("The camera gave no picture while the take was recorded.")


class AudioTake(StreamTake[AudioBlock]):
    medium = "audio"

    def __init__(self, tools: TakeTools, step: PlanStep) -> None:
        super().__init__(tools, step, tools.audio)
        assert tools.audio is not None
        self._microphone = tools.audio.microphone
        self.sensor, self.sensor_settings = self._microphone.name, settings_of(self._microphone)
        self.format = audio_format(self._microphone.sample_rate, self._microphone.channels)

    def _masker(self) -> Masker[AudioBlock] | None:
        masking, microphone = self._tools.masking, self._microphone
        return masking.sound(microphone.sample_rate, microphone.channels, self._step) if masking is not None else None

    def _documents(self, recorded: Recorded) -> Sequence[LabelsDocument | None]:
        name, step = self.capture.header.capture, self._step
        language = self._tools.language if step.kind == "answer" else None
        found = self._tools.labels(lambda: self._tools.labeller.finish_sound(name, step.expected, language))
        return found or []

    def _nothing(self) -> GleanerError:
        return NoSound("The microphone gave no sound while the take was recorded.")


class ImageTake(MediumTake):
    """A still: the camera's picture of the moment in which the take is closed."""

    medium = "image"

    def __init__(self, tools: TakeTools, step: PlanStep) -> None:
        super().__init__(tools, step)
        assert tools.video is not None
        tools.video.revive()
        camera = _camera(tools)
        self.sensor, self.sensor_settings = camera.name, settings_of(camera)
        self.format = still_format(camera.width, camera.height)

    def finish(self, answer: str, clock_steps: int) -> Finished:
        frame, main, masked = self._picture(self.capture.header.opened_us - MAX_STILL_AGE_US)
        picture = cv2.cvtColor(main, cv2.COLOR_YUV2BGR_I420)
        jpeg = still_from_bgr(picture)
        recorded = recorded_still(jpeg, frame.stamp_us)
        self.capture.put("media", jpeg)
        name, read = self.capture.header.capture, "text" in self._step.reviews
        found = self._tools.labels(lambda: self._tools.labeller.label_still(name, picture, read=read))
        saved = self._save_labels(found or [], masked)
        self.capture.finish(recorded, Counts(clock_steps=clock_steps))
        return Finished(recorded.bytes, 0, saved)

    def _picture(self, min_us: int) -> tuple[Frame, np.ndarray, MaskRecord | None]:
        """A frame no older than `min_us`, its picture (I420) as it may be saved, and what was masked in it.

        Raises:
            NoPicture, RedactionFailed.
        """
        video, masking = self._tools.video, self._tools.masking
        assert video is not None
        if masking is not None and self.is_masked:
            frames = video.frames_from(min_us, STILL_US, MAX_STILL_SECONDS)
            if not frames:
                raise NoPicture("The camera gives no picture.")
            return frames[0], *masking.still(frames)
        frame = video.newest
        if frame is None or frame.stamp_us < min_us:
            raise NoPicture("The camera gives no picture.")
        return frame, frame.main, None


class TextTake(MediumTake):
    """What the participant typed on the session page."""

    medium = "text"
    sensor = "page"
    format = text_format()

    def finish(self, answer: str, clock_steps: int) -> Finished:
        data = text_bytes(answer)
        self.capture.put("media", data)
        recorded = recorded_text(data, monotonic_us())
        script = self._tools.script
        source = Source(kind="script", name=script.id, version=script.version, sha256=script.sha256)
        typed = answer_document(self.capture.header.capture, source, data.decode(), self._tools.language)
        saved = self._save_labels([typed], None)
        self.capture.finish(recorded, Counts(clock_steps=clock_steps))
        return Finished(recorded.bytes, 0, saved)


MEDIA: dict[Medium, type[MediumTake]] = {"video": VideoTake, "audio": AudioTake, "image": ImageTake, "text": TextTake}


def _camera(tools: TakeTools) -> Camera:
    assert tools.video is not None
    return tools.video.camera

"""Takes being made: which captures a take opens, how their streams begin and end, what goes into the spool.

Knows no session: the runner tells it what to open, close or tear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import cv2
import numpy as np

from device_agent.clock import DeviceClock
from device_agent.labelling.labeller import Labeller
from device_agent.record.audio import audio_format
from device_agent.record.stills import recorded_still, still_format, still_from_bgr
from device_agent.record.text import recorded_text, text_bytes, text_format
from device_agent.record.video import video_format
from device_agent.sensors.base import Camera, Frame, Microphone
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.reported import settings_of
from device_agent.spool.capture import SpoolCapture
from device_agent.spool.header import CaptureHeader
from device_agent.spool.spool import Spool
from device_agent.takes.masking import STILL_US, Masking
from device_agent.takes.streams import AudioStream, Recording, VideoStream
from prelabel.audio.labels import answer_document
from wire.base import new_id
from wire.canonical import canonical_json
from wire.capture import CaptureFormat, Counts, DeviceFacts, Medium, SensorSettings, Wall
from wire.errors import GleanerError
from wire.labels import LabelsDocument, Source
from wire.redaction import MaskRecord
from wire.script import PlanStep, ScriptRef
from wire.session import TakeCapture, TakeRecord

Answer = TypeVar("Answer")
FRESH_US = 500_000  # a still may be this much older than the moment it was asked for
STILL_SECONDS = 3.0  # how long the frames may take that a still is masked with


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
class Origin:
    """What every capture of a session has in common. `language` is the script's (BCP 47)."""

    session: str
    study: str
    device: str
    consent: str
    script: ScriptRef
    language: str


@dataclass
class OpenTake:
    record: TakeRecord
    step: PlanStep
    captures: dict[Medium, SpoolCapture]
    recordings: list[Recording[Any]] = field(default_factory=list)
    detached_us: int | None = None
    steps_before: int = 0


@dataclass(frozen=True)
class Tally:
    """Totals over the takes of this process."""

    captures: int = 0
    bytes: int = 0
    frames_dropped: int = 0
    prelabels: tuple[tuple[str, int], ...] = ()

    def plus(self, nbytes: int, dropped: int, *documents: LabelsDocument) -> Tally:
        counts = Counter(dict(self.prelabels))
        counts.update(label.kind for document in documents for label in document.labels)
        return Tally(
            self.captures + 1, self.bytes + nbytes, self.frames_dropped + dropped, tuple(sorted(counts.items()))
        )


class TakeMaker:
    """Opens, closes and tears takes. One at a time."""

    def __init__(
        self,
        spool: Spool,
        labeller: Labeller,
        video: VideoStream | None,
        audio: AudioStream | None,
        origin: Origin,
        trouble: Callable[[GleanerError], None],
        masking: Masking | None = None,
        clock: DeviceClock | None = None,
        device_facts: DeviceFacts | None = None,
    ) -> None:
        self._clock = clock or DeviceClock()
        self._device_facts = device_facts
        self._spool = spool
        self._masking = masking
        self._trouble = trouble
        self._labeller = labeller
        self._video = video
        self._audio = audio
        self._origin = origin
        self._open: OpenTake | None = None
        self.tally = Tally()

    def open(
        self, take: str, step: PlanStep, attempt: int, media: tuple[Medium, ...], journal: Callable[[TakeRecord], None]
    ) -> TakeRecord:
        """Begin to record. `journal` is called with the take's record before the first byte.

        Raises:
            GleanerError: the spool is full or a recorder does not start; tear the take.
        """
        if self._video is not None and ("video" in media or "image" in media):
            self._video.revive()
        if self._audio is not None and "audio" in media:
            self._audio.revive()
        opened_us, opened_at, wall = monotonic_us(), self._clock.now(), self._clock.wall()
        captures = {medium: new_id("cap") for medium in media}
        record = TakeRecord(
            take=take,
            step=step.id,
            attempt=attempt,
            kind=step.kind,
            state="open",
            prompt=step.prompt,
            expected=step.expected,
            objects=step.objects,
            reviews=step.reviews,
            opened_us=opened_us,
            opened_at=opened_at,
            captures=[
                TakeCapture(capture=captures[medium], medium=medium, sensor=self._sensor(medium)) for medium in media
            ],
        )
        journal(record)
        self._labelled(lambda: self._labeller.begin(step.expected))
        opened: dict[Medium, SpoolCapture] = {}
        self._open = OpenTake(record, step, opened, steps_before=self._clock.look())
        for one in record.captures:
            opened[one.medium] = self._spool.open_capture(self._header(record, one, wall))
        if self._video is not None and "video" in opened:
            camera = self._video.camera
            masker = self._masking.frames(camera.width, camera.height) if self._masking else None
            self._open.recordings.append(self._video.begin(opened["video"], masker))
        if self._audio is not None and "audio" in opened:
            microphone = self._audio.microphone
            mute = self._masking.sound(microphone.sample_rate, microphone.channels, step) if self._masking else None
            self._open.recordings.append(self._audio.begin(opened["audio"], mute))
        if self._open.detached_us is not None:  # it failed while its recorders were opened
            for stream in self._streams:
                stream.detach()
        return record

    def close(self, text: str | None) -> int:
        """End the take: media first, then labels, then manifests. Returns the device time of its end.

        Raises:
            GleanerError: the take cannot be completed; tear it.
        """
        take = self._taken()
        self.detach(take.record.take)
        closed_us = take.detached_us or monotonic_us()
        video = self._video.end() if self._video is not None and "video" in take.captures else None
        audio = self._audio.end() if self._audio is not None and "audio" in take.captures else None
        for recording in (video, audio):
            if recording is not None:
                recording.check_lasted(closed_us)
        if video is not None and self._video is not None and video.recorded is not None:
            if not video.written:
                raise NoPicture("The camera gave no picture while the take was recorded.")
            camera, capture, recorded = self._video.camera, video.capture.header.capture, video.recorded
            document = self._labelled(
                lambda: self._labeller.finish_tracks(capture, recorded, camera.width, camera.height)
            )
            counts = self._video.counts(video)
            kept = self._label(video.capture, [document], video.masked)
            video.capture.finish(video.recorded, self._with_steps(counts))
            self.tally = self.tally.plus(video.recorded.bytes, counts.frames_dropped, *kept)
        if audio is not None and self._audio is not None and audio.recorded is not None:
            if not audio.written:
                raise NoSound("The microphone gave no sound while the take was recorded.")
            kept = self._label(audio.capture, self._heard(audio.capture, take.step), audio.masked)
            audio.capture.finish(audio.recorded, self._with_steps(self._audio.counts(audio)))
            self.tally = self.tally.plus(audio.recorded.bytes, 0, *kept)
        if "image" in take.captures:
            self._still(take.captures["image"], take.step, take.record.opened_us)
        if "text" in take.captures:
            self._text(take.captures["text"], text or "")
        self._open = None
        return closed_us

    def _with_steps(self, counts: Counts) -> Counts:
        """With the steps of the wall clock since the take was opened."""
        return counts.model_copy(update={"clock_steps": self._clock.look() - self._taken().steps_before})

    def tear(self, reason: str) -> None:
        """End the take as an attempt that does not count. What is on the disk stays and is sent."""
        take, self._open = self._open, None
        for stream in self._streams:
            stream.detach()  # all of them before the first is waited for
        if take is None:
            return
        for stream in self._streams:
            if stream.recording:
                stream.abandon()
        for recording in take.recordings:
            self._note_masked(recording)
        for capture in take.captures.values():
            if self._spool.state_of(capture.header.capture) == "open":
                capture.close_torn(reason)

    def detach(self, take: str) -> None:
        """The take records nothing from now on. Returns at once, touches no disk; `close` or `tear` follows."""
        held = self._open
        if held is None or held.record.take != take or held.detached_us is not None:
            return
        for stream in self._streams:
            stream.detach()
        held.detached_us = monotonic_us()

    @property
    def is_detached(self) -> bool:
        """Whether there is an open take that records nothing any more."""
        held = self._open
        return held is not None and held.detached_us is not None

    def limit(self, seconds: float) -> None:
        """The open take records for so many seconds from now, however late its end is carried out."""
        until_us = monotonic_us() + round(seconds * 1_000_000)
        for stream in self._streams:
            stream.limit(until_us)

    def shut_out(self) -> None:
        """Nothing that a sensor gives is recorded, shown, measured or looked at until `let_in`. Returns at once."""
        for stream in self._streams:
            stream.shut_out()
        self._labeller.rest()

    def let_in(self) -> None:
        for stream in self._streams:
            stream.let_in()

    @property
    def _streams(self) -> tuple[VideoStream | AudioStream, ...]:
        return tuple(stream for stream in (self._video, self._audio) if stream is not None)

    def _taken(self) -> OpenTake:
        assert self._open is not None
        return self._open

    def _header(self, record: TakeRecord, one: TakeCapture, wall: Wall) -> CaptureHeader:
        return CaptureHeader(
            capture=one.capture,
            take=record.take,
            session=self._origin.session,
            study=self._origin.study,
            step=record.step,
            attempt=record.attempt,
            device=self._origin.device,
            sensor=one.sensor,
            medium=one.medium,
            format=self._format(one.medium),
            consent=self._origin.consent,
            opened_us=record.opened_us,
            wall=wall,
            masked=True if self._covers(one.medium) else None,
            device_facts=self._device_facts,
            sensor_settings=self._sensor_settings(one.medium),
        )

    def _labelled(self, work: Callable[[], Answer]) -> Answer | None:
        """A label that cannot be made is told; it never costs the media."""
        try:
            return work()
        except GleanerError as error:
            self._trouble(error)
            return None

    def _heard(self, capture: SpoolCapture, step: PlanStep) -> list[LabelsDocument]:
        language = self._origin.language if step.kind == "answer" else None
        name = capture.header.capture
        return self._labelled(lambda: self._labeller.finish_sound(name, step.expected, language)) or []

    def _still(self, capture: SpoolCapture, step: PlanStep, opened_us: int) -> None:
        frame, main, record = self._picture(opened_us - FRESH_US)
        picture = cv2.cvtColor(main, cv2.COLOR_YUV2BGR_I420)
        jpeg = still_from_bgr(picture)
        recorded = recorded_still(jpeg, frame.stamp_us)
        capture.put("media", jpeg)
        read = "text" in step.reviews
        found = self._labelled(lambda: self._labeller.label_still(capture.header.capture, picture, read=read)) or []
        kept = self._label(capture, found, record)
        capture.finish(recorded, self._with_steps(Counts()))
        self.tally = self.tally.plus(recorded.bytes, 0, *kept)

    def _picture(self, least_us: int) -> tuple[Frame, np.ndarray, MaskRecord | None]:
        """The frame of a still, its picture as it may be kept, and what was masked in it.

        Raises:
            NoPicture, RedactionFailed.
        """
        if self._masking is not None and self._video is not None and self._covers("image"):
            frames = self._video.frames_from(least_us, STILL_US, STILL_SECONDS)
            if not frames:
                raise NoPicture("The camera gives no picture.")
            return frames[0], *self._masking.still(frames)
        frame = self._video.newest if self._video is not None else None
        if frame is None or frame.stamp_us < least_us:
            raise NoPicture("The camera gives no picture.")
        return frame, frame.main, None

    def _text(self, capture: SpoolCapture, text: str) -> None:
        data = text_bytes(text)
        capture.put("media", data)
        recorded = recorded_text(data, monotonic_us())
        script = Source(
            kind="script",
            name=self._origin.script.id,
            version=self._origin.script.version,
            sha256=self._origin.script.sha256,
        )
        typed = answer_document(capture.header.capture, script, data.decode(), self._origin.language)
        kept = self._label(capture, [typed], None)
        capture.finish(recorded, self._with_steps(Counts()))
        self.tally = self.tally.plus(recorded.bytes, 0, *kept)

    def _label(
        self, capture: SpoolCapture, documents: Sequence[LabelsDocument | None], record: MaskRecord | None
    ) -> list[LabelsDocument]:
        """Put what was masked and the labels of what was not beside the media. Returns those labels."""
        found = [document for document in documents if document is not None]
        if self._masking is not None and self._covers(capture.header.medium):
            outside = [self._masking.without_masked(document, record) for document in found]
            found = [document for document in outside if document is not None]
            if record is not None:
                capture.put("redaction", canonical_json(record.of(capture.header.capture)))
        for document in found:
            capture.put(f"labels:{document.source.name}", canonical_json(document))
        return found

    def _note_masked(self, recording: Recording[Any]) -> None:
        """What was masked in a recording that ended before its time; a disk that takes no more is told."""
        capture, masked = recording.capture, recording.masked
        if masked is not None and self._spool.state_of(capture.header.capture) == "open":
            self._labelled(lambda: capture.put("redaction", canonical_json(masked.of(capture.header.capture))))

    def _covers(self, medium: Medium) -> bool:
        return self._masking is not None and self._masking.covers(medium)

    def _sensor(self, medium: Medium) -> str:
        if medium in ("video", "image"):
            return self._camera().name
        return self._microphone().name if medium == "audio" else "page"

    def _sensor_settings(self, medium: Medium) -> SensorSettings | None:
        if medium in ("video", "image"):
            return settings_of(self._camera())
        return settings_of(self._microphone()) if medium == "audio" else None

    def _format(self, medium: Medium) -> CaptureFormat:
        if medium == "video":
            camera = self._camera()
            return video_format(camera.width, camera.height, camera.frame_rate)
        if medium == "image":
            camera = self._camera()
            return still_format(camera.width, camera.height)
        if medium == "audio":
            microphone = self._microphone()
            return audio_format(microphone.sample_rate, microphone.channels)
        return text_format()

    def _camera(self) -> Camera:
        assert self._video is not None
        return self._video.camera

    def _microphone(self) -> Microphone:
        assert self._audio is not None
        return self._audio.microphone

"""Makes takes: a loop over the media of a step, each of which knows how it is recorded (media.py).

Knows no session: the runner says what to open, close or tear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from device_agent.clock import DeviceClock
from device_agent.labelling.labeller import Labeller
from device_agent.sensors.clock import monotonic_us
from device_agent.spool.header import CaptureHeader
from device_agent.spool.spool import Spool
from device_agent.takes.masking import Masking
from device_agent.takes.media import MEDIA, Finished, MediumTake, TakeTools
from device_agent.takes.streams import AudioStream, VideoStream
from wire.base import new_id
from wire.capture import DeviceFacts, Medium, Wall
from wire.errors import GleanerError
from wire.script import PlanStep, ScriptRef
from wire.session import TakeCapture, TakeRecord


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
class RunningTake:
    """The take that is open. `detached_us`: device time since which it records nothing."""

    record: TakeRecord
    media: list[MediumTake]
    steps_before: int
    detached_us: int | None = None


@dataclass(frozen=True)
class TakeTotals:
    """Over the takes of this process. `prelabels`: how many labels of each kind, by kind."""

    captures: int = 0
    bytes: int = 0
    frames_dropped: int = 0
    prelabels: tuple[tuple[str, int], ...] = ()

    def plus(self, made: Finished) -> TakeTotals:
        counts = Counter(dict(self.prelabels))
        counts.update(label.kind for document in made.documents for label in document.labels)
        return TakeTotals(
            self.captures + 1,
            self.bytes + made.bytes,
            self.frames_dropped + made.frames_dropped,
            tuple(sorted(counts.items())),
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
        report: Callable[[GleanerError], None],
        masking: Masking | None = None,
        clock: DeviceClock | None = None,
        device_facts: DeviceFacts | None = None,
    ) -> None:
        self._clock = clock or DeviceClock()
        self._device_facts = device_facts
        self._spool = spool
        self._labeller = labeller
        self._streams = tuple(stream for stream in (video, audio) if stream is not None)
        self._origin = origin
        self._tools = TakeTools(labeller, video, audio, masking, origin.script, origin.language, report)
        self._open: RunningTake | None = None
        self.totals = TakeTotals()

    def open(
        self, take: str, step: PlanStep, attempt: int, media: tuple[Medium, ...], journal: Callable[[TakeRecord], None]
    ) -> TakeRecord:
        """Begin to record. `journal` is called with the take's record before the first byte.

        Raises:
            GleanerError: the spool is full or a recorder does not start; tear the take.
        """
        running = [MEDIA[medium](self._tools, step) for medium in media]
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
            opened_us=monotonic_us(),
            opened_at=self._clock.now(),
            captures=[TakeCapture(capture=new_id("cap"), medium=one.medium, sensor=one.sensor) for one in running],
        )
        wall = self._clock.wall()
        journal(record)
        self._tools.labels(lambda: self._labeller.begin(step.expected))
        self._open = RunningTake(record, running, self._clock.count_steps())
        for row, one in zip(record.captures, running, strict=True):
            one.capture = self._spool.open_capture(self._header(record, row.capture, one, wall))
        for one in running:
            one.begin()
        if self._open.detached_us is not None:  # it failed while its recorders were opened
            self._detach_all()
        return record

    def close(self, text: str | None) -> int:
        """End the take: media first, then labels, then manifests. Returns the device time of its end.

        Raises:
            GleanerError: the take cannot be completed; tear it.
        """
        take = self._open
        assert take is not None
        self.detach(take.record.take)
        closed_us = take.detached_us or monotonic_us()
        for one in take.media:
            one.end(closed_us)
        for one in take.media:
            made = one.finish(text or "", self._clock.count_steps() - take.steps_before)
            self.totals = self.totals.plus(made)
        self._open = None
        return closed_us

    def tear(self, reason: str) -> None:
        """End the take as an attempt that does not count. What is on the disk stays and is sent."""
        take, self._open = self._open, None
        self._detach_all()  # all of them before the first is waited for
        media = take.media if take is not None else []
        for one in media:
            one.abandon()
        for one in media:
            one.tear(reason)

    def detach(self, take: str) -> None:
        """The take records nothing from now on. Returns at once, touches no disk; `close` or `tear` follows."""
        running = self._open
        if running is None or running.record.take != take or running.detached_us is not None:
            return
        self._detach_all()
        running.detached_us = monotonic_us()

    def _detach_all(self) -> None:
        for stream in self._streams:
            stream.detach()

    @property
    def is_detached(self) -> bool:
        """Whether there is an open take that records nothing any more."""
        running = self._open
        return running is not None and running.detached_us is not None

    def limit(self, seconds: float) -> None:
        """The open take records for so many seconds from now, however late its end is carried out."""
        until_us = monotonic_us() + round(seconds * 1_000_000)
        for stream in self._streams:
            stream.limit(until_us)

    def suspend(self) -> None:
        """Nothing that a sensor gives is recorded, shown, measured or labelled until `resume`. Returns at once."""
        for stream in self._streams:
            stream.suspend()
        self._labeller.clear()

    def resume(self) -> None:
        for stream in self._streams:
            stream.resume()

    def _header(self, record: TakeRecord, capture: str, one: MediumTake, wall: Wall) -> CaptureHeader:
        return CaptureHeader(
            capture=capture,
            take=record.take,
            session=self._origin.session,
            study=self._origin.study,
            step=record.step,
            attempt=record.attempt,
            device=self._origin.device,
            sensor=one.sensor,
            medium=one.medium,
            format=one.format,
            consent=self._origin.consent,
            opened_us=record.opened_us,
            wall=wall,
            masked=True if one.is_masked else None,
            device_facts=self._device_facts,
            sensor_settings=one.sensor_settings,
        )

"""Masking of faces and speech between the sensors and the encoders, as the study asks; the finding is prelabel's.

The masks sit on the encoder threads: raw frames and samples wait in memory until what comes after them is known, and
only masked ones reach an encoder. A still is masked with what the camera sees in the moment after it. Where it cannot
be known what has to be masked, nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from device_agent.sensors.base import AudioBlock, Frame
from prelabel.audio.vad import VadModel
from prelabel.redaction.audio import AudioRedactor
from prelabel.redaction.people_finder import (
    PeopleFinder,
    RedactionFailed,
    RedactionUnavailable,
    from_catalogue,
    voice_from_catalogue,
)
from prelabel.redaction.video import VideoRedactor
from wire.capture import Medium
from wire.labels import Box, Interval, Keyframe, Label, LabelsDocument, Track
from wire.redaction import MaskedRegion, MaskRecord
from wire.script import PROMPTED, Plan, PlanStep, Redaction

STILL_US = 400_000  # a still is masked with what is seen for so long after it
UNDER_MASK = 0.2  # of the smaller of label and mask: a label that has so much in common with a mask is under it
LOOK_BETWEEN_US = 100_000  # how often a track is held against the masks between its keyframes
PEOPLE = frozenset({"person", "face"})
Item = TypeVar("Item", Frame, AudioBlock, contravariant=True)
Safe = list[tuple[np.ndarray, int]]


class Masker(Protocol[Item]):
    """Between one stream and its encoder, for one recording. Used by one thread."""

    def push(self, item: Item) -> Safe:
        """Take the next frame or block; what may be encoded now. Raises RedactionFailed, then nothing more comes."""

    def finish(self) -> Safe:
        """The end of the recording: the rest. Raises RedactionFailed."""

    def masked(self) -> MaskRecord:
        """What was masked in all that was given back."""


class FrameMasker:
    def __init__(self, redactor: VideoRedactor) -> None:
        self._redactor = redactor

    def push(self, item: Frame) -> Safe:
        return self._redactor.push(item.main, item.stamp_us, item.lores)

    def finish(self) -> Safe:
        return self._redactor.finish()

    def masked(self) -> MaskRecord:
        return self._redactor.masked()


class SoundMasker:
    def __init__(self, redactor: AudioRedactor) -> None:
        self._redactor = redactor

    def push(self, item: AudioBlock) -> Safe:
        return self._redactor.push(item.samples, item.stamp_us)

    def finish(self) -> Safe:
        return self._redactor.finish()

    def masked(self) -> MaskRecord:
        return self._redactor.masked()


@dataclass(frozen=True)
class Masking:
    """How a session masks. Made before the first sensor is: without a model that it needs, no session begins.

    `finder` is there when faces are masked, `voice` when speech is; each is used by one recording at a time.
    """

    policy: Redaction
    finder: PeopleFinder | None
    voice: VadModel | None

    def __post_init__(self) -> None:
        if self.policy.faces is not None and self.finder is None:
            raise RedactionUnavailable("The study masks faces, and there is no face detector on this device.")
        if self.policy.speech is not None and self.voice is None:
            raise RedactionUnavailable("The study mutes speech, and there is no speech model on this device.")

    def covers(self, medium: Medium) -> bool:
        """Whether captures of a medium are masked."""
        if medium in ("video", "image"):
            return self.policy.faces is not None
        return medium == "audio" and self.policy.speech is not None

    def frames(self, width: int, height: int) -> FrameMasker | None:
        """For one recording of a camera that the participant agreed to; None: pictures are not masked."""
        if self.finder is None or not self.covers("video"):
            return None
        return FrameMasker(VideoRedactor(self.policy, self.finder, width, height, allowed=True))

    def sound(self, sample_rate: int, channels: int, step: PlanStep) -> SoundMasker | None:
        """For one recording of a microphone; in a step that asks to speak everything said was asked for."""
        if self.voice is None or not self.covers("audio"):
            return None
        prompted = step.kind in PROMPTED
        return SoundMasker(AudioRedactor(self.policy, self.voice, sample_rate, channels, prompted=prompted))

    def still(self, frames: Sequence[Frame]) -> tuple[np.ndarray, MaskRecord]:
        """The first of some frames, I420 of its main size, masked with what all of them show.

        Raises:
            RedactionFailed: it cannot be said what has to be masked; there is no still then.
        """
        first = frames[0].main
        masker = self.frames(first.shape[1], first.shape[0] * 2 // 3)
        assert masker is not None  # asked only where pictures are masked
        safe = [pair for frame in frames for pair in masker.push(frame)]
        safe += masker.finish()
        if not safe:
            raise RedactionFailed("Masking the still gave no picture.")
        return safe[0][0], _of_the_first(masker.masked(), safe)

    def without_masked(self, document: LabelsDocument | None, record: MaskRecord | None) -> LabelsDocument | None:
        """The labels that say nothing about what was masked. Without a record of the masks no label stays.

        A masked person has no track and no box, muted speech no interval. Where everybody is masked the boxes and
        tracks of faces and people stay: they show no more than the masks themselves. Outlines and joints show more.
        """
        if document is None or record is None:
            return None
        shown = PEOPLE if self.policy.faces == "everyone" else frozenset()
        kept = [
            label if isinstance(label, Box | Track) and label.label in shown else _outside(label, record.regions)
            for label in document.labels
        ]
        return document.model_copy(update={"labels": [label for label in kept if label is not None]})


MakeMasking = Callable[[Plan], Masking | None]


def masking_of(plan: Plan) -> Masking | None:
    """The masking a plan asks for, with the models of the catalogue that are here; None: it asks for none.

    Raises:
        RedactionUnavailable: a model is not on this machine.
        GleanerError: what is here is not the model, or does not load.
    """
    policy = plan.redaction
    if policy is None:
        return None
    finder = from_catalogue() if policy.faces is not None else None
    return Masking(policy, finder, voice_from_catalogue() if policy.speech is not None else None)


def _of_the_first(record: MaskRecord, safe: Safe) -> MaskRecord:
    """The record of a still that was masked as the first frame of a few: its one moment is media time 0."""
    end_us = safe[1][1] - safe[0][1] if len(safe) > 1 else 1
    regions = [
        region.model_copy(update={"end_us": end_us, "keyframes": region.keyframes[:1]})
        for region in record.regions
        if region.start_us <= 0
    ]
    return record.model_copy(update={"regions": regions, "frames": 1, "frames_masked": int(bool(regions))})


def _outside(label: Label, regions: Sequence[MaskedRegion]) -> Label | None:
    """The label, the part of a track before it came under a mask, or None."""
    if isinstance(label, Track):
        return _track_outside(label, regions)
    if isinstance(label, Interval):
        hidden = any(label.start_us < region.end_us and region.start_us < label.end_us for region in regions)
        return None if hidden else label
    if not isinstance(label, Box):
        return None if regions else label  # a shape that is no box: whether it is under a mask is not known
    row = [label.start_us or 0, label.x, label.y, label.width, label.height]
    return None if _under(np.array([row], dtype=np.float64), regions).any() else label


def _track_outside(track: Track, regions: Sequence[MaskedRegion]) -> Track | None:
    rows = _course(track.keyframes)
    hidden = _under(rows, regions)
    if not hidden.any():
        return track
    until_us = rows[np.flatnonzero(hidden)[0], 0]
    kept = [key for key in track.keyframes if key.start_us < until_us]
    return track.model_copy(update={"keyframes": kept}) if kept else None


def _course(keyframes: Sequence[Keyframe]) -> np.ndarray:
    """Where a track is: rows [us, x, y, width, height] at its keyframes and often between, as people will see it."""
    times = np.array([key.start_us for key in keyframes], dtype=np.float64)
    boxes = np.array([[key.x, key.y, key.width, key.height] for key in keyframes], dtype=np.float64)
    every = np.unique(np.concatenate([times, np.arange(times[0], times[-1], LOOK_BETWEEN_US)]))
    return np.stack([every, *(np.interp(every, times, boxes[:, column]) for column in range(4))], axis=1)


def _under(rows: np.ndarray, regions: Sequence[MaskedRegion]) -> np.ndarray:
    """Which of the rows [us, x, y, width, height] have too much in common with a mask at their time; a mask without
    a place hides everything."""
    hidden = np.zeros(len(rows), dtype=bool)
    for region in regions:
        there = (rows[:, 0] >= region.start_us) & (rows[:, 0] < region.end_us)
        if not region.keyframes:
            hidden |= there
            continue
        keys = np.array(region.keyframes, dtype=np.float64)
        x, y, width, height = (np.interp(rows[:, 0], keys[:, 0], keys[:, column]) for column in range(1, 5))
        across = np.minimum(rows[:, 1] + rows[:, 3], x + width) - np.maximum(rows[:, 1], x)
        down = np.minimum(rows[:, 2] + rows[:, 4], y + height) - np.maximum(rows[:, 2], y)
        common = np.clip(across, 0, None) * np.clip(down, 0, None)
        smaller = np.maximum(np.minimum(rows[:, 3] * rows[:, 4], width * height), 1.0)
        hidden |= there & (common >= UNDER_MASK * smaller)
    return hidden

"""Faces and people in a picture, recall first, and the two errors of a redaction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2

from prelabel.audio.vad import VadModel
from prelabel.geometry.detection import Detection
from prelabel.image.detector import Detector, TooManyCandidates, open_detector
from prelabel.media.pictures import Image
from prelabel.models import catalogue
from prelabel.models.package import ModelPackage, open_model
from prelabel.redaction import policy
from wire.errors import GleanerError
from wire.labels import Source

FACES, PEOPLE, VOICE = "centerface", "yolox-nano", "silero-vad"
PERSON = "person"


class RedactionUnavailable(GleanerError):
    """A model without which nothing can be masked is not on this machine, so nothing is recorded."""

    code = "redaction-unavailable"
    status = 503
    exit_code = 3
    hint = f"Download the models: gleaner prelabel pull {FACES} {PEOPLE} {VOICE}."


class RedactionFailed(GleanerError):
    """It is not certain what has to be masked: nothing of what waits in memory may leave."""

    code = "redaction-failed"
    status = 500
    hint = "Nothing unmasked was written; run the step again, or the command on a sound file."


@dataclass(frozen=True)
class FrameDetections:
    """What the detectors found in one frame, in pixels of the picture they were given.

    `dark`: too dark to be trusted. `crowded`: more was found than can be distinguished, so the whole picture is masked.
    """

    faces: list[Detection]
    people: list[Detection]
    dark: bool = False
    crowded: bool = False


class PeopleFinder:
    """Detects faces and people, with all scores above their floors.

    Args:
        faces: every label it knows counts as a face.
        people: its label `person` counts.

    Raises:
        RedactionUnavailable: one of the two is missing, or does not know people.
    """

    def __init__(self, faces: Detector, people: Detector) -> None:
        if faces is None or people is None:
            raise RedactionUnavailable("Faces cannot be masked: a detector for faces and one for people are needed.")
        if PERSON not in people.names:
            raise RedactionUnavailable(f"The model {people.package.name} does not find people.")
        self._faces, self._people = faces.strict(), people.strict()
        self.face_score = max(map(faces.threshold, faces.names))
        self.person_score = people.threshold(PERSON)
        self.sources: tuple[Source, ...] = (faces.source, people.source)

    def find(self, bgr: Image) -> FrameDetections:
        """Faces and people in a picture H x W x 3 (uint8, BGR). A dim picture is brightened first.

        Raises:
            ModelRefused: a network fails, or its answer is not finite: nothing seen is not the same as nobody there.
            ValueError: not a picture.
        """
        mean = float(bgr.mean())
        dark = mean < policy.DARK
        if mean < policy.DIM:
            bgr = cv2.convertScaleAbs(bgr, alpha=policy.BRIGHTENED / max(mean, 1.0))
        try:
            faces = self._faces.detect(bgr, min(policy.FACE_FLOOR, self._faces.floor))
            people = self._people.detect(bgr, min(policy.PERSON_FLOOR, self.person_score), {PERSON})
        except TooManyCandidates:
            return FrameDetections([], [], dark, crowded=True)
        return FrameDetections(faces, people, dark)


def from_catalogue(side: int | None = None) -> PeopleFinder:
    """The finder of the catalogue's models. Uses no network: what a recording needs has to be here before it begins.

    Args:
        side: the longer side in pixels at which faces are searched, the manifest's own when None; larger finds
            smaller faces in large pictures and takes its square in time.

    Raises:
        RedactionUnavailable: a model is not on this machine.
        ModelCorrupt, ModelRefused, ModelFolderMissing: what is here is not the model.
    """
    faces, people = _here(FACES), _here(PEOPLE)
    if side is not None:
        larger = faces.manifest.input.model_copy(update={"max_side": side})
        manifest = faces.manifest.model_copy(update={"input": larger})
        faces = replace(faces, manifest=manifest)
    return PeopleFinder(open_detector(faces), open_detector(people))


def voice_from_catalogue() -> VadModel:
    """The voice activity model of the catalogue; raises as `from_catalogue`."""
    return VadModel(_here(VOICE))


def _here(name: str) -> ModelPackage:
    if not catalogue.available(name):
        raise RedactionUnavailable(
            f"Redaction needs the model {name}, which is not on this machine.", hint=f"gleaner prelabel pull {name}"
        )
    return open_model(name)

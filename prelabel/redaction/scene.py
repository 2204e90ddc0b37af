"""Who is in the picture, and what of it has to be masked at a moment. Knows boxes and times, no pixels."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.assignment import best_pairs
from prelabel.redaction import policy
from prelabel.redaction.participant import ParticipantTrail
from prelabel.redaction.people_finder import FrameDetections
from prelabel.redaction.trails import Trail, Trails, grow

Array = NDArray[Any]

# A standing person's face is in the upper part; one who is seen down to the chest has it lower.
_UPPER_STANDING, _UPPER_CLOSE = 0.4, 0.65
_STANDING = 1.6  # height to width
_MIN_FIT = 0.2
# A participant's face sits where a head is; somebody held in their arms is not them.
_MIN_FIT_OF_PARTICIPANT = 0.5


@dataclass(frozen=True)
class MaskedBox:
    """One box (x1, y1, x2, y2 in pixels of the picture) to be masked. `key` is the same through a thing's frames."""

    key: tuple[str, int]
    why: Literal["face", "person", "undecided"]
    box: Array


class MaskingScene:
    """Takes the detections in order, then gives the masks of any moment within the margin of them.

    Args:
        width, height: of the picture, in pixels.
        zone: where the participant stands, as parts of the picture; None: everybody is masked.
        scores: the least score of a strong face and of a strong person.
    """

    def __init__(
        self,
        width: int,
        height: int,
        margin_us: int,
        zone: tuple[float, float, float, float] | None,
        scores: tuple[float, float],
    ) -> None:
        self._size = (width, height)
        self._margin_us = margin_us
        self._faces = Trails(scores[0], margin_us)
        self._people = Trails(scores[1], margin_us)
        self._sure_face = max(scores[0], policy.SURE_FACE)
        self._participant = ParticipantTrail(zone, width, height) if zone is not None else None
        self._looks: list[int] = []
        self._crowded: set[int] = set()  # frames with more detections than can be distinguished

    def update(self, time_us: int, seen: FrameDetections, scale: tuple[float, float]) -> None:
        """Take what was found at a moment, unless it was dark; `scale` converts its pixels to those of the picture."""
        if seen.dark:
            return
        self._looks.append(time_us)
        if seen.crowded:
            self._crowded.add(time_us)
            return
        faces = self._faces.update(time_us, seen.faces, scale)
        people = self._people.update(time_us, seen.people, scale)
        if self._participant is not None:
            self._participant.update(time_us, people, self._people.trails)
        self._assign_faces(time_us, faces, people, [face.score >= self._sure_face for face in seen.faces])

    def masks(self, time_us: int) -> list[MaskedBox]:
        """What to mask at a moment: faces and people, or one mask over all.

        All is masked where the detectors did not run, and next to detections of more than can be distinguished.
        """
        if not self._detected_near(time_us) or self._crowded_around(time_us):
            return self.everything()
        rows: list[MaskedBox] = []
        for face in self._faces.trails:
            box = face.reach(time_us, self._margin_us)
            if box is not None and not self._is_participants(face, time_us):
                rows.append(MaskedBox(("face", face.number), "face", grow(_head(box), policy.FACE_GROW)))
        for person in self._people.trails:
            box = person.reach(time_us, self._margin_us)
            if box is not None and not self._is_participant(person, time_us):
                rows += self._person(person, box, time_us)
        return rows

    def everything(self) -> list[MaskedBox]:
        """One mask over the whole picture: it is not known what to mask."""
        return [MaskedBox(("undecided", 0), "undecided", np.array([0.0, 0.0, *map(float, self._size)]))]

    def drop_before(self, time_us: int) -> None:
        """No moment before this one will be asked for again."""
        oldest = time_us - self._margin_us
        self._faces.drop_before(oldest)
        self._people.drop_before(oldest)
        del self._looks[: max(0, bisect_left(self._looks, time_us) - 1)]
        self._crowded = {crowded_us for crowded_us in self._crowded if crowded_us >= self._looks[0]}

    def _detected_near(self, time_us: int) -> bool:
        after = bisect_left(self._looks, time_us)
        if after < len(self._looks) and self._looks[after] == time_us:
            return True
        if after == 0 or after == len(self._looks):
            # Before the first or after the last look: the detectors always run at the ends, unless these are dark.
            return False
        return self._looks[after] - self._looks[after - 1] <= policy.LOOK_LIMIT_US

    def _crowded_around(self, time_us: int) -> bool:
        """Whether more was detected at this moment, or at one of the two around it, than can be distinguished."""
        after = bisect_left(self._looks, time_us)
        exact = self._looks[after : after + 1] == [time_us]
        beside = self._looks[after : after + 1] if exact else self._looks[max(0, after - 1) : after + 1]
        return not self._crowded.isdisjoint(beside)

    def _person(self, person: Trail, box: Array, time_us: int) -> list[MaskedBox]:
        """The whole person when no face was seen on them within the margin, the head when not seen just now."""
        key = ("person", person.number)
        if not person.faces_us:
            return [MaskedBox(key, "person", grow(box, policy.PERSON_GROW))]
        away = min(abs(seen - time_us) for seen in person.faces_us)
        if away > self._margin_us:
            return [MaskedBox(key, "person", grow(box, policy.PERSON_GROW))]
        if away <= policy.FACE_LOST_US:
            return []
        whole = grow(box, policy.PERSON_GROW)
        head = np.array([whole[0], whole[1], whole[2], whole[1] + (whole[3] - whole[1]) / 3])
        return [MaskedBox(key, "person", head)]

    def _assign_faces(self, time_us: int, faces: list[Trail], people: list[Trail], sure: list[bool]) -> None:
        """Give each face of this look to at most one person and each person at most one face.

        Only a face that the detector is sure of shows that the person's face was seen: the back of a head is often
        enough a weak one, and whoever is excused by that would be recognised by all the rest of them.
        """
        if not faces or not people:
            return
        fits = np.stack([_fit(person.boxes[-1], [face.boxes[-1] for face in faces]) for person in people])
        for row, column in best_pairs(fits, _MIN_FIT):
            person, face = people[row], faces[column]
            if sure[column]:
                person.faces_us.append(time_us)
            face.owners[-1] = person.number
        if self._participant is None:
            return
        for row, person in enumerate(people):
            if person.number != self._participant.number:
                continue
            inside = [face for face in faces if _centre_inside(face.boxes[-1], person.boxes[-1])]
            for column, face in enumerate(faces):
                owned = face.owners[-1] == person.number
                if owned and (len(inside) > 1 or fits[row, column] < _MIN_FIT_OF_PARTICIPANT):
                    face.owners[-1] = None

    def _is_participant(self, person: Trail, time_us: int) -> bool:
        return self._participant is not None and self._participant.certain(person, time_us)

    def _is_participants(self, face: Trail, time_us: int) -> bool:
        """Whether a face is the participant's for certain: at every sighting near the moment, else at the nearest."""
        if self._participant is None or self._participant.number is None:
            return False
        if not self._participant.certain_at(time_us):
            return False
        near = [
            owner
            for seen_us, owner in zip(face.times_us, face.owners, strict=True)
            if abs(seen_us - time_us) <= policy.LOOK_LIMIT_US
        ]
        if not near:
            nearest = min(range(len(face.times_us)), key=lambda index: abs(face.times_us[index] - time_us))
            near = [face.owners[nearest]]
        return all(owner == self._participant.number for owner in near)


def _fit(person: Array, faces: list[Array]) -> Array:
    """How well each face sits on a person, 0..1: its middle in the upper part, the nearer to the middle the better."""
    boxes = np.stack(faces)
    width, height = person[2] - person[0], person[3] - person[1]
    upper = _UPPER_STANDING if height > _STANDING * width else _UPPER_CLOSE
    across = ((boxes[:, 0] + boxes[:, 2]) / 2 - person[0]) / max(width, 1.0)
    down = ((boxes[:, 1] + boxes[:, 3]) / 2 - person[1]) / max(height, 1.0)
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= upper)
    smaller = (boxes[:, 2] - boxes[:, 0]) <= 1.2 * width
    fit: Array = np.where(inside & smaller, 1.0 - np.abs(across - 0.5) - 0.25 * np.abs(down) / upper, 0.0)
    return fit


def _centre_inside(face: Array, person: Array) -> bool:
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return bool(person[0] <= x <= person[2] and person[1] <= y <= person[3])


def _head(box: Array) -> Array:
    """A face turned away is a narrow box, the head around it is not: as wide as it is high, at least nearly."""
    missing = policy.HEAD_WIDTH * (box[3] - box[1]) - (box[2] - box[0])
    return box + np.array([-0.5, 0.0, 0.5, 0.0]) * max(0.0, float(missing))

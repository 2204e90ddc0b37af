"""Whom a face excuses, who is the participant, and what is masked between two looks."""

from __future__ import annotations

import numpy as np
import pytest

from prelabel.geometry.detection import Detection
from prelabel.redaction import policy
from prelabel.redaction.people_finder import FrameDetections
from prelabel.redaction.scene import MaskedBox, MaskingScene

FACE_SCORE, PERSON_SCORE = 0.4, 0.35
MARGIN_US = 2_000_000
EVERY_US = policy.LOOK_EVERY_US
PERSON = (100.0, 40.0, 80.0, 240.0)
HEAD = (120.0, 50.0, 36.0, 44.0)
ZONE = (0.2, 0.0, 0.4, 1.0)
Box = tuple[float, float, float, float]


def scene(zone: Box | None = None) -> MaskingScene:
    return MaskingScene(640, 360, MARGIN_US, zone, (FACE_SCORE, PERSON_SCORE))


def seen(faces: list[tuple[Box, float]], people: list[tuple[Box, float]]) -> FrameDetections:
    return FrameDetections(
        [Detection(*box, "face", score) for box, score in faces],
        [Detection(*box, "person", score) for box, score in people],
    )


def holds(masks: list[MaskedBox], box: Box) -> bool:
    """Whether one mask holds the whole box."""
    x, y, width, height = box
    return any(
        row.box[0] <= x and row.box[1] <= y and row.box[2] >= x + width and row.box[3] >= y + height for row in masks
    )


@pytest.mark.parametrize(("score", "whole"), [(0.16, True), (0.49, True), (0.59, True), (0.6, False), (0.9, False)])
def test_only_a_sure_face_shows_that_the_face_was_seen(score: float, whole: bool) -> None:
    """The back of a head is a weak face for a minute: its person is masked whole, and so is what may be a face."""
    made = scene()
    for number in range(20):
        made.update(number * EVERY_US, seen([(HEAD, score)], [(PERSON, 0.8)]), (1.0, 1.0))
    for moment in (0, 5 * EVERY_US + 7, 19 * EVERY_US):
        masks = made.masks(moment)
        assert holds(masks, HEAD)
        assert holds(masks, PERSON) == whole


@pytest.mark.parametrize(("begins_us", "visible"), [(0, True), (policy.PLACED_US, True), (policy.PLACED_US + 1, False)])
def test_who_turns_up_in_the_zone_later_is_not_the_participant(begins_us: int, visible: bool) -> None:
    """Nobody is there when the recording begins: who comes out from behind a door in the zone gave no consent."""
    made = scene(ZONE)
    made.update(-1, seen([], []), (1.0, 1.0))
    start = begins_us - 1
    for number in range(30):
        made.update(start + number * EVERY_US, seen([(HEAD, 0.9)], [(PERSON, 0.9)]), (1.0, 1.0))
    moment = start + 15 * EVERY_US
    assert holds(made.masks(moment), HEAD) != visible


@pytest.mark.parametrize("apart_us", [policy.SLOWEST_LOOK_US, policy.LOOK_LIMIT_US])
def test_between_two_looks_a_frame_is_masked_with_one_of_them_at_least(apart_us: int) -> None:
    """Two who exchange their places, or two tracks that were exchanged: halfway they are not in the middle."""
    made = scene()
    left, right = (100.0, 50.0, 36.0, 44.0), (160.0, 50.0, 36.0, 44.0)
    made.update(0, seen([(left, 0.9)], []), (1.0, 1.0))
    made.update(apart_us, seen([(right, 0.9)], []), (1.0, 1.0))
    for moment in np.linspace(0, apart_us, 41).astype(int).tolist():
        masks = made.masks(moment)
        assert holds(masks, left) or holds(masks, right)

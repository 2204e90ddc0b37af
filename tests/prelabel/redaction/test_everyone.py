"""Nobody is let through for being one of many or for being there for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from prelabel.cli.redact import what_was_masked
from prelabel.image import detector
from prelabel.image.detector import Detector
from prelabel.image.family import Array, Candidates, Decoder
from prelabel.image.letterbox import Placement
from prelabel.redaction.people_finder import FrameDetections, PeopleFinder
from prelabel.redaction.policy import SOLID_YUV
from prelabel.redaction.video import VideoRedactor, redact_picture
from tests.prelabel.redaction import colours as c
from wire.redaction import MaskedRegion, MaskRecord
from wire.script import Redaction


class Crowd(Decoder):
    """Small boxes side by side, `count` of them."""

    count = 523

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        """Whatever the outputs are."""

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        at = np.arange(self.count)
        left, top = (at % 40) * 4.0, (at // 40 % 30) * 4.0
        boxes = np.stack([left, top, left + 3, top + 3], axis=1)
        return Candidates(boxes, np.linspace(0.9, 0.2, self.count), np.zeros(self.count, dtype=np.intp))


def crowded(folder: Path, colours: list[tuple[int, int, int]], label: str) -> Detector:
    real = c.detector(folder, colours, label)
    return Detector(real._network, Crowd(real.package.manifest))


def test_every_face_of_a_crowd_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finder = PeopleFinder(
        crowded(tmp_path / "faces", [c.BLUE], "face"), crowded(tmp_path / "people", [c.RED], "person")
    )
    seen = finder.find(c.picture())
    assert (len(seen.faces), len(seen.people)) == (523, 523)
    assert not seen.crowded
    monkeypatch.setattr(detector, "MAX_COMPLETE", 522)
    assert finder.find(c.picture()).crowded


@pytest.mark.parametrize("method", ["solid", "mosaic"])
def test_a_picture_with_more_faces_than_can_be_merged_is_masked_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    finder = PeopleFinder(
        crowded(tmp_path / "faces", [c.BLUE], "face"), c.detector(tmp_path / "people", [c.RED], "person")
    )
    policy = Redaction(faces="everyone", speech=None, margin_seconds=0.5, method=method)
    monkeypatch.setattr(detector, "MAX_COMPLETE", 522)
    masked, account = redact_picture(c.picture((c.RED, (10, 10, 50, 90))), policy, finder, allowed=True)
    assert (masked == SOLID_YUV[0]).all()
    (region,) = account.regions
    assert region.why == "undecided" and region.keyframes == [(0, 0, 0, c.WIDTH, c.HEIGHT)]
    assert account.frames_masked == 1


@pytest.mark.parametrize("live", [False, True])
def test_frames_beside_a_look_that_saw_too_many_are_masked_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    real, crowd = c.detector(tmp_path / "faces", [c.BLUE], "face"), 6
    looks: list[int] = []

    def find(bgr: np.ndarray) -> FrameDetections:
        looks.append(number)
        return FrameDetections([], [], crowded=len(looks) == crowd)

    finder = PeopleFinder(real, c.detector(tmp_path / "people", [c.RED], "person"))
    monkeypatch.setattr(finder, "find", find)
    redactor = VideoRedactor(
        Redaction(faces="everyone", speech=None, margin_seconds=0.5), finder, c.WIDTH, c.HEIGHT, True, live=live
    )
    out = []
    for number in range(40):
        out += redactor.push(c.frame(), number * 20_000)
    out += redactor.finish()
    whole = [at for at, (frame, _) in enumerate(out) if (frame[: c.HEIGHT] == SOLID_YUV[0]).all()]
    before, at, after = looks[crowd - 2 : crowd + 1]
    assert whole == list(range(before + 1, after)) and at in whole and len(out) == 40


def test_what_was_masked_whole_is_reported() -> None:
    masks = MaskRecord(
        method="solid", sound="zeros", models=[], margin_us=500_000, frames=40, frames_masked=9,
        regions=[
            MaskedRegion(start_us=0, end_us=40_000, why="face", keyframes=[(0, 1, 2, 3, 4)]),
            MaskedRegion(start_us=20_000, end_us=60_000, why="face", keyframes=[(20_000, 1, 2, 3, 4)]),
            MaskedRegion(start_us=60_000, end_us=100_000, why="undecided", keyframes=[(60_000, 0, 0, 9, 9)]),
            MaskedRegion(start_us=0, end_us=9_000, why="undecided"),
            MaskedRegion(start_us=0, end_us=1_500_000, why="speech"),
        ],
    )  # fmt: skip
    assert (
        what_was_masked(masks)
        == "9 of 40 pictures masked (masks: 2 on faces, 1 on the whole picture), 1.5 s of speech muted"
    )
    assert what_was_masked(masks.model_copy(update={"regions": [], "frames_masked": 0})) == "0 of 40 pictures masked"


@pytest.mark.parametrize("step_us", [33_333, 16_667])
@pytest.mark.parametrize("shown", [13, 14, 15])
def test_a_face_of_one_frame_is_masked_in_a_file(tmp_path: Path, step_us: int, shown: int) -> None:
    redactor = VideoRedactor(
        Redaction(faces="everyone", speech=None, margin_seconds=0.5),
        c.finder(tmp_path),
        c.WIDTH,
        c.HEIGHT,
        True,
        live=False,
    )
    face = (122, 100, 36, 44)
    out = []
    for number in range(30):
        bgr = c.picture((c.BLUE, face)) if number == shown else c.picture()
        out += redactor.push(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), number * step_us)
    out += redactor.finish()
    assert len(out) == 30
    left = cv2.cvtColor(out[shown][0], cv2.COLOR_YUV2BGR_I420)[100:144, 122:158].astype(int)
    assert not (np.abs(left - np.array(c.BLUE)).sum(axis=2) < 90).any()

"""Films with known faces of 20 to 200 pixels, turned, half hidden, coming and going: every frame is masked.

With CenterFace alone (the people detector is real and knows nobody), which is harder, and with both models.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from prelabel.image.detector import Detector, open_detector
from prelabel.models.catalogue import ModelUnavailable
from prelabel.models.package import open_model
from prelabel.redaction import policy
from prelabel.redaction.people_finder import PeopleFinder
from prelabel.redaction.video import VideoRedactor
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.redaction.scenes import Frame, Pose, film, i420, is_solid
from tests.support.trials import SOAK
from wire.script import Redaction

WIDTH, HEIGHT, RATE = 640, 360, 25.0
# Of the pixels of a face that can be seen on a frame, so many have to be masked; fewer than this are no face.
MIN_MASKED = 0.95
MIN_PIXELS = 30
FURNITURE = (300, 100, 50, 260)
Poses = Callable[[float], list[Pose | None]]


def coming_near(t: float) -> list[Pose | None]:
    """20 to 200 pixels wide in four seconds, swaying and turning by 30 degrees."""
    return [Pose(320 + 40 * np.sin(1.3 * t), 160, 20 * 10 ** (t / 4), 30 * np.sin(2.2 * t))]


def passing(t: float) -> list[Pose | None]:
    """One comes in from the left and goes behind furniture, a small one leaves on the right in front of them."""
    return [Pose(-60 + 190 * t, 144, 60, 8 * np.sin(6 * t)), Pose(690 - 150 * t, 108, 26)]


def small(t: float) -> list[Pose | None]:
    return [
        Pose(60 + 10 * np.sin(t), 60, 20, 20 * np.sin(3 * t)),
        Pose(200, 120 + 15 * np.cos(2 * t), 30),
        Pose(420 + 60 * np.sin(1.5 * t), 150, 40, -30 * np.cos(t)),
    ]


def popping(t: float) -> list[Pose | None]:
    """Steps out of nowhere (a door) and is gone again."""
    return [Pose(450, 130, 90, 15) if 0.7 < t < 2.3 else None, Pose(150, 200, 35, -25) if t > 1.5 else None]


FILMS: dict[str, tuple[Poses, float, tuple[int, int, int, int] | None]] = {
    "coming near": (coming_near, 4.0, None),
    "passing": (passing, 4.0, FURNITURE),
    "small": (small, 2.4, None),
    "popping": (popping, 3.2, None),
}


@pytest.fixture(scope="module")
def faces() -> Detector:
    try:
        return open_detector(open_model("centerface"))
    except ModelUnavailable as error:
        needs.need(False, str(error))
        raise


@pytest.fixture(scope="module")
def alone(faces: Detector, tmp_path_factory: pytest.TempPathFactory) -> PeopleFinder:
    text = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person"])
    blind = graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1))
    folder = graphs.save_package(tmp_path_factory.mktemp("people"), blind, text)
    return PeopleFinder(faces, open_detector(open_model(folder)))


@pytest.fixture(scope="module")
def both(faces: Detector) -> PeopleFinder:
    return PeopleFinder(faces, open_detector(open_model(needs.testdata("models/yolox_nano.onnx"))))


def redacted(
    finder: PeopleFinder, truth: list[Frame], method: str, *, live: bool, small: bool = False
) -> list[np.ndarray]:
    """`small`: the detectors get the picture at half its size, as a camera's small stream has it."""
    height, width = truth[0].bgr.shape[:2]
    asked = Redaction.model_validate({"faces": "everyone", "method": method})
    redactor = VideoRedactor(asked, finder, width, height, allowed=True, live=live)
    out = []
    for frame in truth:
        half = cv2.resize(frame.bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        out += redactor.push(i420(frame.bgr), frame.time_us, i420(half) if small else None)
    out += redactor.finish()
    assert [stamp for _, stamp in out] == [frame.time_us for frame in truth]
    return [frame for frame, _ in out]


def least_masked(truth: list[Frame], out: list[np.ndarray]) -> float:
    worst = 1.0
    for frame, left in zip(truth, out, strict=True):
        solid = is_solid(left, policy.SOLID_YUV)
        for face in frame.faces:
            if face.sum() >= MIN_PIXELS:
                worst = min(worst, float((solid & face).sum() / face.sum()))
    return worst


@pytest.mark.parametrize("name", FILMS)
def test_every_known_face_is_masked_on_every_frame(alone: PeopleFinder, faces: Detector, name: str) -> None:
    poses, seconds, furniture = FILMS[name]
    truth = list(film(WIDTH, HEIGHT, RATE, seconds, poses, furniture))
    assert all(any(face.sum() >= MIN_PIXELS for face in frame.faces) for frame in truth[25:50])
    out = redacted(alone, truth, "solid", live=False)
    assert least_masked(truth, out) >= MIN_MASKED
    # Masks are not the whole picture, or anything would pass.
    assert np.mean([is_solid(frame, policy.SOLID_YUV).mean() for frame in out]) < 0.5
    for frame in out[::8]:
        assert faces.detect(cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)) == []


@pytest.mark.soak
@pytest.mark.parametrize("name", ["coming near", "passing"] if SOAK else ["passing"])
def test_a_live_recording_masks_them_as_well_with_fewer_looks(alone: PeopleFinder, name: str) -> None:
    poses, seconds, furniture = FILMS[name]
    truth = list(film(WIDTH, HEIGHT, RATE, seconds, poses, furniture))
    assert least_masked(truth, redacted(alone, truth, "solid", live=True)) >= MIN_MASKED


@pytest.mark.soak
@pytest.mark.parametrize("name", ["passing", "popping"] if SOAK else ["popping"])
def test_a_slow_machine_that_sees_the_small_stream_masks_them_as_well(
    alone: PeopleFinder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many pixels in a picture twice as large, twice as fast; the detectors see half of them, thrice a second."""
    monkeypatch.setattr(policy, "LOOK_EVERY_US", policy.SLOWEST_LOOK_US)
    poses, seconds, furniture = FILMS[name]

    def twice(t: float) -> list[Pose | None]:
        return [pose and Pose(2 * pose.x, 2 * pose.y, pose.width, pose.turn) for pose in poses(t)]

    hiding = furniture and (2 * furniture[0], 2 * furniture[1], 2 * furniture[2], 2 * furniture[3])
    truth = list(film(2 * WIDTH, 2 * HEIGHT, RATE, seconds, twice, hiding))
    assert least_masked(truth, redacted(alone, truth, "solid", live=True, small=True)) >= MIN_MASKED


def test_a_mosaic_leaves_no_face_to_find(alone: PeopleFinder, faces: Detector) -> None:
    truth = list(film(WIDTH, HEIGHT, RATE, 2.0, coming_near))
    out = redacted(alone, truth, "mosaic", live=False)
    for frame, left in zip(truth[::5], out[::5], strict=True):
        bgr = cv2.cvtColor(left, cv2.COLOR_YUV2BGR_I420)
        for found in faces.detect(bgr):
            x, y = round(found.x + found.width / 2), round(found.y + found.height / 2)
            assert not any(face[min(y, HEIGHT - 1), min(x, WIDTH - 1)] for face in frame.faces)


@pytest.mark.soak
@pytest.mark.parametrize("name", FILMS if SOAK else ["passing"])
def test_both_models_mask_every_known_face(both: PeopleFinder, faces: Detector, name: str) -> None:
    poses, seconds, furniture = FILMS[name]
    truth = list(film(WIDTH, HEIGHT, RATE, seconds, poses, furniture))
    out = redacted(both, truth, "solid", live=False)
    assert least_masked(truth, out) >= MIN_MASKED
    for frame in out[::8]:
        assert faces.detect(cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)) == []


def test_real_people_without_a_face_to_see_are_masked(both: PeopleFinder) -> None:
    """Who walks through a real room and turns her back to the camera: wherever the model sees her, all is masked.

    CenterFace sees weak faces in her hair, up to 0.3, which are no reason to show the rest of her.
    """
    import av

    path: Path = needs.testdata("media/one-by-one-person-detection.mp4")
    asked = Redaction(faces="everyone", margin_seconds=1.0)
    with av.open(str(path)) as source:
        frames = [frame.to_ndarray(format="yuv420p") for frame in islice(source.decode(video=0), 60, 150)]
    height, width = frames[0].shape[0] * 2 // 3, frames[0].shape[1]
    redactor = VideoRedactor(asked, both, width, height, allowed=True, live=False)
    out = [pair for number, frame in enumerate(frames) for pair in redactor.push(frame, number * 66_667)]
    out += redactor.finish()
    people = open_detector(open_model(needs.testdata("models/yolox_nano.onnx")))
    seen = 0
    for frame, (left, _) in zip(frames[::5], out[::5], strict=True):
        for row in people.detect(cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420), 0.5, {"person"}):
            x, y = max(0, round(row.x)), max(0, round(row.y))
            body = is_solid(left, policy.SOLID_YUV)[y : round(row.y + row.height), x : round(row.x + row.width)]
            seen += 1
            assert body.mean() >= MIN_MASKED
    assert seen > 15

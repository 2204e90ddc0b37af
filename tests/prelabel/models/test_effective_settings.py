"""What a label says of the settings of its model: the same hash for the same settings, another for any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.labelling.many_files import InProcess, label_files
from prelabel.labelling.one_file import describe, label_file
from prelabel.models import effective_settings
from prelabel.models.catalogue import ModelCorrupt
from prelabel.models.effective_settings import MAX_NAMES, package_settings, with_settings
from prelabel.models.manifest import Manifest
from prelabel.models.package import ModelPackage, open_model
from tests.prelabel import graphs
from wire.canonical import document_hash
from wire.labels import Box, LabelsDocument, Source

SIZE = (64, 96)
FRACTIONS = st.floats(0.1, 1, allow_nan=False)
TABLE: dict[str, Any] = {
    "name": "planted", "version": "1", "family": "yolox", "licence": "Apache-2.0", "sha256": "a" * 64,
    "names": ["person", "cup"], "inputs": {"image": "images"}, "outputs": {"predictions": "output"},
    "thresholds": {"score": 0.35},
}  # fmt: skip
CHANGES: list[dict[str, Any]] = [
    {"thresholds": {"score": 0.4}},
    {"thresholds": {"score": 0.35, "scores": {"cup": 0.6}}},
    {"thresholds": {"score": 0.35, "iou": 0.5}},
    {"thresholds": {"score": 0.35, "agnostic": True}},
    {"names": ["person", "mug"]},
    {"input": {"size": [96, 64]}},
    {"input": {"fit": "stretch"}},
    {"input": {"colour": "RGB"}},
]


def package(**changes: Any) -> ModelPackage:
    manifest = Manifest.model_validate({**TABLE, **changes})
    return ModelPackage(manifest.name, manifest.version, manifest.sha256, manifest.family, Path("model.onnx"), manifest)


def planted(folder: Path, thresholds: str = "") -> str:
    """A package that sees one cup in every picture."""
    rows = graphs.yolox_rows(*SIZE, 2)
    graphs.plant_yolox(rows, *SIZE, 8, (10, 12, 20, 16), 1)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"], thresholds)
    return str(graphs.save_package(folder, graphs.yolox(*SIZE, rows), toml))


def picture(path: Path) -> Path:
    assert cv2.imwrite(str(path), np.full((*SIZE, 3), 90, np.uint8))
    return path


# ---------------------------------------------------------------- hashes
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_whatever_changes_labels_changes_both_hashes(changes: dict[str, Any]) -> None:
    one, other = package(), package(**changes)
    assert one.source.sha256 == other.source.sha256
    assert one.source.package != other.source.package
    assert document_hash(package_settings(one)) != document_hash(package_settings(other))


@given(score=FRACTIONS, floor=FRACTIONS)
def test_the_same_settings_have_the_same_hashes(score: float, floor: float) -> None:
    one, other = (package(thresholds={"score": score, "floor": floor}) for _ in range(2))
    assert one.source == other.source
    assert document_hash(package_settings(one)) == document_hash(package_settings(other))


@given(first=FRACTIONS, second=FRACTIONS)
def test_two_thresholds_are_two_packages(first: float, second: float) -> None:
    one, other = (package(thresholds={"score": score}) for score in (first, second))
    assert (one.source.package == other.source.package) == (first == second)


def test_a_golden_sample_and_a_time_budget_change_no_label() -> None:
    golden = {"sample": "photo-cup", "expect": []}
    assert package(golden=golden, budget={"Raspberry Pi 4": 80.0}).source == package().source


def test_what_is_said_and_what_is_meant_anyway_are_one_package() -> None:
    said = package(thresholds={"score": 0.35, "iou": 0.45, "maximum": 100}, input={"multiple": 32})
    assert said.source == package().source


def test_the_runtime_and_what_a_run_decides_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = package_settings(package())
    assert package_settings(package(), looks_per_second=5) != package_settings(package(), looks_per_second=None)
    monkeypatch.setattr(effective_settings, "RUNTIME", "onnxruntime 0.0.1")
    assert document_hash(package_settings(package())) != document_hash(before)


def test_settings_say_what_people_ask_about() -> None:
    found = package_settings(package(), looks_per_second=5)
    assert found["thresholds"]["score"] == 0.35 and found["names"] == ["person", "cup"]
    assert found["input"]["fit"] == "letterbox-top-left" and found["runtime"].startswith("onnxruntime ")
    assert found["looks_per_second"] == 5


def test_a_thousand_names_are_given_by_their_hash() -> None:
    names = [f"name {number}" for number in range(MAX_NAMES + 1)]
    found = package_settings(package(names=names))["names"]
    assert found == {"count": MAX_NAMES + 1, "sha256": document_hash(names)}


# ---------------------------------------------------------------- documents
def test_every_source_gets_the_settings_of_its_own_model() -> None:
    finder = Source(kind="model", name="finder", version="1", sha256="b" * 64)
    unused = Source(kind="model", name="unused", version="1", sha256="c" * 64)
    person = Source(kind="person", name="ann")
    own = package().source
    labels = [
        Box(id=f"b{number}", label="cup", x=0, y=0, width=1, height=1, source=source)
        for number, source in enumerate([None, finder, person])
    ]
    used = {own: {"score": 0.3}, finder: {"score": 0.5}, unused: {"score": 0.7}}
    document = with_settings(LabelsDocument(capture="c", source=own, labels=[*labels]), used, looks_per_second=None)
    mine, theirs = {"score": 0.3, "looks_per_second": None}, {"score": 0.5}
    assert document.source.settings == document_hash(mine)
    assert [label.source and label.source.settings for label in document.labels] == [None, document_hash(theirs), None]
    assert document.settings == {document_hash(mine): mine, document_hash(theirs): theirs}
    document.check_settings()


def test_two_packages_around_one_file_are_told_apart(tmp_path: Path) -> None:
    low, high = (
        planted(tmp_path / "a", "[thresholds]\nscore = 0.35"),
        planted(tmp_path / "b", "[thresholds]\nscore = 0.95"),
    )
    path = picture(tmp_path / "a.png")
    found = [LabelsDocument.read(label_file({"path": str(path), "model": model})["document"]) for model in (low, high)]
    one, other = (document.source for document in found)
    assert (one.name, one.version, one.sha256) == (other.name, other.version, other.sha256)
    assert one.package != other.package and one.settings != other.settings
    scores = [document.settings[document.source.settings or ""]["thresholds"]["score"] for document in found]
    assert scores == [0.35, 0.95]


def test_a_run_over_many_files_says_its_settings_in_each(tmp_path: Path) -> None:
    model = planted(tmp_path / "planted")
    paths = [picture(tmp_path / f"{number}.png") for number in range(3)]
    outcomes = list(label_files(paths, {"model": model, "looks_per_second": 2.0}, InProcess(), 1))
    documents = [LabelsDocument.read(outcome.document or {}) for outcome in outcomes]
    assert len({document.source for document in documents}) == 1
    for document in documents:
        assert set(document.settings) == {document.source.settings}
        document.check_settings()


def test_threads_change_neither_labels_nor_their_source(tmp_path: Path) -> None:
    model, path = planted(tmp_path / "planted"), str(picture(tmp_path / "a.png"))
    one, four = (label_file({"path": path, "model": model, "threads": threads})["document"] for threads in (1, 4))
    assert one == four


def test_a_manifest_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    model, path = planted(tmp_path / "planted"), str(picture(tmp_path / "a.png"))
    asked = {"path": path, "model": model, "package": describe(model).source.package}
    assert label_file(asked)["document"]["labels"]
    with pytest.raises(ModelCorrupt, match="has had its manifest changed"):
        label_file({**asked, "package": "0" * 64})


def test_the_package_of_a_folder_is_that_of_its_manifest(tmp_path: Path) -> None:
    opened = open_model(planted(tmp_path / "planted"))
    assert opened.source.package == document_hash(opened.manifest.canonical())

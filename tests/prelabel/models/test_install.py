"""Own packages: installed after they were tried, known by name from then on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from prelabel.models.catalogue import CacheUnwritable, ModelCorrupt
from prelabel.models.install import ModelNameTaken, install
from prelabel.models.package import ModelNotFound, open_model
from prelabel.models.paths import ModelFolderMissing
from prelabel.models.registry import find_installed, installed
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.command import prelabel
from tests.prelabel.declared import ultralytics


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GLEANER_MODELS", raising=False)
    return tmp_path / "cache"


def toml(version: str = "1", name: str = "mine") -> str:
    text = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])
    return text.replace('"planted"', f'"{name}"').replace('version = "1"', f'version = "{version}"')


def make(folder: Path, version: str = "1", name: str = "mine", height: int = 64) -> Path:
    return graphs.save_package(
        folder, graphs.yolox(height, 96, graphs.yolox_rows(height, 96, 2)), toml(version, name)
    )  # fmt: skip


def test_a_package_is_known_by_name_and_apart_from_its_origin(tmp_path: Path, cache: Path) -> None:
    folder = make(tmp_path / "own")
    (folder / "notes.txt").write_text("stays behind")
    place = install(open_model(folder))
    package = open_model("mine")
    assert place.parent == cache / "packages" and package.path == place / "model.onnx"
    assert place.name == f"mine-{package.sha256[:12]}"
    assert sorted(path.name for path in place.iterdir()) == ["model.onnx", "model.toml"]
    (folder / "model.onnx").write_bytes(b"gone")
    assert open_model("mine").source == package.source


def test_the_name_means_the_one_installed_last(tmp_path: Path) -> None:
    old, new = make(tmp_path / "old", "1", height=64), make(tmp_path / "new", "2", height=32)
    first = install(open_model(old))
    second = install(open_model(new))
    assert open_model("mine").version == "2"
    assert open_model(first.name).version == "1"
    assert [(row.version, row.current) for row in installed()] == [("2", True), ("1", False)]
    install(open_model(old))
    assert open_model("mine").version == "1" and second.is_dir()


def test_the_last_one_counts_where_the_clock_is_coarse_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prelabel.models.install.time", SimpleNamespace(time_ns=lambda: 1_800_000_000_000_000_000))
    for version, height in (("1", 96), ("2", 32), ("3", 64)):
        install(open_model(make(tmp_path / version, version, height=height)))
        assert open_model("mine").version == version


def test_installing_again_takes_a_changed_manifest(tmp_path: Path) -> None:
    folder = make(tmp_path / "own")
    install(open_model(folder))
    (folder / "model.toml").write_text((folder / "model.toml").read_text() + "[thresholds]\nscore = 0.7\n")
    place = install(open_model(folder))
    assert open_model("mine").manifest.thresholds.score == 0.7
    assert [path.name for path in place.parent.iterdir() if path.is_dir()] == [place.name]


def test_a_name_of_the_catalogue_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ModelNameTaken, match="yunet belongs to a model of the catalogue"):
        install(open_model(make(tmp_path / "own", name="yunet")))


def test_a_file_that_changes_meanwhile(tmp_path: Path, cache: Path) -> None:
    folder = make(tmp_path / "own")
    package = open_model(folder)
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(ModelCorrupt, match="that was tried"):
        install(package)
    assert [path for path in (cache / "packages").iterdir() if path.is_dir()] == []


def test_a_cache_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = open_model(make(tmp_path / "own"))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheUnwritable, match="cannot be put into"):
        install(package)


def test_packages_below_the_folders_of_gleaner_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(open_model(make(tmp_path / "one", "1", height=32)))
    make(tmp_path / "models/kitchen", "2")
    (tmp_path / "models/unfinished").mkdir()
    (tmp_path / "models/broken").mkdir()
    (tmp_path / "models/broken/model.onnx").write_bytes(b"x")
    (tmp_path / "models/broken/model.toml").write_bytes(b"\xff")
    monkeypatch.setenv("GLEANER_MODELS", str(tmp_path / "models"))
    assert open_model("mine").version == "2" and open_model("mine").path == tmp_path / "models/kitchen/model.onnx"
    assert [row.version for row in installed()] == ["2", "1"]
    assert find_installed("nobody") is None
    monkeypatch.setenv("GLEANER_MODELS", str(tmp_path / "typo"))
    with pytest.raises(ModelFolderMissing):
        open_model("mine")


def test_pull_of_a_folder_says_licence_first_and_the_place(tmp_path: Path, cache: Path) -> None:
    folder = make(tmp_path / "own")
    run = prelabel("pull", str(folder))
    assert run.returncode == 0, run.stderr
    place = Path(run.stdout.strip())
    assert place.is_dir() and place.parent == cache / "packages"
    first, last = run.stderr.splitlines()[0], run.stderr.splitlines()[-1]
    assert first == "mine: licence Apache-2.0"
    assert last == "mine 1 is installed: a dry run passed; it has no golden sample."
    rows = json.loads(prelabel("models", "--json").stdout)
    own = next(row for row in rows if row["name"] == "mine")
    assert own["kind"] == "package" and own["path"] == str(place) and own["licence"] == "Apache-2.0"
    assert prelabel("check", "mine").stdout.startswith("mine 1 (yolox, Apache-2.0) works.")


def test_pull_of_a_lone_file_that_says_everything(tmp_path: Path) -> None:
    outputs = {"output0": graphs.np.zeros((1, 4 + 8, 126), dtype=graphs.np.float32)}
    model = graphs.constant(outputs, (1, 3, 64, 96))
    graphs.onnx.helper.set_model_props(model, ultralytics(imgsz=[64, 96]))
    path = tmp_path / "best.onnx"
    path.write_bytes(model.SerializeToString())
    run = prelabel("pull", str(path))
    assert run.returncode == 0, run.stderr
    assert "licence AGPL-3.0" in run.stderr.splitlines()[0]
    package = open_model("yolo11n")
    assert package.family == "yolo" and package.path.parent == Path(run.stdout.strip())
    assert open_model(path).source == package.source


def test_pull_of_a_file_the_catalogue_knows_puts_it_there(tmp_path: Path, cache: Path) -> None:
    known = needs.testdata("models/yolox_nano.onnx")
    run = prelabel("pull", str(known))
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).parent == cache / "models" and "golden sample passed" in run.stderr
    assert open_model("yolox-nano").path == Path(run.stdout.strip())
    assert not (cache / "packages").exists()


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nobody", 2, "model-unknown"),
        ("./nowhere", 3, "model-not-found"),
        ("nowhere.onnx", 3, "model-not-found"),
        ("https://example.org/m.onnx", 3, "model-not-found"),
    ],
)
def test_pull_of_what_is_not_there(name: str, status: int, code: str, cache: Path) -> None:
    run = prelabel("pull", "photo-cup", name)
    assert run.returncode == status and run.stderr.rstrip().endswith(f"[{code}]")
    assert run.stdout == "" and not cache.exists()


def test_an_installed_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        open_model("mine")

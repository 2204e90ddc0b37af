"""Bad models, through the real command: one sentence, a stable code, the exit status of the design."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.prelabel import graphs
from tests.prelabel.command import prelabel
from tests.prelabel.declared import save

YOLOX = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3660092\n"
Maker = Callable[[Path], Path]


def network(classes: int = 2) -> onnx.ModelProto:
    return graphs.yolox(64, 96, graphs.yolox_rows(64, 96, classes))


def package(model: onnx.ModelProto | bytes, toml: str = YOLOX, sha256: str | None = None) -> Maker:
    return lambda folder: graphs.save_package(folder / "own", model, toml, sha256)


def lone(data: bytes) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / "own.onnx"
        path.write_bytes(data)
        return path

    return make


def not_finite() -> onnx.ModelProto:
    rows = graphs.yolox_rows(64, 96, 2)
    rows[0, 3, 1] = np.nan
    return graphs.yolox(64, 96, rows)


def of_channels(count: int) -> onnx.ModelProto:
    model = network()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = count
    return model


def changed(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = network()
    change(model)
    return model


def vast() -> onnx.ModelProto:
    """One whose run asks for four petabytes."""
    model = network()
    graph = model.graph
    graph.ClearField("node")
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([10**13], dtype=np.int64), "times"))
    for operator, given, made in (
        ("Shape", ["images"], "shape"), ("ReduceMax", ["shape"], "side"), ("Mul", ["side", "times"], "size"),
        ("ConstantOfShape", ["size"], "vast"), ("ReduceMax", ["vast"], "nothing"),
        ("Add", ["rows", "nothing"], "output"),
    ):  # fmt: skip
        graph.node.append(helper.make_node(operator, given, [made]))
    return model


def outside(there: bool) -> Maker:
    def make(folder: Path) -> Path:
        model = network()
        tensor = model.graph.initializer[0]
        data = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "weights.bin"
        made = graphs.save_package(folder / "own", model, YOLOX)
        if there:
            (made / "weights.bin").write_bytes(data)
        return made

    return make


def lying(folder: Path) -> Path:
    """A graph whose length field promises two gigabytes."""
    return save_bytes(folder, b"\x08\x08\x3a" + b"\xff\xff\xff\xff\x07" + b"\0" * 64)


def lying_inside(folder: Path) -> Path:
    """A whole graph whose first weight promises two gigabytes."""
    graph = b"\x2a" + b"\xff\xff\xff\xff\x07" + b"\0" * 64
    return save_bytes(folder, b"\x08\x08\x3a" + bytes([len(graph)]) + graph)


def save_bytes(folder: Path, data: bytes) -> Path:
    toml = f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n{YOLOX}'
    made = folder / "own"
    made.mkdir()
    (made / "model.onnx").write_bytes(data)
    (made / "model.toml").write_text(toml)
    return made


def without_manifest(folder: Path) -> Path:
    made = graphs.save_package(folder / "own", network(), YOLOX)
    (made / "model.toml").unlink()
    return made


def undecided(folder: Path) -> Path:
    return save(folder / "own.onnx", network())


WHOLE = network().SerializeToString()
NO_LICENCE = YOLOX.replace('licence = "Apache-2.0"\n', "")

CASES: list[tuple[str, Maker, str, int, str]] = [
    ("channels", package(of_channels(4)), "model-refused", 1, r"takes \[1, 4, 64, 96\], not a picture of three"),
    ("fewer names", package(network(3)), "model-refused", 1, r"names|family needs|classes"),
    ("more names", package(network(1)), "model-refused", 1, r"names|family needs|classes"),
    ("nan", package(not_finite()), "model-refused", 1, "not finite"),
    ("licence", package(network(), NO_LICENCE), "model-licence-missing", 1, "under which licence"),
    ("sha256", package(network(), YOLOX, "ab" * 32), "model-corrupt", 1, "its sha256 is"),
    ("no sha256", package(network(), YOLOX + "\nsha256 = 7"), "model-manifest-invalid", 1, "TOML|sha256"),
    ("text", lone(b"<html>404</html>"), "model-refused", 1, "it is a text file, not an ONNX model"),
    ("text in a package", package(b"not a model\n"), "model-refused", 1, "it is a text file"),
    ("pointer", lone(LFS), "model-refused", 1, "Git LFS pointer"),
    ("pointer in a package", package(LFS), "model-refused", 1, "Git LFS pointer"),
    ("cut", package(WHOLE[: len(WHOLE) // 2]), "model-refused", 1, "cut off or damaged"),
    ("empty", lone(b""), "model-refused", 1, "it is empty"),
    ("lie", lying, "model-refused", 1, "cut off or damaged"),
    ("lie inside", lying_inside, "model-refused", 1, "cut off or damaged"),
    ("field", package(network(), YOLOX + "[input]\ncolur = 'RGB'\n"), "model-manifest-invalid", 1, "colur"),
    ("family", package(network(), YOLOX.replace('"yolox"', '"yolo9"')), "model-manifest-invalid", 1, "at family"),
    ("twice", package(network(), YOLOX.replace('"cup"', '"person"')), "model-manifest-invalid", 1, "a word twice"),
    ("tensor", package(network(), YOLOX.replace('"output"', '"outputs"')), "model-refused", 1, "has no output"),
    ("no manifest", without_manifest, "model-not-found", 3, r"has no model\.toml"),
    ("nothing", lambda folder: folder / "nowhere", "model-not-found", 3, "There is no model"),
    ("undecided", undecided, "model-undecided", 1, "family, names and licence"),
    ("weights elsewhere", outside(True), "model-refused", 1, r"weights in another file \(weights\.bin\)"),
    ("weights missing", outside(False), "model-refused", 1, r"weights\.bin, which is missing"),
    (
        "opset",
        package(changed(lambda model: setattr(model.opset_import[0], "version", 999))),
        "model-refused",
        1,
        r"onnxruntime [\d.]+ does not support opset 999\. Export it for an older one",
    ),
    (
        "format",
        package(changed(lambda model: setattr(model, "ir_version", 99))),
        "model-refused",
        1,
        "does not support version 99 of the format",
    ),
    ("memory", package(vast()), "model-refused", 1, "ConstantOfShape: Failed to allocate memory"),
    (
        "operator",
        package(changed(lambda model: model.graph.node.append(helper.make_node("NoSuchOperator", ["output"], ["x"])))),
        "model-refused",
        1,
        "onnxruntime cannot load planted: .*NoSuchOperator",
    ),
    (
        "golden",
        package(network(), YOLOX + '[golden]\nsample = "nobody"\nexpect = []\n'),
        "model-manifest-invalid",
        1,
        "golden sample 'nobody', which does not exist",
    ),
    (
        "golden label",
        package(network(), YOLOX + '[golden]\nsample = "grey"\nexpect = [{ kind = "box", label = "cup" }]\n'),
        "model-manifest-invalid",
        1,
        "label 1 is not valid at box.x",
    ),
]


@pytest.mark.parametrize(("make", "code", "status", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_bad_model_is_told_in_one_sentence(tmp_path: Path, make: Maker, code: str, status: int, words: str) -> None:
    model = make(tmp_path)
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    run = prelabel("check", str(model), GLEANER_CACHE=str(tmp_path / "cache"), GLEANER_MODELS="")
    assert run.returncode == status, run.stderr
    assert run.stdout == ""
    (line,) = [row for row in run.stderr.splitlines() if row]
    assert line.endswith(f"[{code}]"), line
    assert re.search(words, line), line
    assert "Traceback" not in line and "/onnxruntime_src" not in line and "internal" not in line
    assert len(line) < 800
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_bad_model_is_not_installed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name, make in (("nan", package(not_finite())), ("sha", package(network(), YOLOX, "ab" * 32))):
        (tmp_path / name).mkdir()
        run = prelabel("pull", str(make(tmp_path / name)), GLEANER_CACHE=str(cache), GLEANER_MODELS="")
        assert run.returncode == 1 and run.stdout == ""
    assert not [path for path in (cache / "packages").rglob("*") if path.is_file()]

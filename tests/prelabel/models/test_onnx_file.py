"""Sizes of an ONNX file are freed without touching the network; damaged files are named for what they are."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from prelabel.models.onnx_file import ModelRefused, describe_onnx, free_sizes, why_not_onnx
from prelabel.models.protobuf import MAX_FIELDS, NotProtobuf, bytes_field, number_field
from prelabel.models.runtime import Session
from tests import needs
from tests.prelabel import graphs

FREE = {
    "image": (1, 3, "height", "width"),
    "537": (1, 1, "rows", "columns"),
    "538": (1, 2, "rows", "columns"),
    "539": (1, 2, "rows", "columns"),
}


def planted() -> bytes:
    maps = graphs.centerface_maps()
    graphs.plant_centerface(maps, (100, 100, 40, 60))
    return graphs.centerface(maps).SerializeToString()


def shapes(rows: object) -> dict[str, list[int | str]]:
    return {
        row.name: [size.dim_param or size.dim_value for size in row.type.tensor_type.shape.dim]
        for row in rows  # type: ignore[attr-defined]
    }


def test_only_the_declared_sizes_change() -> None:
    before, after = onnx.load_from_string(planted()), onnx.load_from_string(free_sizes(planted(), FREE))
    onnx.checker.check_model(after, full_check=True)
    assert shapes(after.graph.input) == {"image": [1, 3, "height", "width"]}
    assert shapes(after.graph.output) == {name: list(dims) for name, dims in FREE.items() if name != "image"}
    assert list(after.graph.node) == list(before.graph.node)
    for old, new in zip(before.graph.initializer, after.graph.initializer, strict=True):
        assert np.array_equal(numpy_helper.to_array(old), numpy_helper.to_array(new))
    assert list(after.opset_import) == list(before.opset_import)


def test_freeing_twice_changes_nothing_more() -> None:
    once = free_sizes(planted(), FREE)
    assert free_sizes(once, FREE) == once


def test_old_files_get_the_version_that_lists_weights_apart() -> None:
    old = onnx.load_from_string(planted())
    old.ir_version = 3
    assert onnx.load_from_string(free_sizes(old.SerializeToString(), FREE)).ir_version == 4


def test_an_input_without_a_shape_gets_one() -> None:
    model = onnx.load_from_string(planted())
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert shapes(onnx.load_from_string(free_sizes(model.SerializeToString(), FREE)).graph.input) == {
        "image": [1, 3, "height", "width"]
    }


def test_the_freed_network_runs_at_every_size() -> None:
    pinned = Session(planted(), "pinned")
    with pytest.raises(ModelRefused, match="does not run"):
        pinned.run({"image": np.zeros((1, 3, 64, 96), np.float32)})
    free = Session(free_sizes(planted(), FREE), "free")
    for height, width in ((32, 32), (64, 96), (384, 640)):
        out = free.run({"image": np.zeros((1, 3, height, width), np.float32)})
        assert out["537"].shape == (1, 1, height // 4, width // 4)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_file_is_noticed(data: st.DataObject) -> None:
    whole = planted()
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    try:
        free_sizes(cut, FREE)
    except NotProtobuf:
        return
    # The cut fell between two top-level fields: what is left is a message, but not this model.
    assert len(onnx.ModelProto.FromString(cut).SerializeToString()) < len(whole)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotProtobuf):
        free_sizes(data, FREE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>", "it is a text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "it is a Git LFS pointer"),
        (b"this is not a model\n", "it is a text file"),
        (b"\x08\x07", "it is a text file"),
        (b"\x08\x07\x00\x00", "it is cut off or damaged"),
        (b"\x08\x87\x01", "it holds no network"),
        (planted()[:5000], "it is cut off or damaged"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    assert str(why_not_onnx(path)).startswith(reason)


def test_nothing_is_wrong_with_a_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(planted())
    assert why_not_onnx(path) is None


def test_weights_are_not_read(tmp_path: Path) -> None:
    """600 MB of weights in a file with a hole: what is looked at is read, nothing else."""
    weights = 600_000_000
    name = bytes_field(8, b"w")
    head = b"\x4a" + number_field(0, weights)[1:]  # raw_data, its length; the bytes are the hole
    tensor = len(name) + len(head) + weights
    graph = b"\x2a" + number_field(0, tensor)[1:] + name + head
    after = bytes_field(11, bytes_field(1, b"image"))
    path = tmp_path / "model.onnx"
    with path.open("wb") as out:
        out.write(number_field(1, 8) + b"\x3a" + number_field(0, len(graph) + weights + len(after))[1:] + graph)
        out.seek(weights, 1)
        out.write(after + bytes_field(14, bytes_field(1, b"task") + bytes_field(2, b"detect")))
    program = (
        "import sys\nfrom pathlib import Path\nfrom prelabel.models.onnx_file import describe_onnx\n"
        "def peak(): return next(int(row.split()[1]) for row in open('/proc/self/status') if row.startswith('VmHWM'))\n"
        "before = peak(); facts = describe_onnx(Path(sys.argv[1]))\n"
        "print(peak() - before, *facts.inputs, *facts.metadata.values())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=needs.ROOT, capture_output=True, text=True, timeout=60
    )
    grown, *words = run.stdout.split()
    assert words == ["image", "detect"], run.stderr
    assert int(grown) < 20_000  # KiB


def test_a_file_of_nothing_but_fields_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(number_field(1, 200) * (MAX_FIELDS + 1))
    assert str(why_not_onnx(path)).startswith("it is cut off or damaged")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=8))
def test_a_changed_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at: int, wrong: bytes) -> None:
    whole = graphs.vad().SerializeToString()
    at %= len(whole)
    path = tmp_path_factory.getbasetemp() / "changed.onnx"
    path.write_bytes(whole[:at] + wrong + whole[at + len(wrong) :])
    with contextlib.suppress(ModelRefused):
        describe_onnx(path)

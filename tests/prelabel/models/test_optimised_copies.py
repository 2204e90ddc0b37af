"""Copies of optimised networks: the same answers, keyed by all they depend on, and never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prelabel.models import optimised_copies
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.optimised_copies import OptimisedCopies, key_of, this_machine
from prelabel.models.runtime import Session, load
from tests import needs
from wire.files import file_sha256

SIDE = 300  # 300 x 300 floats are over the size from which copies are kept


def network(seed: int = 0) -> onnx.ModelProto:
    """y = relu(x W + b) W, with nodes to fold."""
    weight = np.random.default_rng(seed).normal(0, 0.1, (SIDE, SIDE)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["one", "one"], ["two"]),
            helper.make_node("Add", ["a", "two"], ["b"]),
            helper.make_node("Relu", ["b"], ["c"]),
            helper.make_node("Identity", ["c"], ["d"]),
            helper.make_node("MatMul", ["d", "w"], ["y"]),
        ],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", SIDE])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.ones(SIDE, np.float32), "one")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "dense.onnx"
    path.write_bytes(network().SerializeToString())
    return path


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/optimised"


def answer(session: Session) -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(4, SIDE)).astype(np.float32)
    return session.run({"x": x})["y"]


def test_the_second_load_takes_the_copy_and_says_the_same(model: Path, shelf: Path) -> None:
    first, second = load(model, "dense"), load(model, "dense")
    assert (first.graph, second.graph) == ("copy made", "copy")
    (copy,) = shelf.iterdir()
    assert copy.name.split(".")[1] == file_sha256(copy)
    weight = numpy_helper.to_array(network().graph.initializer[0]).astype(np.float64)
    x = np.random.default_rng(1).normal(size=(4, SIDE)).astype(np.float32).astype(np.float64)
    expected = np.maximum(x @ weight + 2, 0) @ weight
    for session in (first, second, Session(model, "dense")):
        assert np.allclose(answer(session), expected, atol=1e-3)
    assert second.inputs == first.inputs and second.outputs == first.outputs


def test_the_copy_is_optimised_before(model: Path, shelf: Path) -> None:
    load(model, "dense")
    (copy,) = shelf.iterdir()
    kinds = [node.op_type for node in onnx.load(copy).graph.node]
    assert "Identity" not in kinds and len(kinds) < len(network().graph.node)


def test_another_model_threads_and_freed_sizes(tmp_path: Path, model: Path, shelf: Path) -> None:
    load(model, "dense")
    other = tmp_path / "other.onnx"
    other.write_bytes(network(seed=1).SerializeToString())
    assert load(other, "other").graph == "copy made"
    assert load(model, "dense", threads=2).graph == "copy"
    assert load(model, "dense", free={"x": ("rows", SIDE)}).graph == "copy made"
    assert load(model, "dense", free={"x": ("rows", SIDE)}).graph == "copy"
    assert len(list(shelf.iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "another network", "no network"])
def test_a_damaged_copy_is_made_again(tmp_path: Path, model: Path, shelf: Path, damage: str) -> None:
    expected = answer(load(model, "dense"))
    (copy,) = shelf.iterdir()
    data = copy.read_bytes()
    wrong = {
        "cut": data[:-7],
        "changed": data[:50_000] + bytes([data[50_000] ^ 1]) + data[50_001:],
        "empty": b"",
        "another network": network(seed=2).SerializeToString(),
        "no network": b"nonsense",
    }[damage]
    copy.write_bytes(wrong)
    again = load(model, "dense")
    assert again.graph == "copy made" and np.array_equal(answer(again), expected)
    assert load(model, "dense").graph == "copy"
    assert len(list(shelf.iterdir())) == 1


def test_a_whole_copy_that_onnxruntime_does_not_take(model: Path, shelf: Path, tmp_path: Path) -> None:
    load(model, "dense")
    (copy,) = shelf.iterdir()
    key = copy.name.split(".")[0]
    copy.unlink()
    bad = tmp_path / "bad"
    bad.write_bytes(b"nonsense")
    bad.rename(shelf / f"{key}.{file_sha256(bad)}.onnx")
    assert load(model, "dense").graph == "copy made"
    assert load(model, "dense").graph == "copy"


def test_a_cache_that_takes_nothing_is_no_hindrance(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "file"))
    session = load(model, "dense")
    assert session.graph == "original" and answer(session).shape == (4, SIDE)
    assert "cannot be written: Not a directory" in str(OptimisedCopies().why_closed())


def test_a_bad_model_is_still_told_and_leaves_nothing(tmp_path: Path, shelf: Path) -> None:
    bad = network()
    bad.graph.node.append(helper.make_node("NoSuchOperator", ["y"], ["z"]))
    path = tmp_path / "bad.onnx"
    path.write_bytes(bad.SerializeToString())
    with pytest.raises(ModelRefused, match="NoSuchOperator"):
        load(path, "bad")
    assert list(shelf.iterdir()) == []


def test_small_networks_are_not_kept(tmp_path: Path, shelf: Path) -> None:
    from tests.prelabel import graphs

    path = tmp_path / "small.onnx"
    path.write_bytes(graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1)).SerializeToString())
    assert load(path, "small").graph == "original" and not shelf.exists()


def test_many_processes_at_once(model: Path, shelf: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from prelabel.models.runtime import load; "
        "import numpy as np; s = load(Path(sys.argv[1]), 'dense'); "
        f"print(s.graph, float(s.run({{'x': np.ones((1, {SIDE}), np.float32)}})['y'].sum()))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(model)], cwd=needs.ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert all(process.returncode == 0 for process in running)
    assert len({line.rsplit(" ", 1)[1] for line in answers}) == 1
    assert load(model, "dense").graph == "copy"
    assert not [path for path in shelf.iterdir() if path.name.startswith(".")]


# ---------------------------------------------------------------- keys and room
def test_everything_a_copy_depends_on_is_in_its_key() -> None:
    base = {"sha256": "a" * 64, "runtime": "onnxruntime 1", "settings": {"x": "0"}, "free": None, "machine": "m"}
    changes = [
        {"sha256": "b" * 64},
        {"runtime": "onnxruntime 2"},
        {"settings": {"x": "1"}},
        {"free": {"image": (1, 3, "h", "w")}},
        {"free": {"image": (1, 3, "w", "h")}},
        {"machine": "another"},
    ]
    keys = {key_of(**{**base, **change}) for change in [{}, *changes]}  # type: ignore[arg-type]
    assert len(keys) == 1 + len(changes) and key_of(**base) in keys  # type: ignore[arg-type]


def test_the_machine_is_its_processor_and_abilities(tmp_path: Path) -> None:
    texts = {
        "x86": "processor : 0\nmodel name : A\nflags : sse avx2\ncpu MHz : 2400.1\n",
        "faster now": "processor : 0\nmodel name : A\nflags : sse avx2\ncpu MHz : 3100.7\n",
        "without avx2": "processor : 0\nmodel name : A\nflags : sse\ncpu MHz : 2400.1\n",
        "pi 5": "processor : 0\nFeatures : fp asimd asimddp\nCPU part : 0xd0b\n",
        "pi 4": "processor : 0\nFeatures : fp asimd\nCPU part : 0xd08\n",
    }
    said = {}
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text)
        said[name] = this_machine(path)
    assert said["x86"] == said["faster now"]
    assert len(set(said.values())) == 4
    assert this_machine(tmp_path / "nowhere") and this_machine() == this_machine()


def test_the_longest_unused_go_when_there_is_no_room(tmp_path: Path) -> None:
    shelf = OptimisedCopies(tmp_path / "shelf", max_bytes=3500)
    for number in range(3):
        shelf.save(f"k{number}", lambda place: place.write_bytes(os.urandom(1000)) and None)
        (path,) = shelf.folder.glob(f"k{number}.*")
        os.utime(path, (1000 + number, 1000 + number))
    assert shelf.find("k0") is not None  # used now, so k1 is the oldest
    abandoned = shelf.folder / ".making-x.onnx"
    abandoned.write_bytes(b"")
    os.utime(abandoned, (time.time() - 7200,) * 2)
    shelf.save("k3", lambda place: place.write_bytes(os.urandom(1000)) and None)
    assert [key for key in ("k0", "k1", "k2", "k3") if shelf.find(key)] == ["k0", "k2", "k3"]
    assert not abandoned.exists()


def test_what_fails_to_be_written_leaves_nothing(tmp_path: Path) -> None:
    shelf = OptimisedCopies(tmp_path / "shelf")

    def fail(place: Path) -> None:
        place.write_bytes(b"half")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        shelf.save("k", fail)
    assert list(shelf.folder.iterdir()) == [] and shelf.find("k") is None
    assert optimised_copies.MAX_BYTES >= 64 * 2**20

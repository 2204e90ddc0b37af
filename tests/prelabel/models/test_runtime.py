"""A model that runs reports to nobody: no device id, no file in the home folder, no socket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

RUN = """
import os, sys
import numpy as np
from pathlib import Path
from prelabel.models.runtime import Session
answer = Session(Path(sys.argv[1]), "twice").run({"x": np.ones(3, np.float32)})
assert answer["y"].tolist() == [2, 2, 2]
import gc
gc.collect()
links = []
for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
    try:
        links.append(os.readlink("/proc/self/fd/" + number))
    except OSError:
        pass
print([link for link in links if link.startswith("socket:")], os.environ["ORT_DISABLE_TELEMETRY"])
"""


@pytest.mark.parametrize("inherited", [None, "0"])
def test_a_model_runs_without_a_device_id_or_a_socket(tmp_path: Path, inherited: str | None) -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(tmp_path / "twice.onnx"))
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    environment = kept | {"HOME": str(home), "USERPROFILE": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    if inherited is not None:
        environment["ORT_DISABLE_TELEMETRY"] = inherited
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "twice.onnx")],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] 1"
    assert [path for path in home.rglob("*") if path.is_file()] == []

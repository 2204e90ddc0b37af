"""The example notebook runs in a kernel of its own against a real collector, and ends in a plot."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from collector.client import Client
from tests.collector.client.kitchen import in_kitchen, with_prelabel
from tests.collector.running import Collector, DeviceClient
from tests.needs import need
from tests.support.waiting import until
from wire.labels import Box

NOTEBOOK = Path(__file__).parents[3] / "docs/notebooks/agreement.ipynb"
# model, score, whether the person keeps it
STILLS = [
    ("bold", 0.95, True), ("bold", 0.9, False), ("bold", 0.85, False),
    ("shy", 0.3, True), ("shy", 0.35, True), ("shy", 0.1, False),
]  # fmt: skip


def review(collector: Collector, device: DeviceClient, lead: Client) -> None:
    """Every still is sent, and worked on by the lead."""
    with Client(collector.url, token=device.token) as sender:
        for number, (model, score, kept) in enumerate(STILLS):
            record, made = in_kitchen(device.id, f"still-{number}", f"ses-nb-{number}")
            made = with_prelabel(made, model, score)
            sender.uploads.put_session(record)
            sender.uploads.send_capture(made.manifest, made.parts)
            task = until(lambda: next(iter(lead.tasks.next()), None))
            box = Box(id="b1", label="cup", x=5, y=5, width=20, height=20)
            documents = [one.by_person("nora", None if kept else [box]) for one in task.prelabels]
            lead.tasks.submit(task, documents)


def test_it_ends_in_a_plot(
    collector: Collector, device: DeviceClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(importlib.util.find_spec("nbclient"), "nbclient is missing: make venv (or pip install '.[notebook]')")
    import nbformat
    from nbclient import NotebookClient

    collector.ask("user-add", name="nora", role="lead")
    token = collector.ask("user-token", name="nora")["token"]
    with Client(collector.url, token=token) as nora:
        review(collector, device, nora)
    own = {
        name: str(tmp_path / "own")
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")
    }
    for name, value in {
        "GLEANER_URL": collector.url,
        "GLEANER_TOKEN": token,
        "GLEANER_STUDY": "kitchen",
        **own,
    }.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    asyncio.run(NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).async_execute())
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "kitchen: 6 image" in printed and "6 pre-labels in finished items" in printed
    assert "bold: 1 of 3 kept, 33%" in printed and "shy: 2 of 3 kept, 67%" in printed
    picture = notebook.cells[-1]["outputs"][-1]["data"]["image/png"]
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20  # two lines, bars, words


def test_it_is_committed_without_what_it_printed() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in cells)

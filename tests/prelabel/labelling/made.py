"""A model and pictures for runs over files, and the command that labels them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests import needs
from tests.prelabel import graphs
from tests.support import warm

SIZE = (64, 96)
RUN = (sys.executable, "-m", "gleaner", "prelabel", "run")


def planted_model(tmp_path: Path) -> str:
    """A YOLOX package that sees one cup in every picture."""
    rows = graphs.yolox_rows(*SIZE, 2)
    graphs.plant_yolox(rows, *SIZE, 8, (10, 12, 20, 16), 1)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])
    return str(graphs.save_package(tmp_path / "planted", graphs.yolox(*SIZE, rows), toml))


def picture(path: Path, shade: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*SIZE, 3), shade, np.uint8))
    return path


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = ("prelabel", "run", *words)
    return warm.prelabels().run(words, timeout=120, cwd=str(needs.ROOT), env={**os.environ, **environment})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]

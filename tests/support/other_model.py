"""A model of one's own that finds one planted box."""

from __future__ import annotations

from pathlib import Path

from tests.prelabel import graphs
from wire.labels import Source

SIZE = (64, 96)
PLANTED = (12.0, 10.0, 30.0, 24.0)
SOURCE = Source(kind="model", name="other", version="2", sha256="9" * 64)


def package(folder: Path, *, by_brightness: bool = False) -> Path:
    """`by_brightness`: the score of the box is that of the picture, 0 to 1."""
    rows = graphs.yolox_rows(*SIZE, 2)
    graphs.plant_yolox(rows, *SIZE, 8, PLANTED, 1)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["plate", "cup"])
    made = graphs.yolox_by_brightness if by_brightness else graphs.yolox
    return graphs.save_package(folder, made(*SIZE, rows), toml)

"""Exports by the command, of reviewed stills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from typer.testing import CliRunner

from collector.cli import app
from tests.collector.review.filled import Filled
from tests.support.databases import environment_of, reopened
from tests.support.recordings import Streamed, write_video

WIDTH, HEIGHT = 160, 120


def jpeg() -> bytes:
    return cv2.imencode(".jpg", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))[1].tobytes()


def video(times_us: list[int]) -> bytes:
    """A Matroska file of moving noise at these times, muxed without seeking as a device does."""
    random = np.random.default_rng(7)

    def picture(index: int) -> np.ndarray:
        made = random.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
        made = cv2.resize(made, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        made[:, 4 * index : 4 * index + 20] = (0, 0, 255)
        return made

    file = Streamed()
    pictures = map(picture, range(len(times_us)))
    write_video(file, pictures, times_us, container="matroska", preset="ultrafast", tune="zerolatency")
    return bytes(file.data)


def export(filled: Filled, to: Path, *more: str) -> dict[str, Any]:
    """The export as `--json` tells of it; another process holds no lock meanwhile."""
    filled.db.close()
    words = ["export", "--to", str(to), "--data", str(filled.folder), "--json", *more]
    try:
        done = CliRunner().invoke(app, words, env=environment_of(filled.folder))
    finally:
        filled.db = reopened(filled.folder)
    assert done.exit_code == 0, (done.output, done.exception)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def still(filled: Filled, person: str, labels: list[Any]) -> str:
    ids = filled.take("show", "show", {"image": jpeg()}, ["boxes"])
    filled.make(ids["take"])
    filled.submit(person, filled.tasks()[-1].id, {ids["image"]: labels})
    return ids["image"]

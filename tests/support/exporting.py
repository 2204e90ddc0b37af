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


def jpeg() -> bytes:
    return cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))[1].tobytes()


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

"""Reviewed media, and exports of them, by the command or with any engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from typer.testing import CliRunner

from collector.bulk.engine import BulkEngine
from collector.cli import app
from collector.exports.coco import export_coco
from collector.exports.folder import whole_folder
from collector.exports.jsonl import export_jsonl
from collector.exports.media_files import MediaFiles
from collector.store.open_blobs import BlobsLocation
from tests.collector.review.filled import TIMES, Filled, box, track
from tests.support.databases import environment_of, reopened
from tests.support.recordings import Streamed, write_video

WIDTH, HEIGHT = 160, 120
STILLS, VIDEOS = 12, 3


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


def review_media(filled: Filled) -> None:
    """STILLS and VIDEOS in turn, each with a submitted label."""
    ann = filled.person("ann")
    for number in range(STILLS):
        ids = filled.take(f"still-{number}", "show", {"image": jpeg() + b"%d" % number}, ["boxes"])
        filled.make(ids["take"])
        filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids["image"]: [box()]})
        if number % (STILLS // VIDEOS) == 0:
            ids = filled.take(f"video-{number}", "do", {"video": video(TIMES) + b"%d" % number}, ["tracks"])
            filled.make(ids["take"])
            filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids["video"]: [track()]})


def write_export(
    filled: Filled,
    to: Path,
    form: str,
    engine: BulkEngine,
    *,
    blobs: BlobsLocation | None = None,
    advance: Callable[[int], None] = lambda _bytes: None,
) -> None:
    """All of it, with pre-labels and every frame. `blobs`: where the media are, else in the data folder."""
    with whole_folder(to) as folder:
        media = MediaFiles(engine, blobs or BlobsLocation(filled.folder / "blobs"), folder)
        more: dict[str, Any] = {"with_prelabels": True, "begin": lambda _: None, "advance": advance}
        if form == "jsonl":
            export_jsonl(filled.db, media, folder, **more)
        else:
            export_coco(filled.db, media, folder, every=1, **more)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but for the time at which the export was made, and of the sums those of files without such a time."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    sums = files["SHA256SUMS"].decode().splitlines(keepends=True)
    files["SHA256SUMS"] = "".join(line for line in sums if "annotations" not in line).encode()
    return {name: re.sub(rb'"date_created": "[^"]*"', b"", body) for name, body in files.items()}


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

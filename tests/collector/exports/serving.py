"""A service with reviewed stills that makes exports, and what there is in one."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import psutil

from collector.store.blobs import blob_name
from tests.collector.review.filled import Filled, box
from tests.collector.running import Collector
from tests.support.exporting import jpeg
from tests.support.waiting import until

STILLS = 20
EVERYTHING = ("--with-prelabels",)


class Service:
    """A collector with reviewed stills. One of them can be held back: whoever reads it waits."""

    def __init__(self, folder: Path, **environment: str) -> None:
        filled = Filled(folder / "data")
        ann = filled.person("ann")
        for number in range(STILLS):
            ids = filled.take(f"step-{number}", "show", {"image": jpeg() + b"%d" % number}, ["boxes"])
            filled.make(ids["take"])
            filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids["image"]: [box(f"b{number}")]})
        last = filled.rows(
            "SELECT blob FROM derived WHERE kind = 'original' AND capture_id = :capture", capture=ids["image"]
        )
        filled.db.close()
        self.collector = Collector(folder, **environment)
        self._blob = folder / "data" / "blobs" / blob_name(last[0].blob)
        self._aside = folder / "aside"

    def hold(self) -> None:
        self._blob.rename(self._aside)
        os.mkfifo(self._blob)

    def let_go(self) -> None:
        self._blob.unlink()
        self._aside.rename(self._blob)

    def command(self, verb: str, *words: str) -> dict[str, Any]:
        done = self.collector.run("exports", verb, *words, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def row(self, export: str) -> Any:
        (row,) = self.collector.rows("SELECT * FROM export_run WHERE id = :id", id=export)
        return row

    def child(self) -> psutil.Process:
        """The process that makes an export."""
        assert self.collector.process is not None
        service = psutil.Process(self.collector.process.pid)

        def found() -> psutil.Process | None:
            for one in service.children():
                with contextlib.suppress(psutil.Error):  # it has just ended
                    if "collector.exports.export_child" in one.cmdline():
                        return one
            return None

        return until(found)

    def left(self) -> list[str]:
        folder = self.collector.data / "exports"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but for the time of the export and its id."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    about = json.loads(files["about.json"])
    for member in ("export", "made_at"):
        del about[member]
    return {**files, "about.json": json.dumps(about).encode()}


def unpacked(archive: Path, to: Path) -> Path:
    with zipfile.ZipFile(archive) as found:
        found.extractall(to)
    (folder,) = to.iterdir()
    return folder

"""One export of the service from its options to its archive: what the process that makes it does (export_child.py)."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from collector.bulk.choice import open_engine_of_command
from collector.exports.about import ABOUT
from collector.exports.archives import open_archives
from collector.exports.asked import ExportAsked
from collector.exports.export_runs import archive_folder
from collector.exports.folder import filling, partial_folder
from collector.exports.make import make_export
from collector.exports.media_files import MediaFiles
from collector.exports.sums import SUMS
from collector.exports.zip_stream import zip_pieces
from collector.settings import Settings
from collector.store.blobs import DiskFull
from collector.store.blobs_local import disk_errors
from collector.store.open import open_reader
from collector.store.private import private_folder
from collector.studies.scope import Scope

REPORT_SECONDS = 0.5
SPARE_BYTES = 256 << 20  # that stay free in addition to what uploads leave
_Line = dict[str, Any]


class ExportWork:
    """One export. `say` sends a line."""

    def __init__(self, asked: _Line, say: Callable[[_Line], None]) -> None:
        self._settings = Settings.model_validate(asked["settings"])
        self._id: str = asked["export"]
        self._asked = ExportAsked.model_validate(asked["asked"])
        self._scope = Scope(tuple(asked["studies"]))
        self._created_at = datetime.fromisoformat(asked["created_at"])
        self._say = say
        self._said = 0.0
        self._done = 0

    def do(self) -> _Line:
        """Make it, or what is missing of it; returns the last line. Raises what is wrong."""
        settings = self._settings
        target = settings.exports_folder / self._id
        with disk_errors("The folder of exports cannot be used"):
            private_folder(settings.exports_folder)
        self._leave_room()
        database = open_reader(settings.data, settings.database)
        try:
            with (
                filling(target) as folder,
                closing(open_engine_of_command(settings, ["collector.exports.media_work"])) as engine,
            ):
                media = MediaFiles(engine, settings.blobs_location, folder)
                _, about = make_export(
                    database,
                    media,
                    folder,
                    self._asked,
                    begin=lambda items: self._say({"items": items}),
                    advance=self._advance,
                    scope=self._scope,
                )
                made = self._pack(folder, about)
            shutil.rmtree(partial_folder(target), ignore_errors=True)
        finally:
            database.close()
        return {"made": {"about": about, **made}}

    def _advance(self, files_bytes: int) -> None:
        self._done += 1
        if self._is_time():
            self._leave_room()
            self._say({"done": self._done, "bytes": files_bytes})

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now - self._said < REPORT_SECONDS:
            return False
        self._said = now
        return True

    def _leave_room(self) -> None:
        """An export never takes the room that the database and uploads need. Raises DiskFull."""
        folder, wanted = self._settings.exports_folder, self._settings.reserve_bytes + SPARE_BYTES
        with disk_errors("The folder of exports cannot be used"):
            free = shutil.disk_usage(folder).free
        if free < wanted:
            raise DiskFull(
                f"The disk of the folder {folder} has {free >> 20} MiB free, and an export leaves {wanted >> 20} MiB.",
                hint="Make room there; what is made of the export stays and is used.",
            )

    def _pack(self, folder: Path, about: _Line) -> _Line:
        """Save the archive of a filled folder."""
        archives = open_archives(self._settings)
        made_at = datetime.fromisoformat(about["made_at"])
        top = archive_folder(self._asked, self._created_at)
        size = sum(path.stat().st_size for _, path in _members(folder, top))
        self._say({"done": self._done, "bytes": size})
        found: _Line = {}

        def taken(path: Path) -> None:
            if archives.takes_files and path.name not in (SUMS, ABOUT):
                path.unlink()

        def pieces() -> Iterator[bytes]:
            digest, sent = hashlib.sha256(), 0
            self._say({"packed": 0})
            for piece in zip_pieces(_members(folder, top), made_at, folder, taken):
                digest.update(piece)
                sent += len(piece)
                yield piece
                if self._is_time():
                    self._leave_room()
                    self._say({"packed": min(sent, size)})
            found.update(archive_bytes=sent, archive_sha256=digest.hexdigest())

        archives.put(self._id, pieces, size)
        return found


def _members(folder: Path, top: str) -> Iterator[tuple[str, Path]]:
    """Every file of an export, as `SHA256SUMS` lists them, and that list and `about.json` themselves, at the end."""
    with (folder / SUMS).open(encoding="utf-8") as sums:
        for line in sums:
            name = line.rstrip("\n").split("  ", 1)[1]
            yield f"{top}/{name}", folder / name
    for name in (SUMS, ABOUT):
        yield f"{top}/{name}", folder / name

"""The files of an export with their hashes, as `sha256sum --check` reads them, written while the files are made."""

from __future__ import annotations

from pathlib import Path

from wire.files import file_sha256

SUMS = "SHA256SUMS"


class Sums:
    """`SHA256SUMS` of a folder. Each file is added once, when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / SUMS).open("w", encoding="utf-8")
        self.bytes = 0  # of all files so far

    def __enter__(self) -> Sums:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, path: Path, sha256: str | None = None) -> None:
        """Args: sha256: of the file, where it is known; it is read otherwise."""
        self.bytes += path.stat().st_size
        self._file.write(f"{sha256 or file_sha256(path)}  {path.relative_to(self._folder)}\n")

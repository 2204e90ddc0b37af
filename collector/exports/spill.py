"""Rows that wait on disk, so that an export of millions needs no more memory than one of ten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


class Spill:
    """A temporary file of JSON lines; it is removed when the block ends."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / name
        self._file = self._path.open("w+", encoding="utf-8")

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def add_all(self, rows: Iterable[dict[str, Any]]) -> int:
        """Add rows; returns how many."""
        count = 0
        for row in rows:
            self.add(row)
            count += 1
        return count

    def lines(self) -> Iterator[str]:
        """Every row as its JSON text, in order."""
        self._file.seek(0)
        for line in self._file:
            yield line.rstrip("\n")

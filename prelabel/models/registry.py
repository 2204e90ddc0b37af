"""Packages of one's own that are known by name: installed ones, and folders below those of GLEANER_MODELS."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prelabel.models.paths import MANIFEST_FILE, MODEL_FILE, cache_folder, model_folders


@dataclass(frozen=True)
class Installed:
    """One package: what its `model.toml` states, `-` where it does not. `current` is what the name means."""

    name: str
    version: str
    licence: str
    family: str
    sha256: str
    size: int
    path: Path
    current: bool


def packages_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where `gleaner prelabel pull` puts packages, each in a folder `NAME-` and the start of its sha256."""
    return cache_folder(environ) / "packages"


def installed(environ: Mapping[str, str] = os.environ) -> list[Installed]:
    """All packages, those of GLEANER_MODELS first, then the last installed first.

    Raises:
        ModelFolderMissing: GLEANER_MODELS names no folder.
    """
    seen: set[str] = set()
    rows: list[Installed] = []
    for path in _folders(environ):
        table = _table(path)
        if table is None:
            continue
        name = str(table.get("name") or path.name.rpartition("-")[0] or path.name)
        said = {word: str(table.get(word) or "-") for word in ("version", "licence", "family", "sha256")}
        size = (path / MODEL_FILE).stat().st_size
        rows.append(Installed(name=name, **said, size=size, path=path, current=name not in seen))
        seen.add(name)
    return rows


def find_installed(name: str) -> Path | None:
    """The folder of the package a name means, or of the very one a folder's name means; None without one.

    Raises:
        ModelFolderMissing: GLEANER_MODELS names no folder.
    """
    rows = installed()
    exact = (row.path for row in rows if row.path.name == name)
    return next((row.path for row in rows if row.current and row.name == name), None) or next(exact, None)


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    for folder in model_folders(environ):
        yield from sorted(_packages_in(folder))
    yield from sorted(_packages_in(packages_folder(environ)), key=lambda path: -path.stat().st_mtime_ns)


def _packages_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            if not path.name.startswith(".") and (path / MANIFEST_FILE).is_file() and (path / MODEL_FILE).is_file():
                yield path


def _table(path: Path) -> dict[str, Any] | None:
    """The content of a `model.toml`; None when it cannot be read (opening it by its path reports why)."""
    try:
        return tomllib.loads((path / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None

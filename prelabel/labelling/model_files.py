"""The files of a model, copied to another machine that labels with it: it finds these there, and no others."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prelabel.labelling.one_file import READING
from prelabel.models import catalogue
from prelabel.models.catalogue import ModelCorrupt
from prelabel.models.package import is_known, open_model
from prelabel.models.paths import MANIFEST_FILE, cache_folder
from prelabel.models.registry import find_installed
from prelabel.text.reader import CATALOGUE_PARTS
from wire.canonical import document_hash
from wire.files import file_sha256

OWN_CACHE = cache_folder()  # before `use_copied` names another

UNUSED_SECONDS = 30 * 86_400.0  # copies that no process began to use for so long are removed
_checked: set[Path] = set()  # by this process


@dataclass(frozen=True)
class ModelFiles:
    """What a model needs: the sha256 of each file by the name it has in one folder.

    `entry`: what `open_model` takes there: a file in it, "" for the folder itself, None for the model's own name.
    """

    name: str
    entry: str | None
    sha256: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def model_files(name: str) -> tuple[ModelFiles, dict[str, Path]]:
    """The files of a model that is on this machine, and where they are. Raises what `open_model` raises."""
    if name == READING or is_known(name):
        paths = dict(_of_catalogue(part) for part in (CATALOGUE_PARTS if name == READING else [name]))
        entry = None
    else:
        package = open_model(name)
        folder = Path(name) if Path(name).is_dir() else find_installed(name)
        paths = {package.path.name: package.path}
        entry = package.path.name
        if folder is not None:
            paths[MANIFEST_FILE] = folder / MANIFEST_FILE
            entry = ""
        if package.family == "ctc" and catalogue.locate(speech := catalogue.choose("speech")) is not None:
            paths |= [_of_catalogue(speech)]  # whose regions it writes into
    return ModelFiles(name, entry, {name: file_sha256(path) for name, path in paths.items()}), paths


def use_copied(files: ModelFiles, fetch: Callable[[], Mapping[str, bytes]]) -> str:
    """On the other machine, in a process that labels with this model alone: what `open_model` takes for it.

    Args:
        fetch: the bytes of the files; called where they are not here yet.

    Raises:
        ModelCorrupt: what came has not the promised hashes.
    """
    folder = OWN_CACHE / "copied" / document_hash(files.to_json())
    if folder not in _checked:
        if not _has(folder, files):
            _remove_unused(folder.parent)
            _copy(folder, files, fetch())
        os.utime(folder)
        _checked.add(folder)
    os.environ["GLEANER_MODELS"] = str(folder)
    os.environ["GLEANER_CACHE"] = str(folder / "none")
    return files.name if files.entry is None else str(folder / files.entry)


def _of_catalogue(name: str) -> tuple[str, Path]:
    return catalogue.item(name).file, open_model(name).path


def _has(folder: Path, files: ModelFiles) -> bool:
    paths = {folder / name: sha256 for name, sha256 in files.sha256.items()}
    return all(path.is_file() and file_sha256(path) == sha256 for path, sha256 in paths.items())


def _remove_unused(copies: Path) -> None:
    """A process that still has one of them open goes on: its files stay until it ends."""
    for folder in copies.glob("*"):
        with contextlib.suppress(OSError):  # another process of this machine does the same
            if folder.stat().st_mtime < time.time() - UNUSED_SECONDS:
                shutil.rmtree(folder)


def _copy(folder: Path, files: ModelFiles, bodies: Mapping[str, bytes]) -> None:
    """File by file next to its place, then renamed: several processes of a machine may do it at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".copy-") as name:
        for file, body in bodies.items():
            made = Path(name, file)
            made.write_bytes(body)
            if file_sha256(made) != files.sha256.get(file):
                raise ModelCorrupt(f"The file {file} of the model {files.name} has changed on its way to this machine.")
            made.rename(folder / file)

"""An export read back: every file against its hash, every line of labels by the reader of labels documents."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeVar, cast

from collector.exports.about import ABOUT
from collector.exports.problems import ExportDamaged
from collector.exports.sums import SUMS
from wire.base import parse_json
from wire.errors import GleanerError
from wire.files import rest_sha256
from wire.labels import LabelsDocument

DOCUMENT_MEMBERS = ("schema", "capture", "source", "labels")
OPTIONAL_MEMBERS = ("settings",)
_Folder = Path | zipfile.Path
_F = TypeVar("_F", Path, zipfile.Path)
LINES = ("labels.jsonl", "prelabels.jsonl")


@dataclass(frozen=True)
class Checked:
    """What was found in order."""

    files: int
    documents: int
    labels: int


def check_export(place: Path) -> Checked:
    """Args: place: the folder of an export, its archive, or the folder into which that was unpacked.

    Raises:
        ExportDamaged: with the first file or line that has changed since the export.
    """
    if not place.exists():
        raise ExportDamaged(f"{place} is not there.", hint="Check the path: an export's folder, or its archive.")
    if not place.is_file():
        return _check(_root(place))
    try:
        with zipfile.ZipFile(place) as archive:
            return _check(_root(zipfile.Path(archive)))
    except (zipfile.BadZipFile, OSError) as error:
        raise ExportDamaged(f"{place} is no archive of an export that can be read: {error}.") from error


def _check(folder: _Folder) -> Checked:
    about = _about(folder)
    if not (folder / SUMS).is_file() or _sha256(folder / SUMS) != about["sums_sha256"]:
        raise ExportDamaged(f"{SUMS} is missing or not the one that {ABOUT} names.")
    files = 0
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        sha256, name = line.split("  ", 1)
        if not (folder / name).is_file():
            raise ExportDamaged(f"The file {name} is missing.", file=name)
        if _sha256(folder / name) != sha256:
            raise ExportDamaged(f"The file {name} has changed since the export.", file=name)
        files += 1
    documents = labels = 0
    for name in LINES:
        for document, _ in read_lines(folder / name):
            documents += 1
            labels += len(document.labels)
    return Checked(files, documents, labels)


def _root(place: _F) -> _F:
    """An archive has everything in one folder."""
    if not (place / ABOUT).is_file() and place.is_dir():
        inside = list(place.iterdir())
        if len(inside) == 1 and (inside[0] / ABOUT).is_file():
            return inside[0]
    return place


def _sha256(path: _Folder) -> str:
    with path.open("rb") as file:
        return rest_sha256(cast(BufferedIOBase, file))


def read_lines(path: _Folder) -> Iterator[tuple[LabelsDocument, dict[str, Any]]]:
    """Each line of a file of JSON lines: its labels document, and the other members. A missing file has none.

    Raises:
        ExportDamaged: a line that is none.
    """
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            try:
                row = parse_json(line, "line")
                more = {name: row[name] for name in OPTIONAL_MEMBERS if name in row}
                document = LabelsDocument.read({name: row[name] for name in DOCUMENT_MEMBERS} | more)
                document.check_settings()
            except (GleanerError, KeyError, TypeError) as error:
                raise ExportDamaged(f"Line {number} of {path.name} cannot be read: {error}", file=path.name) from error
            whose = {name: value for name, value in row.items() if name not in DOCUMENT_MEMBERS + OPTIONAL_MEMBERS}
            yield document, whose


def _about(folder: _Folder) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportDamaged(f"{folder} has no {ABOUT} that can be read: it is no export of this version.") from error
    if not isinstance(about, dict) or "sums_sha256" not in about:
        raise ExportDamaged(f"{ABOUT} in {folder} does not name the hash of {SUMS}.")
    return about

"""A model package: a folder with `model.onnx` and `model.toml`, or a single file whose metadata are complete."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prelabel.models import catalogue
from prelabel.models.catalogue import check_hash
from prelabel.models.download import Progress
from prelabel.models.exporter_metadata import as_name
from prelabel.models.families import Family
from prelabel.models.manifest import Manifest, ManifestInvalid, read_table
from prelabel.models.onnx_file import describe_onnx
from prelabel.models.paths import MANIFEST_FILE, MODEL_FILE
from prelabel.models.registry import find_installed, installed
from prelabel.models.resolve import resolve
from wire.canonical import document_hash
from wire.errors import GleanerError
from wire.files import file_sha256
from wire.labels import Source


class ModelNotFound(GleanerError):
    """Neither a name of the catalogue nor a package on this machine."""

    code = "model-not-found"
    status = 404
    exit_code = 3
    hint = f"Give a name of `gleaner prelabel models` or a folder with {MODEL_FILE} and {MANIFEST_FILE}."


@dataclass(frozen=True)
class ModelPackage:
    """A model file whose hash was checked, with everything that was decided of it."""

    name: str
    version: str
    sha256: str
    family: Family
    path: Path
    manifest: Manifest

    @property
    def source(self) -> Source:
        """What every label of this model carries."""
        return Source(
            kind="model", name=self.name, version=self.version, sha256=self.sha256, package=self.manifest_sha256
        )

    @cached_property
    def manifest_sha256(self) -> str:
        """The sha256 of the canonical manifest: two packages of one model file with other thresholds differ in it."""
        return document_hash(self.manifest.canonical())


def open_model(name_or_path: str | Path, progress: Progress | None = None) -> ModelPackage:
    """The package of a name, of a folder with `model.onnx` and `model.toml`, or of a lone model file.

    A name is one of the catalogue, fetched if it is not here, or one that was installed with `gleaner prelabel pull`.
    A lone file is one the catalogue knows by its hash, or one whose metadata are complete. The network itself is
    tried by what opens it: `open_picture_model`, `open_sound_model`, `Detector`, `VadModel`.

    Raises:
        ModelNotFound: no such name, folder or file.
        ModelRefused: no ONNX file, or one that contradicts its manifest.
        ModelUndecided: neither manifest nor file state what the model takes and gives.
        ModelCorrupt: the file's sha256 is not the one its manifest or the catalogue promises.
        ManifestInvalid, LicenceMissing: `model.toml` does not have its shape, or names no licence.
        ModelUnavailable, ModelFolderMissing, CacheUnwritable: from the catalogue.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return _open_folder(path)
    name = str(name_or_path)
    if is_known(name):
        return _open_item(name, catalogue.fetch(name, progress))
    installed = find_installed(name)
    if installed is not None:
        return _open_folder(installed)
    if path.is_file():
        return _open_file(path)
    raise ModelNotFound(f"There is no model {name!r}.", hint=_alike(name))


def _alike(name: str) -> str | None:
    """A hint with the name that was probably meant; None, the usual hint, when none is near."""
    names = [item.name for item in catalogue.items() if item.kind == "model"]
    near = difflib.get_close_matches(name.lower(), [*names, *(row.name for row in installed())], n=1)
    return f"Did you mean {near[0]}? `gleaner prelabel models` lists the names." if near else None


def is_known(name: str) -> bool:
    """Whether the catalogue has a model of that name."""
    return any(item.name == name and item.kind == "model" for item in catalogue.items())


def _open_item(name: str, found: Path) -> ModelPackage:
    """A model of the catalogue. The metadata of its file complete the catalogue's entry (the characters of OCR)."""
    with _readable(found):
        return _package(found, resolve(catalogue.item(name).table, describe_onnx(found), f"catalogue item {name}"))


def _open_folder(folder: Path) -> ModelPackage:
    model, place = folder / MODEL_FILE, folder / MANIFEST_FILE
    for needed in (model, place):
        if not needed.is_file():
            raise ModelNotFound(f"The model package {folder} has no {needed.name}.")
    with _readable(folder):
        try:
            text = place.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ManifestInvalid(f"{place} is not UTF-8 text.") from error
        table = read_table(text, str(place))
        promised = table.get("sha256")
        if isinstance(promised, str):
            check_hash(model, promised, f"the model its {MANIFEST_FILE} names")
        return _package(model, resolve(table, describe_onnx(model), str(place)))


def _open_file(path: Path) -> ModelPackage:
    with _readable(path):
        digest = file_sha256(path)
        for item in catalogue.items():
            if item.kind == "model" and item.sha256 == digest:
                return _open_item(item.name, path)
            if item.kind == "model" and item.file == path.name:
                check_hash(path, item.sha256, f"the catalogue's {item.name}")
        own: dict[str, Any] = {"sha256": digest}
        # What labels call it when nothing else does: the file's name, and its content as the version.
        fallback = {"name": as_name(path.stem) or "model", "version": digest[:12]}
        return _package(path, resolve(own, describe_onnx(path), str(path), fallback))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelNotFound(
            f"{path} cannot be read: {error.strerror or error}.", hint="Check the permissions of the file."
        ) from error


def _package(path: Path, manifest: Manifest) -> ModelPackage:
    return ModelPackage(
        name=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        family=manifest.family,
        path=path,
        manifest=manifest,
    )

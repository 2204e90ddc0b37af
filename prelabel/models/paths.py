"""Where models and packages lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from wire.errors import GleanerError

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "model.toml"


class ModelFolderMissing(GleanerError):
    """GLEANER_MODELS names something that is no folder."""

    code = "model-folder-missing"
    status = 500
    exit_code = 2
    hint = "Correct GLEANER_MODELS (folders, separated by colons) or unset it."


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """GLEANER_CACHE, else `gleaner` below XDG_CACHE_HOME or ~/.cache."""
    if environ.get("GLEANER_CACHE"):
        return Path(environ["GLEANER_CACHE"]).expanduser()
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gleaner"


def model_folders(environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """The folders of GLEANER_MODELS. Raises ModelFolderMissing."""
    for entry in environ.get("GLEANER_MODELS", "").split(os.pathsep):
        if not entry:
            continue
        folder = Path(entry).expanduser()
        if not folder.is_dir():
            raise ModelFolderMissing(f"GLEANER_MODELS names {entry}, which is not a folder.")
        yield folder

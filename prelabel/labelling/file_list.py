"""Files that somebody names: each once, of a folder every medium in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from wire.errors import GleanerError

# Files of a folder with such a name are meant: one that turns out to be no medium is reported, not left out. What else
# there is in a folder is taken when it is media.
_ENDINGS = (
    ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".avif", ".gif", ".mp4", ".m4v", ".mov", ".mkv",
    ".webm", ".avi", ".mpg", ".mpeg", ".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac",
)  # fmt: skip


class NoFiles(GleanerError):
    """Nothing was named that could be labelled."""

    code = "no-files"
    status = 422
    exit_code = 2
    hint = "Name pictures, videos or sound files, or a folder of them."


def media_files(named: Iterable[Path], outside: Path | None = None) -> tuple[dict[Path, Path], int]:
    """Each file with its folder below the one that was named, and how many of the folders' files are no media.

    Args:
        outside: a folder of which nothing is taken, such as that of the results.
    """
    from prelabel.labelling.one_file import NotMedia, medium_of

    found: dict[Path, Path] = {}
    skipped = 0
    for path in named:
        if not path.is_dir():
            found.setdefault(path, Path())
            continue
        for inner in sorted(one for one in path.rglob("*") if one.is_file()):
            if outside is not None and inner.resolve().is_relative_to(outside.resolve()):
                continue
            try:
                if inner.suffix.lower() not in _ENDINGS or inner.name.startswith("."):
                    medium_of(inner)
            except NotMedia:
                skipped += 1
                continue
            except OSError:  # cannot be read: reported when it is its turn
                pass
            found.setdefault(inner, inner.parent.relative_to(path))
    return found, skipped


def listed_in(files_from: Path | None, null: bool = False) -> list[Path]:
    """The files that a list names, one per line, or with a NUL after each as `find -print0` writes them.

    Raises:
        NoFiles: the list cannot be read.
    """
    if files_from is None:
        return []
    try:
        data = sys.stdin.buffer.read() if str(files_from) == "-" else files_from.read_bytes()
    except OSError as error:
        raise NoFiles(f"{files_from} cannot be read as a list of files: {error.strerror or error}.") from error
    if null:
        return [Path(os.fsdecode(name)) for name in data.split(b"\0") if name]
    # As the names of files are read: any bytes, and only a line feed ends one (or the pair that Windows writes).
    lines = (line.removesuffix(b"\r") for line in data.split(b"\n"))
    return [Path(os.fsdecode(line)) for line in lines if line.strip()]


def skipped_sentence(skipped: int) -> str:
    return f"{skipped} file{'s' if skipped > 1 else ''} in the folders {'are' if skipped > 1 else 'is'} not media."

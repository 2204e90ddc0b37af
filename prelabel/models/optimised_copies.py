"""Copies of networks that onnxruntime has optimised already, so that loading does not do it again.

A copy is only good for the same model bytes, the same onnxruntime, the same processor and the same settings; all of
that is its key. Its own sha256 is part of its name, so key, content and check appear in one rename and many processes
may write at once. Whatever is odd, the original is loaded instead.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from prelabel.models.onnx_file import Dims
from prelabel.models.paths import cache_folder
from wire.files import file_sha256

# Below this optimising takes a few milliseconds, about as long as checking a copy.
MIN_BYTES = 256 * 1024
MAX_BYTES = 256 * 2**20
_ABANDONED_SECONDS = 3600.0
_SUFFIX = ".onnx"


class OptimisedCopies:
    """The copies in one folder.

    Args:
        folder: where they are stored; the cache folder's `optimised` when None.
        max_bytes: of all copies together; those not used for longest go first.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder or cache_folder() / "optimised"
        self._max_bytes = max_bytes

    def find(self, key: str) -> Path | None:
        """A whole copy made for the key; damaged ones are thrown away."""
        for path in sorted(self.folder.glob(f"{key}.*{_SUFFIX}")):
            try:
                good = file_sha256(path) == path.name.split(".")[1]
            except OSError:  # another process made room, or it may not be read
                continue
            with contextlib.suppress(OSError):  # a folder that may only be read serves as well
                if good:
                    os.utime(path)
                else:
                    path.unlink()
            if good:
                return path
        return None

    def save(self, key: str, write: Callable[[Path], None]) -> None:
        """Let `write` make a copy and save it.

        Raises:
            OSError: the folder takes nothing. What `write` raises comes through.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".making-", suffix=_SUFFIX)
        os.close(handle)
        made = Path(name)
        try:
            write(made)
            made.chmod(0o644)  # a cache filled by one user serves others
            digest = file_sha256(made)
            # Not synced to the disk: what a power cut leaves of it fails its check.
            made.replace(self.folder / f"{key}.{digest}{_SUFFIX}")
        finally:
            made.unlink(missing_ok=True)
        self._make_room()

    def why_closed(self) -> str | None:
        """Why no copies can be stored there, as the end of a sentence; None when they can."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".making-", suffix=_SUFFIX)
        except OSError as error:
            return f"{self.folder} cannot be written: {error.strerror or error}"
        os.close(handle)
        Path(name).unlink(missing_ok=True)
        return None

    def _make_room(self) -> None:
        rows: list[tuple[float, int, Path]] = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if path.name.startswith("."):
                if time.time() - status.st_mtime > _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)
                continue
            rows.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in rows)
        for _, size, path in sorted(rows):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size


def key_of(
    sha256: str,
    runtime: str,
    settings: Mapping[str, object],
    free: Mapping[str, Dims] | None,
    machine: str | None = None,
) -> str:
    """The key of a copy: 12 characters of the model's sha256, then 20 of everything it depends on.

    Args:
        sha256: of the model file.
        runtime: name and version of what optimises.
        settings: of the session, those that change the graph.
        free: sizes that were freed before.
        machine: architecture, processor and its abilities; this machine's when None.
    """
    whole = {
        "model": sha256,
        "runtime": runtime,
        "settings": dict(settings),
        "free": None if free is None else {name: list(dims) for name, dims in free.items()},
        "machine": this_machine() if machine is None else machine,
    }
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return f"{sha256[:12]}-{digest[:20]}"


@functools.cache
def this_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Architecture, processor and its abilities as one text (onnxruntime chooses its kernels by them)."""
    wanted = ("model name", "flags", "Features", "CPU implementer", "CPU part", "CPU variant")
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        lines = [platform.processor()]
    told = {line.strip() for line in lines if line.partition(":")[0].strip() in wanted}
    return "\n".join([platform.machine(), *sorted(told)])

"""A copy of what waits in a spool, for a person to carry: the same folders, every file hashed.

The copy is itself a device's folder: joined to a collector (`agent join URL CODE --state DIR`) it delivers what it
holds (`agent deliver --state DIR`). Nothing leaves the spool it was made from; delivering both does no harm.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from device_agent.spool.inspection import Waiting
from device_agent.spool.layout import Layout, file_name
from device_agent.spool.take_documents import WAITS, takes_folder, wait_again
from wire.capture import CaptureManifest
from wire.errors import GleanerError
from wire.files import LEFTOVER, sync_folder, write_whole

SUMS = "SHA256SUMS"
CHUNK = 1 << 20


class ExportFailed(GleanerError):
    """The folder for a copy cannot be written, or holds something already."""

    code: ClassVar[str] = "spool-export-failed"
    status: ClassVar[int] = 409
    exit_code: ClassVar[int] = 3
    hint = "Name a new or empty folder on a disk with enough room; nothing in the spool has changed."


@dataclass(frozen=True)
class Exported:
    """What a copy holds. `damaged`: captures of which a file is missing or not what its manifest says."""

    captures: int
    set_aside: int
    bytes: int
    damaged: tuple[str, ...]


def export(root: Path, target: Path, waiting: list[Waiting]) -> Exported:
    """Copy the closed captures of a spool, the records of their sessions, their plans, and what was set aside.

    SHA256SUMS is written last, in the format of `sha256sum -c`: a copy without it is not whole.

    Raises:
        ExportFailed.
    """
    source, copy = Layout(root), Layout(target / "spool")
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise ExportFailed(f"{target} is not empty.")
        copy.create()
        sums: dict[str, str] = {}
        size, damaged = 0, []
        closed = [one for one in waiting if one.state == "closed"]
        for one in closed:
            hashes, nbytes = _copy_folder(source.capture(one.capture), copy.capture(one.capture))
            size += nbytes
            if not _is_whole(source.capture(one.capture), hashes):
                damaged.append(one.capture)
            sums |= {f"spool/captures/{one.capture}/{name}": digest for name, digest in hashes.items()}
        aside = [path for path in sorted(source.aside.iterdir()) if path.is_dir()] if source.aside.is_dir() else []
        for folder in aside:
            hashes, nbytes = _copy_folder(folder, copy.aside / folder.name)
            size += nbytes
            sums |= {f"spool/aside/{folder.name}/{name}": digest for name, digest in hashes.items()}
        for session in sorted({one.session for one in closed}):
            hashes, nbytes = _copy_session(source.sessions, copy.sessions, session)
            size += nbytes
            sums |= {f"spool/sessions/{name}": digest for name, digest in hashes.items()}
        for plan in sorted(source.plans.glob("*.json")):
            sums[f"spool/plans/{plan.name}"], nbytes = _copy(plan, copy.plans / plan.name)
            size += nbytes
        lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
        write_whole(target / SUMS, lines.encode())
    except OSError as error:
        raise ExportFailed(f"The copy in {target} cannot be made: {error.strerror or error}.") from error
    return Exported(len(closed), len(aside), size, tuple(damaged))


def _copy_session(source: Path, target: Path, session: str) -> tuple[dict[str, str], int]:
    """The record of a session and the documents of its takes, as what waits: another collector may get the copy."""
    hashes, size = {}, 0
    if (source / f"{session}.json").is_file():
        hashes[f"{session}.json"], size = _copy(source / f"{session}.json", target / f"{session}.json")
    takes, copies = takes_folder(source, session), takes_folder(target, session)
    if takes.is_dir():
        found, nbytes = _copy_folder(takes, copies)
        wait_again(target, session)
        names = {Path(name).stem: digest for name, digest in sorted(found.items(), reverse=True)}
        hashes |= {f"{copies.name}/{name}{WAITS}": digest for name, digest in sorted(names.items())}
        size += nbytes
    return hashes, size


def _is_whole(folder: Path, hashes: dict[str, str]) -> bool:
    try:
        manifest = CaptureManifest.read((folder / "manifest.json").read_bytes())
    except (OSError, GleanerError):
        return False
    return all(hashes.get(file_name(part.name)) == part.sealed_sha256 for part in manifest.parts)


def _copy_folder(source: Path, target: Path) -> tuple[dict[str, str], int]:
    """The sha256 of every file by its name, and their bytes together."""
    target.mkdir(mode=0o700)
    hashes, size = {}, 0
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.endswith(LEFTOVER):
            hashes[path.name], nbytes = _copy(path, target / path.name)
            size += nbytes
    sync_folder(target)
    return hashes, size


def _copy(source: Path, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with source.open("rb") as file, os.fdopen(handle, "wb") as copy:
        while data := file.read(CHUNK):
            digest.update(data)
            copy.write(data)
            size += len(data)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest(), size

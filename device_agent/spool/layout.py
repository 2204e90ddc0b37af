"""Where things lie in a spool.

ROOT/lock                     held by the one process that uses the spool
ROOT/captures/CAPTURE/header.json    before the first media byte
                      media          append-only, or whole for a still and a text
                      times          the times log of record/times.py, never sent
                      frames         the frame table, whole
                      labels+NAME    a labels document, whole
                      redaction      what was masked, whole
                      manifest.json  last: from here on nothing in the folder changes
ROOT/done/CAPTURE.json        the receipt, or why nothing is left: a capture is never taken twice
ROOT/aside/CAPTURE/           what the collector refused for good: kept, with aside.json saying why
ROOT/sessions/SESSION.json    the newest record of a session; SESSION.sent: the revision the collector has
ROOT/sessions/SESSION.takes/  TAKE.json: a take's newest document; TAKE.sent: the same, and the collector has it
ROOT/plans/SHA256.json        a plan that session records name
ROOT/trash/                   on its way out, emptied at start
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from wire.files import LEFTOVER, sync_folder

TIMES = "times"


def file_name(part: str) -> str:
    """The file of a part: a colon is no letter for every file system."""
    return part.replace(":", "+")


def part_name(name: str) -> str | None:
    """The part a file of a capture's folder holds; None for what is never sent."""
    if name in ("media", "frames", "redaction"):
        return name
    return name.replace("+", ":", 1) if name.startswith("labels+") and not name.endswith(LEFTOVER) else None


class Layout:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "lock"
        self.captures = root / "captures"
        self.done = root / "done"
        self.aside = root / "aside"
        self.sessions = root / "sessions"
        self.plans = root / "plans"
        self.trash = root / "trash"

    def create(self) -> None:
        for folder in (self.captures, self.done, self.aside, self.sessions, self.plans, self.trash):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        sync_folder(self.root)

    def capture(self, capture: str) -> Path:
        return self.captures / capture


def discard_folder(layout: Layout, folder: Path) -> None:
    """Take a folder out of sight in one step, then delete it: a kill in between leaves it in the trash."""
    target = layout.trash / folder.name
    delete(target)
    with contextlib.suppress(FileNotFoundError):  # somebody deleted it already
        folder.rename(target)
    sync_folder(folder.parent)
    delete(target)


def delete(path: Path) -> None:
    """Delete a file, a link or a folder with all it holds; a path that is not there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def free_path(path: Path) -> Path:
    """`path`, or with a number behind it where something has that name already."""
    number, found = 2, path
    while found.exists() or found.is_symlink():
        found, number = path.with_name(f"{path.name}.{number}"), number + 1
    return found


def folder_bytes(folder: Path) -> int:
    """Size of the files in a folder, or of the one file that lies in its place; 0: nothing is there."""
    if not folder.is_dir():
        return folder.lstat().st_size if folder.exists() else 0
    return sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file())

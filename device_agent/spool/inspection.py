"""What lies in a spool, read beside the agent that works on it: no lock, nothing changed."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from device_agent.spool.header import CaptureHeader
from device_agent.spool.layout import Layout, folder_bytes
from device_agent.spool.take_documents import wait_again
from wire.capture import Medium
from wire.device import Backlog
from wire.errors import GleanerError


@dataclass(frozen=True)
class Waiting:
    """A capture without a receipt. "closed": it is whole; "unfinished": it records, or the agent was stopped then."""

    capture: str
    device: str
    session: str
    step: str
    attempt: int
    medium: Medium
    recorded_at: datetime
    bytes: int
    state: Literal["closed", "unfinished"]


def backlog_of(root: Path) -> Backlog:
    """Captures without a receipt and their bytes on the disk; zero where no spool has been made yet."""
    layout = Layout(root)
    folders = [path for path in layout.captures.iterdir() if path.is_dir()] if layout.captures.is_dir() else []
    size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    there = next(path for path in (root, *root.parents) if path.exists())
    return Backlog(captures=len(folders), bytes=size, free_bytes=shutil.disk_usage(there).free)


def set_aside_of(root: Path) -> dict[str, str]:
    """What was set aside in a spool, by its name, with the reason where one is known."""
    folder = Layout(root).aside
    return {path.name: _reason(path) for path in sorted(folder.iterdir())} if folder.is_dir() else {}


def waiting_of(root: Path) -> list[Waiting]:
    """The captures of a spool that wait for the collector, in the order of opening. What cannot be read is left out."""
    folder = Layout(root).captures
    found: list[tuple[int, Waiting]] = []
    for path in folder.iterdir() if folder.is_dir() else []:
        with contextlib.suppress(OSError, GleanerError):
            header = CaptureHeader.read((path / "header.json").read_bytes())
            one = Waiting(
                capture=header.capture,
                device=header.device,
                session=header.session,
                step=header.step,
                attempt=header.attempt,
                medium=header.medium,
                recorded_at=header.wall.at,
                bytes=folder_bytes(path),
                state="closed" if (path / "manifest.json").exists() else "unfinished",
            )
            found.append((header.sequence, one))
    return [one for _, one in sorted(found, key=lambda row: (row[0], row[1].capture))]


def mark_unsent(root: Path, sessions: Iterable[str]) -> None:
    """Another collector is to have the records of these sessions: they are sent again, whatever the last one had."""
    for session in sessions:
        (Layout(root).sessions / f"{session}.sent").unlink(missing_ok=True)
        wait_again(Layout(root).sessions, session)


def _reason(path: Path) -> str:
    try:
        body = json.loads((path / "aside.json").read_bytes())
    except (OSError, ValueError):
        return "The files cannot be delivered as they are."
    return str(body.get("reason", "")) if isinstance(body, dict) else ""

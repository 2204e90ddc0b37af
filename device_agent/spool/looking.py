"""What lies in a spool, read beside the agent that works on it: no lock, nothing changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from device_agent.spool.layout import Layout
from wire.device import Backlog


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


def _reason(path: Path) -> str:
    try:
        body = json.loads((path / "aside.json").read_bytes())
    except (OSError, ValueError):
        return "The files cannot be delivered as they are."
    return str(body.get("reason", "")) if isinstance(body, dict) else ""

"""What lies in a spool, read beside the agent that works on it: no lock, nothing changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from device_agent.spool.layout import Layout
from wire.device import Backlog


def backlog_of(root: Path) -> Backlog:
    """Captures without a receipt and their bytes on the disk; zero where no spool has been made yet."""
    layout = Layout(root)
    folders = list(layout.captures.iterdir()) if layout.captures.is_dir() else []
    size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    there = next(path for path in (root, *root.parents) if path.exists())
    return Backlog(captures=len(folders), bytes=size, free_bytes=shutil.disk_usage(there).free)

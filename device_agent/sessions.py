"""The sessions of a device, by their journals."""

from __future__ import annotations

from pathlib import Path

from device_agent.events import ENDED
from device_agent.journal import Header
from device_agent.journal import read as read_journal
from device_agent.record_keeping import replay


def unfinished_session(state: Path) -> tuple[Header, Path] | None:
    """The newest session under `state` whose journal has not come to an end."""
    journals = sorted((state / "sessions").glob("*/journal.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in journals:
        entries = read_journal(path)
        if entries and replay(entries).state.phase not in ENDED:
            header = entries[0]
            assert isinstance(header, Header)
            return header, path
    return None

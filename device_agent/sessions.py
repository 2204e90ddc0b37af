"""The sessions of a device, by their journals."""

from __future__ import annotations

from pathlib import Path

from device_agent.events import ENDED
from device_agent.journal import Header
from device_agent.journal import read as read_journal
from device_agent.record_keeping import replay
from wire.session import SessionRecord


def unfinished_session(state: Path) -> tuple[Header, Path] | None:
    """The newest session under `state` whose journal has not come to an end."""
    for path in _journals(state):
        entries = read_journal(path)
        if entries and replay(entries).state.phase not in ENDED:
            header = entries[0]
            assert isinstance(header, Header)
            return header, path
    return None


def newest_record(state: Path) -> SessionRecord | None:
    """What is known of the session that was journaled last; None: nothing may leave the device of it."""
    entries = next(filter(None, map(read_journal, _journals(state))), None)
    return replay(entries).record if entries else None


def _journals(state: Path) -> list[Path]:
    """Newest first."""
    found = (state / "sessions").glob("*/journal.jsonl")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)

"""What became of captures that left the spool: their receipts, so that none is ever taken twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from device_agent.spool.layout import write_whole

KEEP = 20_000


class DoneLedger:
    """A small file a capture; the oldest go first once there are more than `KEEP`.

    `write` runs on the writer thread; the other methods on any.
    """

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        self._folder, self._keep = folder, keep
        self._states: dict[str, str] = {}

    def load(self) -> None:
        rows = sorted(self._folder.glob("*.json"), key=lambda path: (path.lstat().st_mtime_ns, path.name))
        for path in rows:
            self._states[path.stem] = str(self._read(path).get("state", "confirmed"))

    def write(self, capture: str, state: str, facts: dict[str, Any]) -> None:
        """Durable on return."""
        data = json.dumps({"schema": 1, "capture": capture, "state": state, **facts}).encode()
        write_whole(self._folder / f"{capture}.json", data)
        self._states[capture] = state
        while len(self._states) > self._keep:
            oldest = next(iter(self._states))
            del self._states[oldest]
            (self._folder / f"{oldest}.json").unlink(missing_ok=True)

    def state(self, capture: str) -> str | None:
        return self._states.get(capture)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            body = json.loads(path.read_bytes())
        except (ValueError, OSError):
            return {}
        return body if isinstance(body, dict) else {}

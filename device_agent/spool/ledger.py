"""What became of captures that left the spool: their receipts, so that none is ever taken twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wire.files import write_whole

MAX_RECEIPTS = 20_000


class DoneLedger:
    """One small file per capture; the oldest are deleted past MAX_RECEIPTS. A start reads only names.

    `write` runs on the writer thread; the other methods on any.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: set[str] = set()

    def load(self) -> None:
        self._names = {path.stem for path in self._folder.glob("*.json")}

    def write(self, capture: str, state: str, facts: dict[str, Any]) -> None:
        """Durable on return."""
        data = json.dumps({"schema": 1, "capture": capture, "state": state, **facts}).encode()
        write_whole(self._folder / f"{capture}.json", data)
        self._names.add(capture)
        if len(self._names) > MAX_RECEIPTS:
            self._delete_oldest()

    def state(self, capture: str) -> str | None:
        if capture not in self._names:
            return None
        return str(self._read(self._folder / f"{capture}.json").get("state", "confirmed"))

    def _delete_oldest(self) -> None:
        """A twentieth at once, so that the folder is not sorted for every receipt."""
        rows = sorted(self._folder.glob("*.json"), key=lambda path: (path.lstat().st_mtime_ns, path.name))
        for path in rows[: len(rows) - MAX_RECEIPTS + MAX_RECEIPTS // 20]:
            path.unlink(missing_ok=True)
            self._names.discard(path.stem)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            body = json.loads(path.read_bytes())
        except (ValueError, OSError):
            return {}
        return body if isinstance(body, dict) else {}

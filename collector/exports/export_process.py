"""The process that makes an export, as who started it sees it (export_child.py)."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any

from collector.exports.export_progress import ClaimedExport
from collector.settings import Settings
from wire.parent import bound


class ExportProcess:
    """One child, started at once. `next_line` is called by one thread, `end` by any."""

    def __init__(self, settings: Settings, run: ClaimedExport) -> None:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "collector.exports.export_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **bound({**os.environ, "PYTHONPATH": path}),
        )
        asked = {
            # An address may hold a password, which a dump leaves out and standard input may have.
            "settings": {**settings.model_dump(mode="json"), "database": settings.database},
            "export": run.id,
            "asked": run.asked.to_json(),
            "studies": run.studies,
            "created_at": run.created_at,
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, name="export-lines", daemon=True)
        self._reader.start()

    def next_line(self, seconds: float) -> dict[str, Any] | None:
        """What it says next; None: it has ended. Raises queue.Empty: it said nothing for so long."""
        return self._lines.get(timeout=seconds)

    def end(self) -> None:
        """Kill it, and wait for its end: what it has made stays in its folder."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines, contextlib.suppress(ValueError):  # killed within a line
            for line in lines:
                self._lines.put(json.loads(line))
        self._lines.put(None)

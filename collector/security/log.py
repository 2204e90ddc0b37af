"""What the service writes into the security log: from any thread at once, saved by a thread of its own.

Members are names of staff, ids of devices and tokens, addresses and codes; never a secret, nothing of participants.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
from pathlib import Path
from typing import Any, Literal

from collector.security.files import SecurityFiles
from collector.security.flood import FloodLimit
from collector.store.clock import now_text

log = logging.getLogger("gleaner.collector")
Event = Literal[
    "service-started", "service-stopped", "signed-in", "signed-out", "token-first-used",
    "token-revoked", "sessions-ended", "user-disabled", "user-enabled",
    "role-changed", "study-changed", "export-started", "export-downloaded", "export-deleted",
    "jobs-started-again", "device-joined", "device-revoked", "command",
    "malware-found", "left-out", "refused", "input-refused", "origin-refused",
]  # fmt: skip
# What strangers can cause: of these so many have a line, the rest is counted.
Refusal = Literal["refused", "input-refused", "origin-refused"]
MAX_WAITING = 10_000
RETRY_SECONDS = 5.0
_SECRET_NAMES = re.compile(r"passw|secret|token|passphrase|_key$")
_USER_INFO = re.compile(r"//[^/@\s]*@")


class SecurityLog:
    """`record` and `refused` return at once; `close` saves what waits."""

    def __init__(self, files: SecurityFiles, limit: FloodLimit | None = None) -> None:
        self._files, self._limit = files, limit or FloodLimit()
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(MAX_WAITING)
        self._lost = 0
        self._thread = threading.Thread(target=self._save_all, name="security-log", daemon=True)
        self._thread.start()

    def record(self, event: Event, **members: Any) -> None:
        """Something that somebody did who may."""
        row = {
            "at": now_text(),
            "event": event,
            **{name: value for name, value in members.items() if value is not None},
        }
        try:
            self._waiting.put_nowait(row)
        except queue.Full:
            self._lost += 1

    def refused(self, kind: Refusal, address: str, **members: Any) -> None:
        """Somebody was refused; of many refusals of a kind some are counted only."""
        with self._guard:
            is_line = self._limit.allows(kind, address)
        if is_line:
            self.record(kind, address=address, **members)

    def close(self) -> None:
        self._closing.set()
        self._waiting.put(None)
        self._thread.join()

    def _save_all(self) -> None:
        rows: list[dict[str, Any]] = []
        is_open = True
        while is_open or rows:
            is_open = self._collect(rows) and is_open
            rows += self._counts(at_once=not is_open)
            if not rows:
                continue
            try:
                self._files.append(rows)
                rows = []
            except OSError as error:
                log.error("the security log cannot be written, %d lines wait: %s", len(rows), error)
                if not is_open:
                    return
                self._closing.wait(RETRY_SECONDS)

    def _collect(self, rows: list[dict[str, Any]]) -> bool:
        """What has come, after waiting for the first. False when the log is being closed."""
        with self._guard:
            seconds = self._limit.seconds_left()
        try:
            row = self._waiting.get(timeout=0 if rows else seconds)
            while row is not None and len(rows) < MAX_WAITING:
                rows.append(row)
                row = self._waiting.get_nowait()
            return row is not None
        except queue.Empty:
            return True

    def _counts(self, at_once: bool) -> list[dict[str, Any]]:
        with self._guard:
            left_out = self._limit.end_minute(at_once=at_once)
        lost, self._lost = self._lost, 0
        rows = [
            {
                "at": now_text(),
                "event": "left-out",
                "of": row.event,
                "address": row.address or "many",
                "count": row.count,
            }
            for row in left_out
        ]
        return [*rows, {"at": now_text(), "event": "left-out", "of": "all", "count": lost}] if lost else rows


def append_now(folder: Path, event: Event, **members: Any) -> None:
    """One line from a command while no service runs."""
    SecurityFiles(folder).append([{"at": now_text(), "event": event, **members}])


def without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they may be logged: of secrets only whether they are set, addresses without passwords."""
    shown = {}
    for name, value in settings.items():
        if _SECRET_NAMES.search(name):
            shown[name] = "set" if value else None
        else:
            shown[name] = _USER_INFO.sub("//…@", value) if isinstance(value, str) else value
    return shown

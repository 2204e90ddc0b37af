"""Which browser runs the session: the first that opened the page, until another one takes over."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path

BROWSER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Control:
    """Knows one browser by the id in its cookie. `path` remembers it for a restart of the agent; None: it does not.

    What is on the disk is a convenience: when it is lost, the next browser that opens the page runs the session.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._changing = threading.Lock()
        self._holder = self._read()

    def opened(self, browser: str) -> None:
        """A browser has opened the page; the first one runs the session."""
        with self._changing:
            if self._holder is None:
                self._give(browser)

    def take(self, browser: str) -> None:
        """A person asks for it at this browser: the one before only watches from now on."""
        with self._changing:
            self._give(browser)

    def holds(self, browser: str) -> bool:
        """Whether this browser may answer, start and end steps; without a holder each may."""
        return self._holder is None or self._holder == browser

    def _give(self, browser: str) -> None:
        self._holder = browser
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(browser)

    def _read(self) -> str | None:
        if self._path is None:
            return None
        try:
            text = self._path.read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return text if BROWSER_ID.fullmatch(text) else None

"""The security log on another system: each line is sent to a syslog server, from the files, by a thread of its own.

    logs/sent.json    {"to": "syslog+tls://…", "number": 252, "chain": "9f…", "problem": null, "since": null}

Syslog has no receipts. A line counts as delivered when the other machine has acknowledged it and the connection stood
for KEPT_SECONDS more, or ended in good order. After anything else the lines since the last delivered one are sent
again: they may arrive twice, with the same number, and are never left out. While nobody answers they wait in the files.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from collector.security.chain import ChainEnd
from collector.security.files import newest_number
from collector.security.reader import LogReader, ReadLine
from collector.security.syslog import SyslogConnection, framed_message
from collector.setting_tables import SecurityLogSettings
from collector.store.clock import now_text
from wire.files import write_whole

log = logging.getLogger("gleaner.collector")
SENT_FILE = "sent.json"
MAX_LINES = 1000
LOOK_SECONDS = 1.0
KEPT_SECONDS = 5.0
FIRST_WAIT_SECONDS, MAX_WAIT_SECONDS = 1.0, 60.0
END_SECONDS = 3.0


@dataclass(frozen=True)
class Sent:
    """How far the log has come. `problem`: why it comes no further, since when, in a few words."""

    to: str
    number: int = 0
    chain: str = ChainEnd().chain
    problem: str | None = None
    since: str | None = None


def read_sent(folder: Path) -> Sent | None:
    """How far the log has come, as the service noted it; None: it was never sent."""
    try:
        return Sent(**json.loads((folder / SENT_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


class SecurityLogSender:
    """`start` begins if the settings name a receiver; `stop` sends what is there before it ends, if it can."""

    def __init__(
        self,
        folder: Path,
        settings: SecurityLogSettings,
        waiting: Callable[[int], None] = lambda _lines: None,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        """`waiting`: called with the number of lines that are not delivered."""
        self._folder, self._settings, self._waiting, self._kept = folder, settings, waiting, kept_seconds
        self._host = socket.gethostname()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="security-log-sender", daemon=True)
        found = read_sent(folder)
        to = settings.to or ""
        self._sent = found if found is not None and found.to == to else Sent(to)  # another one gets everything

    def start(self) -> None:
        if self._settings.to is not None:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2 * END_SECONDS)  # a receiver that takes nothing holds nobody up

    def problem(self) -> str | None:
        """One sentence on why lines do not reach the other side; None: they do, or are not to."""
        sent = self._sent
        if sent.problem is None:
            return None
        return (
            f"The security log has not reached {sent.to} since {str(sent.since)[:16].replace('T', ' ')} UTC"
            f" ({sent.problem}); {newest_number(self._folder) - sent.number} lines wait."
        )

    def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            before = self._sent.number
            try:
                self._send_on()
                return
            except OSError as error:
                self._failed(str(error.strerror or error))
            wait = FIRST_WAIT_SECONDS if self._sent.number > before else min(MAX_WAIT_SECONDS, wait * 2)
            if self._stopping.wait(wait):
                return

    def _send_on(self) -> None:
        """Send until the service stops. Raises OSError."""
        with contextlib.closing(SyslogConnection(self._settings)) as receiver:
            reader = LogReader(self._folder, ChainEnd(self._sent.number, self._sent.chain))
            with contextlib.closing(reader):
                self._send_from(reader, receiver)

    def _send_from(self, reader: LogReader, receiver: SyslogConnection) -> None:
        taken: deque[tuple[ChainEnd, float]] = deque()  # the end of each group, and when it was acknowledged
        newest = ChainEnd(self._sent.number, self._sent.chain)
        while True:
            is_last = self._stopping.is_set()
            lines = reader.read(MAX_LINES)
            if lines:
                _report_gap(newest, lines[0])
                receiver.send(b"".join(framed_message(line.row, line.raw, self._host) for line in lines))
                newest = lines[-1].end
                taken.append((newest, time.monotonic()))
            elif is_last:
                break
            else:
                receiver.wait(LOOK_SECONDS if not self._stopping.is_set() else 0.0)
            self._confirm(taken)
        if receiver.end(END_SECONDS):
            self._delivered(newest)

    def _confirm(self, taken: deque[tuple[ChainEnd, float]]) -> None:
        end = None
        while taken and time.monotonic() - taken[0][1] >= self._kept:
            end = taken.popleft()[0]
        if end is not None:
            self._delivered(end)
        elif self._sent.problem is not None and not taken:
            self._delivered(ChainEnd(self._sent.number, self._sent.chain))
        self._waiting(max(0, newest_number(self._folder) - self._sent.number))

    def _delivered(self, end: ChainEnd) -> None:
        if self._sent.problem is not None:
            log.info("the security log reaches %s again", self._sent.to)
        self._note(Sent(self._sent.to, end.number, end.chain))

    def _failed(self, why: str) -> None:
        if self._sent.problem is None:
            log.error("the security log does not reach %s, its lines wait: %s", self._sent.to, why)
        self._note(replace(self._sent, problem=why, since=self._sent.since or now_text()))
        self._waiting(max(0, newest_number(self._folder) - self._sent.number))

    def _note(self, sent: Sent) -> None:
        if sent == self._sent:
            return
        self._sent = sent
        try:
            write_whole(self._folder / SENT_FILE, json.dumps(asdict(sent)).encode())
        except OSError as error:  # lines are sent twice after a restart, at worst
            log.error("how far the security log was sent cannot be noted: %s", error)


def _report_gap(before: ChainEnd, line: ReadLine) -> None:
    if 0 < before.number < line.end.number - 1:
        log.error(
            "lines %d to %d of the security log were removed before they could be sent",
            before.number + 1,
            line.end.number - 1,
        )

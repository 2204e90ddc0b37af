"""The newest record of every session, until the collector has it; then the last few hundred."""

from __future__ import annotations

import contextlib
from pathlib import Path

from device_agent.spool.changes import Changes
from device_agent.spool.layout import write_whole
from device_agent.spool.writer import SpoolWriter
from wire.canonical import canonical_json
from wire.errors import GleanerError
from wire.session import SessionRecord

KEEP = 200


class SessionShelf:
    def __init__(self, folder: Path, writer: SpoolWriter, changes: Changes) -> None:
        self._folder, self._writer, self._changes = folder, writer, changes
        self._records: dict[str, SessionRecord] = {}
        self._sent: dict[str, int] = {}

    def load(self) -> list[str]:
        """Read the folder. Returns a sentence for each file that cannot be read; it is kept."""
        troubles = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                record = SessionRecord.read(path.read_bytes())
            except (GleanerError, OSError) as error:
                troubles.append(f"{path.name} in the spool cannot be read: {error}.")
                continue
            self._records[record.session] = record
            with contextlib.suppress(OSError, ValueError):
                self._sent[record.session] = int((self._folder / f"{record.session}.sent").read_text())
        return troubles

    def put(self, record: SessionRecord) -> None:
        """Keep a record unless a newer revision is here already; durable on return."""
        known = self._records.get(record.session)
        if known is not None and (known.revision > record.revision or known == record):
            return
        path = self._folder / f"{record.session}.json"

        def write() -> None:
            if known is not None and known.revision == record.revision:
                (self._folder / f"{record.session}.sent").unlink(missing_ok=True)
            write_whole(path, canonical_json(record))

        self._writer.call(write, "writing the session record")
        with self._changes:
            self._records[record.session] = record
            if known is not None and known.revision == record.revision:
                self._sent.pop(record.session, None)
        self._changes.tell()

    def to_send(self) -> list[SessionRecord]:
        """Records the collector does not have in their newest revision, oldest session first."""
        with self._changes:
            waiting = [row for row in self._records.values() if self._sent.get(row.session, -1) < row.revision]
        return sorted(waiting, key=lambda row: row.started_at)

    def sent(self, session: str, revision: int) -> None:
        """The collector has this revision."""
        with self._changes:
            if revision <= self._sent.get(session, -1):
                return
        self._writer.call(
            lambda: write_whole(self._folder / f"{session}.sent", str(revision).encode()), "noting a sent session"
        )
        with self._changes:
            self._sent[session] = revision
            over = [row for row in self._records.values() if self._over(row)]
            for row in sorted(over, key=lambda row: row.started_at)[:-KEEP]:
                for end in (".json", ".sent"):
                    (self._folder / f"{row.session}{end}").unlink(missing_ok=True)
                del self._records[row.session]
                self._sent.pop(row.session, None)
        self._changes.tell()

    def _over(self, record: SessionRecord) -> bool:
        return record.state != "running" and self._sent.get(record.session, -1) >= record.revision

"""The records of every session, until the collector has them and a receipt for everything that belongs to them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from device_agent.spool.signal import ChangeSignal
from device_agent.spool.take_documents import TakeDocuments
from device_agent.spool.writer import SpoolWriter
from wire.canonical import canonical_json
from wire.errors import GleanerError
from wire.files import write_whole
from wire.session import SessionRecord, TakeDocument

OVER = "over"  # behind the revision in SESSION.sent: it was the last one


class SessionRecords:
    """SESSION.json is the newest record, SESSION.sent the revision that the collector has; SESSION.takes has the takes.

    Versions before put the takes into SESSION.json: such a record is sent as it is.
    """

    def __init__(self, folder: Path, writer: SpoolWriter, changes: ChangeSignal) -> None:
        self._folder, self._writer, self._changes = folder, writer, changes
        self._takes = TakeDocuments(folder, writer, changes)
        self._records: dict[str, SessionRecord] = {}
        self._sent: dict[str, int] = {}
        self._delivered: set[str] = set()  # those that were deleted at this start

    def load(self, waiting: Collection[str] = ()) -> list[str]:
        """Read the folder. Returns a sentence for each file that cannot be read; it is kept.

        A record that the collector has and that is over is deleted, unless captures of its session are among the
        `waiting`: another collector may want both.
        """
        problems = self._takes.load()
        for path in sorted(self._folder.glob("*.json")):
            sent, over = self._read_sent(path.stem)
            if over and path.stem not in waiting and self._takes.all_sent(path.stem):
                self._delete(path.stem)
                self._delivered.add(path.stem)
                continue
            try:
                record = SessionRecord.read(path.read_bytes())
            except (GleanerError, OSError) as error:
                problems.append(f"{path.name} in the spool cannot be read: {error}.")
                continue
            self._records[record.session] = record
            if sent is not None:
                self._sent[record.session] = sent
        for session in self._takes.sessions():
            if self._takes.all_sent(session) and not (self._folder / f"{session}.json").exists():
                self._takes.delete_session(session)  # a kill came between the deletion of the record and theirs
        return problems

    def scripts(self) -> set[str]:
        """The sha256 of every plan that a record here names."""
        with self._changes:
            return {record.script.sha256 for record in self._records.values()}

    def is_delivered(self, session: str) -> bool:
        """Whether the collector has all records of a session that is over; one not here was deleted for that."""
        if not self._takes.all_sent(session):
            return False
        with self._changes:
            record = self._records.get(session)
        return self._over(record) if record is not None else not (self._folder / f"{session}.json").exists()

    def _read_sent(self, session: str) -> tuple[int | None, bool]:
        try:
            words = (self._folder / f"{session}.sent").read_text(encoding="ascii").split()
            return int(words[0]), words[1:] == [OVER]
        except (OSError, ValueError, IndexError):
            return None, False

    def _delete(self, session: str) -> None:
        (self._folder / f"{session}.json").unlink(missing_ok=True)
        self._takes.delete_session(session)
        # The mark last: without it the record would be sent again, which does no harm.
        (self._folder / f"{session}.sent").unlink(missing_ok=True)

    def put(self, record: SessionRecord) -> None:
        """Keep a record unless a newer revision is here already, or the collector has its end; durable on return."""
        if record.session in self._delivered and record.state != "running":
            return
        known = self._records.get(record.session)
        if known is not None and (known.revision > record.revision or known == record):
            return
        if known is not None and known.revision == record.revision and known.is_whole and not record.is_whole:
            return  # written by the version before: it says the same and holds the takes
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
        self._changes.notify()

    def put_take(self, document: TakeDocument) -> None:
        """Save a take's document unless what is here says the same; durable on return."""
        known = self._records.get(document.session)
        holds_it = known is not None and known.is_whole and known.revision >= document.revision
        if not holds_it and document.session not in self._delivered:
            self._takes.put(document)

    def takes_to_send(self) -> list[TakeDocument]:
        """Documents that the collector lacks, of sessions that it knows."""
        with self._changes:
            known = sorted(self._sent)
        return [document for session in known for document in self._takes.waiting(session)]

    def take_sent(self, document: TakeDocument) -> None:
        self._takes.sent(document)

    def send_again(self, session: str) -> None:
        """The collector does not know the session any more: it gets its record and its takes once more."""
        self._writer.call(
            lambda: (self._folder / f"{session}.sent").unlink(missing_ok=True), "noting that a session is sent again"
        )
        with self._changes:
            self._sent.pop(session, None)
        self._takes.send_again(session)

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
        with self._changes:
            record = self._records.get(session)
        over = record is not None and record.state != "running" and revision >= record.revision
        note = f"{revision} {OVER}" if over else str(revision)
        self._writer.call(
            lambda: write_whole(self._folder / f"{session}.sent", note.encode("ascii")), "noting a sent session"
        )
        with self._changes:
            self._sent[session] = revision
        self._changes.notify()

    def _over(self, record: SessionRecord) -> bool:
        return record.state != "running" and self._sent.get(record.session, -1) >= record.revision

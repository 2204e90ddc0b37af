"""The newest document of every take, until the spool lets go of its session."""

from __future__ import annotations

from pathlib import Path

from device_agent.spool.layout import delete
from device_agent.spool.signal import ChangeSignal
from device_agent.spool.writer import SpoolWriter
from wire.canonical import canonical_json
from wire.errors import GleanerError
from wire.files import sync_folder, write_whole
from wire.session import TakeDocument

FOLDER_SUFFIX = ".takes"
WAITS, SENT = ".json", ".sent"


class TakeDocuments:
    """SESSION.takes/TAKE.json is a document that the collector lacks; once it has it, the file is called TAKE.sent.

    A mark that a power cut takes back lets a document be sent again, which does no harm.
    """

    def __init__(self, folder: Path, writer: SpoolWriter, changes: ChangeSignal) -> None:
        self._folder, self._writer, self._changes = folder, writer, changes
        self._known: dict[str, dict[str, TakeDocument]] = {}  # by session and take
        self._waiting: dict[str, dict[str, TakeDocument]] = {}
        self._damaged: set[tuple[str, str]] = set()  # session and take: the collector lacks what cannot be read

    def load(self) -> list[str]:
        """Read the folder. Returns a sentence for each file that cannot be read; it is kept."""
        problems = []
        for folder in sorted(self._folder.glob(f"*{FOLDER_SUFFIX}")):
            # What waits last: it is newer than a document of the same take that was sent.
            for path in [*sorted(folder.glob(f"*{SENT}")), *sorted(folder.glob(f"*{WAITS}"))]:
                try:
                    document = TakeDocument.read(path.read_bytes())
                except (GleanerError, OSError) as error:
                    problems.append(f"{folder.name}/{path.name} in the spool cannot be read: {error}.")
                    if path.suffix == WAITS:
                        self._damaged.add((folder.name.removesuffix(FOLDER_SUFFIX), path.stem))
                    continue
                self._add(document, waits=path.suffix == WAITS)
        return problems

    def put(self, document: TakeDocument) -> None:
        """Save a document unless it says nothing new; durable on return."""
        known = self._known.get(document.session, {}).get(document.take.take)
        if known is not None and (known.revision >= document.revision or known.take == document.take):
            return
        path = self._path(document.session, document.take.take)

        def write() -> None:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700)
                sync_folder(path.parent.parent)
            write_whole(path, canonical_json(document))
            with self._changes:
                self._damaged.discard((document.session, document.take.take))
                self._add(document, waits=True)

        self._writer.call(write, "writing the record of a take")
        self._changes.notify()

    def waiting(self, session: str) -> list[TakeDocument]:
        """The documents of a session that the collector does not have, oldest first."""
        with self._changes:
            return sorted(self._waiting.get(session, {}).values(), key=lambda one: one.revision)

    def all_sent(self, session: str) -> bool:
        with self._changes:
            return not self._waiting.get(session) and all(owner != session for owner, _ in self._damaged)

    def sent(self, document: TakeDocument) -> None:
        """The collector has this document; a newer one goes on waiting."""
        session, take = document.session, document.take.take

        def mark() -> None:
            with self._changes:
                if self._waiting.get(session, {}).get(take) != document:
                    return
                path = self._path(session, take)
                path.replace(path.with_suffix(SENT))
                del self._waiting[session][take]

        self._writer.call(mark, "noting a sent take")
        self._changes.notify()

    def send_again(self, session: str) -> None:
        """The collector has lost the session: every document of it waits again."""

        def unmark() -> None:
            wait_again(self._folder, session)
            with self._changes:
                self._waiting[session] = dict(self._known.get(session, {}))

        self._writer.call(unmark, "noting that a session is sent again")
        self._changes.notify()

    def delete_session(self, session: str) -> None:
        delete(takes_folder(self._folder, session))
        self._known.pop(session, None)
        self._waiting.pop(session, None)

    def sessions(self) -> list[str]:
        return sorted(self._known)

    def _add(self, document: TakeDocument, *, waits: bool) -> None:
        self._known.setdefault(document.session, {})[document.take.take] = document
        if waits:
            self._waiting.setdefault(document.session, {})[document.take.take] = document

    def _path(self, session: str, take: str) -> Path:
        return takes_folder(self._folder, session) / f"{take}{WAITS}"


def takes_folder(sessions: Path, session: str) -> Path:
    return sessions / f"{session}{FOLDER_SUFFIX}"


def wait_again(sessions: Path, session: str) -> None:
    """Take back that documents were sent."""
    for path in takes_folder(sessions, session).glob(f"*{SENT}"):
        newer = path.with_suffix(WAITS)
        if newer.exists():
            path.unlink()
        else:
            path.replace(newer)

"""The sessions of a device, by their journals.

A journal that has come to its end, and whose last record is in the spool, gets the file `over` beside it at the next
start, and no later one reads it. It is deleted once the collector has the record and every capture has its receipt.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from device_agent.events import ENDED
from device_agent.session.journal import Happened, Header, JournalDamaged
from device_agent.session.journal import read as read_journal
from device_agent.session.pseudonyms import own_pseudonyms
from device_agent.session.record import replay
from device_agent.spool.inspection import waiting_of
from device_agent.spool.space import SpoolFull
from device_agent.spool.spool import Spool
from device_agent.state_files import PAGE_CONTROL_FILE, PAGE_KEY_FILE
from wire.base import new_id
from wire.consent import ConsentRecord
from wire.errors import GleanerError
from wire.script import Plan
from wire.session import SessionRecord, TakeRecord

JOURNAL = "journal.jsonl"
OVER = "over"


class SessionOfAnother(GleanerError):
    """An unfinished session is here and a run that asks for another one was started."""

    code = "session-unfinished"
    exit_code = 2
    hint = "Resume it (the same script, --pseudonym and --home; STOP ends it), or name another --state folder."


@dataclass(frozen=True)
class SessionRequest:
    """The session that a run asks for. `participant` and `home`: pseudonyms, None where nobody was named."""

    plan: Plan
    device: str
    participant: str | None
    home: str | None


def unfinished_session(state: Path) -> tuple[Header, Path] | None:
    """The newest session under `state` that was consented to and whose journal has not come to an end.

    Raises:
        JournalDamaged: of a session that may not be over. Damage to the journal of one that is over is passed by.
    """
    for index, path in enumerate(_journals(state)):
        try:
            entries = read_journal(path)
        except JournalDamaged:
            if not _is_over(state, path.parent.name, newest=index == 0):
                raise
            continue
        consented = any(isinstance(entry, ConsentRecord) for entry in entries)
        if consented and replay(entries).state.phase not in ENDED:
            header = entries[0]
            assert isinstance(header, Header)
            return header, path
    return None


def resume_or_begin(state: Path, asked: SessionRequest, unfinished: tuple[Header, Path] | None) -> tuple[Header, Path]:
    """Header and journal of the session to run: an unfinished one is resumed before a new one begins.

    Raises:
        SessionOfAnother: the unfinished one is of another device, person, home or script.
        StateUnwritable: this device has no pseudonyms yet and they cannot be saved.
    """
    if unfinished is not None:
        _check_same(unfinished[0], asked)
        return unfinished
    own = own_pseudonyms(state)
    header = Header(
        session=new_id("ses"),
        device=asked.device,
        participant=asked.participant or own.participant,
        home=asked.home or own.home,
        started_at=datetime.now(UTC),
        plan=asked.plan,
    )
    return header, state / "sessions" / header.session / JOURNAL


def _check_same(header: Header, asked: SessionRequest) -> None:
    """A consent is one person's, in one home, to one script: nobody else's session goes on under it."""
    if header.device != asked.device:
        raise SessionOfAnother(
            f"The unfinished session {header.session} belongs to another identity of this device, {header.device}.",
            hint="Name another --state folder, or join again as that device.",
        )
    begun = (header.participant, header.home, header.plan.id)
    if (asked.participant or header.participant, asked.home or header.home, asked.plan.id) != begun:
        raise SessionOfAnother(
            f"The session {header.session} of {begun[0]} in {begun[1]} with the script {begun[2]} is not finished."
        )


def delete_unbegun(state: Path) -> None:
    """Delete the journals of sessions that nobody has answered: they hold no consent, no take and no refusal."""
    for path in _journals(state):
        try:
            entries = read_journal(path)
        except JournalDamaged:
            continue
        if not any(isinstance(entry, ConsentRecord | TakeRecord | Happened) for entry in entries):
            path.unlink()
            delete_page_files(path.parent)
            with suppress(OSError):  # something else lies in the folder
                path.parent.rmdir()


def delete_page_files(folder: Path) -> None:
    """The addresses and cookies of a session that is over open nothing any more."""
    for name in (PAGE_KEY_FILE, PAGE_CONTROL_FILE):
        (folder / name).unlink(missing_ok=True)


def device_of_what_waits(state: Path) -> str | None:
    """The id under which this device recorded what it still holds: an unfinished session, or captures in the spool."""
    with suppress(JournalDamaged):
        unfinished = unfinished_session(state)
        if unfinished is not None:
            return unfinished[0].device
    return next((one.device for one in waiting_of(state / "spool")), None)


def save_ended(spool: Spool, state: Path, device: str) -> None:
    """Put into the spool what a kill kept out of it, then delete the journals of sessions that the collector has whole.

    A kill may have come between the last line of a journal, that of a session's end too, and its record.
    """
    for path in _journals(state):
        try:
            replayed = replay(read_journal(path))
        except (JournalDamaged, IndexError):
            continue
        head = replayed.head
        if head is not None and head.device == device:
            try:
                for take in replayed.ended_takes:
                    spool.records.put_take(replayed.document_of(take))
                spool.plans.put(replayed.header.plan)
                spool.records.put(head)
            except SpoolFull:  # as at every change of a session: what waits is sent first
                continue
        if replayed.state.phase in ENDED:
            (path.parent / OVER).touch(mode=0o600)
    waiting = spool.sessions_waiting()
    for mark in (state / "sessions").glob(f"*/{OVER}"):
        if mark.parent.name not in waiting and spool.records.is_delivered(mark.parent.name):
            _delete_folder(mark.parent)


def _delete_folder(folder: Path) -> None:
    """The mark goes last: a kill in between is finished at the next start."""
    (folder / JOURNAL).unlink(missing_ok=True)
    delete_page_files(folder)
    (folder / OVER).unlink(missing_ok=True)
    with suppress(OSError):  # something else lies in the folder
        folder.rmdir()


def _is_over(state: Path, session: str, *, newest: bool) -> bool:
    """Whether the spool's record of a session has come to its end; records of older sessions are deleted when sent."""
    path = state / "spool" / "sessions" / f"{session}.json"
    if not path.exists():
        return not newest
    try:
        return SessionRecord.read(path.read_bytes()).state != "running"
    except (OSError, GleanerError):
        return False


def _journals(state: Path) -> list[Path]:
    """Those that are not known to be over, newest first."""
    found = [path for path in (state / "sessions").glob(f"*/{JOURNAL}") if not (path.parent / OVER).exists()]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)

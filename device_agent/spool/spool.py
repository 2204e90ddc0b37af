"""The spool: what is recorded lies here until the collector has proved that it has it.

One process owns a spool. Captures go open -> closed (a manifest names every part) -> confirmed (a receipt whose
hashes equal the manifest's) and only then are deleted. A full disk stops recording and deletes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from device_agent.spool.capture import Entry, SpoolCapture
from device_agent.spool.header import CaptureHeader, CaptureState, PendingCapture
from device_agent.spool.layout import Layout, delete, discard_folder, file_name, folder_bytes, free_path
from device_agent.spool.ledger import DoneLedger
from device_agent.spool.parts import check_part, read_part, receipt_differences
from device_agent.spool.plans import SessionPlans
from device_agent.spool.session_records import SessionRecords
from device_agent.spool.signal import ChangeSignal
from device_agent.spool.space import SpoolFull, SpoolSpace, spool_error
from device_agent.spool.torn import close_torn_capture, media_bytes
from device_agent.spool.writer import SpoolWriter
from wire.canonical import canonical_json
from wire.capture import CaptureManifest
from wire.device import Backlog, Receipt
from wire.errors import GleanerError
from wire.files import sync_folder, write_whole

MIN_FREE_BYTES = 64 << 20
# Space that a take must find before it begins: less is gone within seconds.
MIN_START_BYTES = 1 << 20


class SpoolInUse(GleanerError):
    """Another agent works on this spool."""

    code: ClassVar[str] = "spool-in-use"
    status: ClassVar[int] = 409
    exit_code: ClassVar[int] = 3
    hint = "Stop the other agent, or give this one another folder with --state."


class SpoolUnusable(GleanerError):
    """The folder cannot be a spool."""

    code: ClassVar[str] = "spool-unusable"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 3
    hint = "Name a folder on a local disk that the agent may write to."


class CaptureKnown(GleanerError):
    """A capture id is used a second time."""

    code: ClassVar[str] = "capture-known"
    status: ClassVar[int] = 409
    hint = "Make a new capture id for every attempt."


class ReceiptMismatch(GleanerError):
    """A receipt speaks of other bytes than the spool holds; the capture stays."""

    code: ClassVar[str] = "receipt-mismatch"
    status: ClassVar[int] = 409
    retryable: ClassVar[bool] = True
    hint = "The capture is kept on the device. Compare it with the collector's copy."


def _nobody(_: GleanerError) -> None:
    return


class Spool:
    """All methods may be called from any thread but the writer's (`on_full` runs there: post an event, return)."""

    def __init__(
        self, root: Path, quota_bytes: int | None = None, reserve_bytes: int = MIN_FREE_BYTES,
        on_full: Callable[[GleanerError], None] | None = None,
    ) -> None:  # fmt: skip
        """Take the spool, read what it holds, start its writer. Call `recover` before the first capture.

        Raises:
            SpoolInUse: another process has it. SpoolUnusable: the folder cannot be made or written.
        """
        self.layout = Layout(root)
        self.on_full = on_full or _nobody
        self.changes = ChangeSignal()
        self.problems: list[str] = []
        self.set_aside_count = 0  # captures, since the start
        try:
            self.layout.create()
            self._lock = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolUnusable(f"{root} cannot hold a spool: {error.strerror or error}.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise SpoolInUse(f"Another agent works on the spool {root}.") from error
        self._space = SpoolSpace(root, quota_bytes, reserve_bytes)
        self._writer = SpoolWriter(self._space, self.changes.notify, lambda error: self.on_full(error))
        self._done = DoneLedger(self.layout.done)
        self.records = SessionRecords(self.layout.sessions, self._writer, self.changes)
        self.plans = SessionPlans(self.layout.plans, self._writer, self.changes)
        self._entries: dict[str, Entry] = {}
        self._done.load()
        self._load()
        self.problems += self.records.load(self.sessions_waiting())
        self.problems += self.plans.load(self.records.scripts())
        self._sequence = max((entry.header.sequence for entry in self._entries.values()), default=0)
        self._writer.start()

    # ---------------------------------------------------------------- recording
    def open_capture(self, header: CaptureHeader) -> SpoolCapture:
        """Begin a capture: its header is durable before this returns.

        Raises:
            SpoolFull: no room to begin. CaptureKnown: the id was used before. SpoolFailed: the disk's answer.
        """
        self.make_unfinished_torn()
        with self.changes:
            if header.capture in self._entries or self._done.state(header.capture) is not None:
                raise CaptureKnown(f"The capture {header.capture} is in the spool already.")
            self._sequence += 1
            header = header.model_copy(update={"sequence": self._sequence})
        folder = self.layout.capture(header.capture)
        data = canonical_json(header)

        def begin() -> None:
            self._space.check(MIN_START_BYTES)
            folder.mkdir()
            try:
                write_whole(folder / "header.json", data)
            except OSError:
                folder.rmdir()
                raise
            sync_folder(folder.parent)
            self._space.reserve(len(data))
            self._writer.full_is_over()

        self._writer.call(begin, "opening a capture")
        entry = Entry(header, folder)
        with self.changes:
            self._entries[header.capture] = entry
        self.changes.notify()
        return SpoolCapture(entry, self._writer, self._space, self.changes, self._make_torn, self._drop)

    # ---------------------------------------------------------------- sending
    def pending(self) -> list[PendingCapture]:
        """Every capture without a receipt that is open or closed, in the order of opening."""
        with self.changes:
            rows = [entry for entry in self._entries.values() if entry.state in ("open", "closed")]
            return [self._pending(entry) for entry in sorted(rows, key=lambda entry: entry.header.sequence)]

    def durable(self, capture: str, part: str) -> tuple[int, bool]:
        """(bytes of a part that survive a power cut, whether no more will come)."""
        with self.changes:
            entry = self._entries.get(capture)
            return entry.size_of(part) if entry is not None else (0, False)

    def read(self, capture: str, part: str, offset: int, limit: int) -> bytes:
        """Durable bytes of a part from `offset`; shorter than `limit` where they end.

        Raises:
            PartDamaged: the file is missing or shorter than what was recorded. SpoolFailed: the disk's answer.
        """
        size, _ = self.durable(capture, part)
        return read_part(self.layout.capture(capture) / file_name(part), size, offset, limit)

    def check_part(self, capture: str, part: str) -> None:
        """Compare a part of a closed capture with its manifest.

        Raises:
            PartDamaged: the file is missing or holds other bytes. SpoolFailed: the disk's answer.
        """
        with self.changes:
            entry = self._entries.get(capture)
            named = entry.parts.get(part) if entry is not None and entry.state == "closed" else None
        if named is not None:
            check_part(self.layout.capture(capture) / file_name(part), named)

    def confirm(self, receipt: Receipt) -> None:
        """Delete a capture whose receipt says the collector holds exactly what its manifest names.

        The signature is the caller's to check. Confirming twice does nothing.

        Raises:
            ReceiptMismatch: any hash, size or name differs; the capture stays.
        """
        if self._done.state(receipt.capture) == "confirmed":
            return
        with self.changes:
            entry = self._entries.get(receipt.capture)
        if entry is None or entry.manifest is None:
            raise ReceiptMismatch(f"A receipt arrived for {receipt.capture}, which is not closed on this device.")
        differs = receipt_differences(receipt, entry.manifest)
        if differs:
            raise ReceiptMismatch(
                f"The receipt of {receipt.capture} does not match its manifest: {', '.join(differs)}."
            )
        self._remove_capture(entry, "confirmed", {"receipt": receipt.to_json()})
        self.make_unfinished_torn()

    def set_aside(self, capture: str, reason: str) -> None:
        """Keep a capture out of the way: it can never be delivered as it is. `problems` names it."""
        with self.changes:
            entry = self._entries.get(capture)
        if entry is None:
            return
        note = canonical_json({"schema": 1, "capture": capture, "reason": reason})

        def move() -> None:
            entry.folder.mkdir(exist_ok=True)
            write_whole(entry.folder / "aside.json", note)
            entry.folder.rename(free_path(self.layout.aside / capture))
            sync_folder(self.layout.aside)
            sync_folder(self.layout.captures)

        self._writer.call(move, "setting a capture aside")
        with self.changes:
            self._entries.pop(capture, None)
            self.set_aside_count += 1
        self.problems.append(f"The capture {capture} was set aside. {reason}")
        self.changes.notify()

    def sessions_waiting(self) -> set[str]:
        """The sessions of which captures wait for a receipt."""
        with self.changes:
            return {entry.header.session for entry in self._entries.values()}

    # ---------------------------------------------------------------- looking
    def backlog(self) -> Backlog:
        """What waits for the collector, and the bytes that may still be recorded."""
        with self.changes:
            rows = [self._pending(entry) for entry in self._entries.values()]
        return Backlog(captures=len(rows), bytes=sum(row.bytes for row in rows), free_bytes=max(0, self._space.free()))

    @property
    def captures_waiting(self) -> int:
        """How many captures have no receipt; what it costs does not grow with them."""
        return len(self._entries)

    def state_of(self, capture: str) -> CaptureState:
        """What became of a capture: after a restart the session asks whether a take was closed or is torn."""
        with self.changes:
            if capture in self._entries:
                return self._entries[capture].state
        if (self.layout.aside / capture).is_dir():
            return "aside"
        done = self._done.state(capture)
        return "unknown" if done is None else "dropped" if done == "dropped" else "confirmed"

    def wait(self, timeout: float, since: int | None = None) -> int:
        """Sleep until something changed (more is durable, a capture closed, a session put) or time is up."""
        return self.changes.wait(timeout, since)

    def close(self) -> None:
        """Write what is queued and let go of the folder. Open captures become torn at the next start."""
        self._writer.stop()
        os.close(self._lock)

    # ---------------------------------------------------------------- after a failure
    def unfinished(self) -> list[CaptureHeader]:
        """Captures that ended without a manifest, in the order of opening."""
        with self.changes:
            rows = [entry.header for entry in self._entries.values() if entry.state == "unfinished"]
        return sorted(rows, key=lambda header: header.sequence)

    def make_torn(self, capture: str, reason: str) -> CaptureManifest | None:
        """Make an unfinished capture a torn one; None when it held nothing and is dropped.

        Raises:
            SpoolFull, SpoolFailed: the disk's answer; it stays unfinished.
        """
        with self.changes:
            entry = self._entries[capture]
        manifest = self._make_torn(entry)
        if manifest is None:
            self._drop(entry, reason)
        return manifest

    def make_unfinished_torn(self) -> None:
        """Try again what a full disk prevented."""
        for header in self.unfinished():
            with contextlib.suppress(SpoolFull):  # it was told when it happened, and it stays as it is
                self.make_torn(header.capture, "the disk was full")

    # ---------------------------------------------------------------- inside
    def _make_torn(self, entry: Entry) -> CaptureManifest | None:
        if media_bytes(entry.folder) == 0:
            return None
        before = folder_bytes(entry.folder)
        manifest = self._writer.call(lambda: close_torn_capture(entry.folder, entry.header), "closing a torn capture")
        self._space.reserve(folder_bytes(entry.folder) - before)
        with self.changes:
            entry.parts = {part.name: part for part in manifest.parts}
            entry.manifest = canonical_json(manifest)
            entry.state = "closed"
        self.changes.notify()
        return manifest

    def _drop(self, entry: Entry, reason: str) -> None:
        self._remove_capture(entry, "dropped", {"take": entry.header.take, "reason": reason})

    def _remove_capture(self, entry: Entry, state: str, facts: dict[str, object]) -> None:
        """Note first, delete after: a kill in between is finished at the next start."""
        capture = entry.header.capture
        size = folder_bytes(entry.folder)
        noted = True
        try:
            self._writer.call(lambda: self._done.write(capture, state, facts), "noting a receipt")
        except SpoolFull:
            noted = False  # not even the note fits: deleting is what makes room for it
        with self.changes:
            self._entries.pop(capture, None)
            entry.state = "confirmed" if state == "confirmed" else "dropped"
        try:
            discard_folder(self.layout, entry.folder)
        except OSError as error:
            raise spool_error(error, f"deleting {capture}") from error
        finally:
            self._space.release(size)
            self.changes.notify()
        if not noted:
            self._writer.call(lambda: self._done.write(capture, state, facts), "noting a receipt")

    def _pending(self, entry: Entry) -> PendingCapture:
        names = ["media", *sorted(name for name in entry.parts if name != "media")]
        parts = tuple(name for name in names if name in entry.parts or name in entry.files)
        return PendingCapture(entry.header, entry.manifest, parts, sum(entry.size_of(name)[0] for name in parts))

    def _load(self) -> None:
        for path in self.layout.trash.iterdir():
            with self._reported(path):
                delete(path)
        for folder in sorted(self.layout.captures.iterdir()):
            with self._reported(folder):
                if not folder.is_dir():
                    self._set_stray_aside(folder, "it is no capture")
                elif self._done.state(folder.name) is not None:
                    discard_folder(self.layout, folder)
                elif (folder / "header.json").exists():
                    self._load_one(folder)
                elif media_bytes(folder) > 0 or (folder / "manifest.json").exists():
                    self._set_stray_aside(folder, "its header.json is missing")
                else:
                    discard_folder(self.layout, folder)  # the process died before the header: not a byte was recorded
        for path in self.layout.aside.iterdir():
            with self._reported(path):
                self._space.reserve(folder_bytes(path))

    @contextlib.contextmanager
    def _reported(self, path: Path) -> Iterator[None]:
        """One damaged entry never stops the start: it stays where it is and is reported."""
        try:
            yield
        except OSError as error:
            self.problems.append(f"{path.parent.name}/{path.name} in the spool cannot be read: {error}.")

    def _set_stray_aside(self, path: Path, why: str) -> None:
        self.problems.append(f"{path.name} in the spool is set aside: {why}.")
        path.rename(free_path(self.layout.aside / path.name))

    def _load_one(self, folder: Path) -> None:
        try:
            entry = Entry(CaptureHeader.read((folder / "header.json").read_bytes()), folder, "unfinished")
            if entry.header.capture != folder.name:
                self._set_stray_aside(folder, f"it holds the header of {entry.header.capture}")
                return
            if (folder / "manifest.json").exists():
                entry.manifest = (folder / "manifest.json").read_bytes()
                manifest = CaptureManifest.read(entry.manifest)
                entry.parts = {part.name: part for part in manifest.parts}
                entry.state = "closed"
        except GleanerError as error:
            self._set_stray_aside(folder, f"it cannot be read: {error.message}")
            return
        self._space.reserve(folder_bytes(folder))
        self._entries[folder.name] = entry

"""Locks of a backup repository in a bucket: objects that their holders write anew, and that are over when they do not.

    locks/users.lock/shared-1f…      each holder has one
    locks/writer.lock/alone-9c…

Whoever wants a lock writes an object and then lists all of them: servers list what was written before. Two that come at
the same moment see each other, and both are refused. Times are those of the server: how much younger the own object is.
"""

from __future__ import annotations

import json
import os
import threading
import time
from secrets import token_hex
from socket import gethostname

from collector.backup.problems import BackupInUse, BackupStorageUnusable
from collector.store.objects import Objects, is_denied
from wire.errors import GleanerError

LOCKS = "locks"
RENEW_SECONDS = 20.0
# A holder gives up this long after it last wrote its object, and the others wait for this much more.
HELD_SECONDS = 90.0
OVER_SECONDS = 120.0


class BucketLock:
    """One lock, which a thread renews from `take` to `release`. `address`: of the bucket, for sentences."""

    def __init__(self, objects: Objects, name: str, address: str, *, shared: bool) -> None:
        self._objects, self._address, self._shared = objects, address, shared
        self._folder = f"{LOCKS}/{name}"
        self._own = f"{self._folder}/{'shared' if shared else 'alone'}-{token_hex(8)}"
        self._body = json.dumps({"host": gethostname(), "process": os.getpid()}).encode()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._written_at = 0.0

    def take(self) -> None:
        """Raises BackupInUse: another process holds it; what the server answers."""
        try:
            self._write()
        except Exception as error:
            if self._shared and is_denied(error):
                return  # credentials that only read, as one has to restore: through them nobody deletes anything
            raise
        try:
            holder = self._conflicting()
        except BaseException:
            self._delete()
            raise
        if holder is not None:
            self._delete()
            raise BackupInUse(
                f"Another process is using the backups in {self._address}.",
                hint=f"Wait until the other command has ended; one that was killed lets go after {OVER_SECONDS:.0f} s.",
            )
        self._thread = threading.Thread(target=self._renew, name="backup-lock", daemon=True)
        self._thread.start()

    def release(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._delete()

    def check(self) -> None:
        """Raises BackupStorageUnusable: the server has not answered for so long that others may hold the lock."""
        if self._thread is not None and time.monotonic() - self._written_at > HELD_SECONDS:
            raise BackupStorageUnusable(
                f"The S3 server of the backups in {self._address} did not answer for {HELD_SECONDS:.0f} seconds.",
                hint="Run the same command again: what was saved is not copied again.",
            )

    def _conflicting(self) -> str | None:
        """A lock that others hold now. What is over is removed."""
        there = {name: at for name, _size, at in self._objects.list(self._folder)}
        now = there.pop(self._own, None)
        if now is None:
            raise BackupStorageUnusable(
                f"The S3 server of the backups in {self._address} does not list what was just written.",
                hint="Use a server that lists an object from the moment on at which its write was answered.",
            )
        for name, at in there.items():
            if now - at > OVER_SECONDS:
                self._objects.delete([name])
            elif not (self._shared and name.rpartition("/")[2].startswith("shared-")):
                return name
        return None

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            if time.monotonic() - self._written_at > HELD_SECONDS:
                return  # somebody else may have it by now
            try:
                with self._objects.errors("The lock of the backups cannot be renewed"):
                    self._write()
            except GleanerError:
                continue  # `check` finds out when it lasts

    def _write(self) -> None:
        began = time.monotonic()
        self._objects.put(self._own, self._body)
        self._written_at = began

    def _delete(self) -> None:
        """One that cannot be deleted now is over soon."""
        try:
            with self._objects.errors("The lock of the backups cannot be released"):
                self._objects.delete([self._own])
        except GleanerError:
            return

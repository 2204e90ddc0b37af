"""Whose a credential is, cached for a few seconds: a busy page asks many times per second.

The cache is cleared at once when this process changes a credential (`credentials_changed` in the
transaction), and after REMEMBER_SECONDS, or when the credential ends, in any case.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from collector.people.tokens import hash_secret
from collector.store.database import Database, notify
from collector.store.sql import Connection

Who = TypeVar("Who", bound=object)
REMEMBER_SECONDS = 5.0
MAX_REMEMBERED = 10_000
DEVICE_KIND = "device"
_TOPIC = "credentials"


class Known(NamedTuple):
    """Somebody and for how many seconds the credential lasts."""

    who: object
    seconds: float


def credentials_changed(conn: Connection) -> None:
    """Inside an `fn`: a token was ended or replaced, or somebody may do something else than before."""
    notify(conn, _TOPIC)


class SignIns:
    """A memory of sign-ins. Every method may be called from any thread."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._changes = 0
        self._known: dict[tuple[str, str], tuple[object, float]] = {}
        self._used: set[str] = set()
        database.subscribe(_TOPIC, self._clear)

    async def find(
        self, kind: str, secret: str, expected: type[Who], look_up: Callable[[Connection], Known | None]
    ) -> Who | None:
        """Who is behind this secret of this kind: as remembered, else as `look_up` finds it in the database."""
        key = (kind, hash_secret(secret))
        with self._lock:
            changes = self._changes
            who, until = self._known.get(key, (None, 0.0))
        if isinstance(who, expected) and self._clock() < until:
            return who
        found = await self._database.read(look_up)
        if found is None or not isinstance(found.who, expected):
            return None
        with self._lock:
            if kind != DEVICE_KIND:
                self._used.add(key[1])
            # What was read before somebody's change is not what holds now.
            if changes == self._changes:
                if len(self._known) >= MAX_REMEMBERED:
                    self._known.clear()
                self._known[key] = (found.who, self._clock() + min(found.seconds, REMEMBER_SECONDS))
        return found.who

    def take_used(self) -> set[str]:
        """The hashes of tokens that people used since this was called last."""
        with self._lock:
            used, self._used = self._used, set()
        return used

    def put_back_used(self, used: set[str]) -> None:
        """What `take_used` gave could not be written down: it gives them again."""
        with self._lock:
            self._used |= used

    def _clear(self) -> None:
        with self._lock:
            self._changes += 1
            self._known.clear()

"""When a session's records are made: a take's when it has ended, the session's own when it says something new.

A take's document is as long as the take; the session's own, which names every step, is made at consent, after a
restart and at the end. So what a step costs does not grow with the steps before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from device_agent.events import ENDED
from device_agent.session.record import OTHER_DATE, Fold
from wire.consent import ConsentRecord
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeDocument


class RecordPublisher:
    """Used by the session's thread alone.

    What could not be published stays due: every call tries again. The session's own record comes after the documents
    of its takes, so that its end says that they are all there.
    """

    def __init__(
        self, fold: Fold, publish: Callable[[SessionRecord | TakeDocument], None], report: Callable[[str], None]
    ) -> None:
        """`publish` makes a record durable; one that is there already costs nothing."""
        self._fold, self._publish, self._report = fold, publish, report
        # What a kill kept out of the spool, and what another start of the device's clock changes.
        self._due = dict.fromkeys(fold.ended_takes)
        self._is_ended = False
        self._published: tuple[ConsentRecord, datetime | None] | None = None
        self._started_at: datetime | None = None
        self._problem: str | None = None

    def take_ended(self, take: str) -> None:
        if take in self._fold.take_records:
            self._due[take] = None

    def publish(self) -> None:
        fold = self._fold
        if fold.consent is None:
            return
        if fold.state.phase in ENDED and not self._is_ended:
            self._is_ended = True
            self._due |= dict.fromkeys(fold.ended_takes)  # dates that were put right since
        try:
            while self._due:
                take = next(iter(self._due))
                self._publish(fold.document_of(take))
                del self._due[take]
            self._publish_head(fold.consent)
            self._problem = None
        except GleanerError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                self._report(self._problem)

    def _publish_head(self, consent: ConsentRecord) -> None:
        says = (consent, self._fold.ended_at)
        started_at = self._fold.started_at
        same_start = self._started_at is not None and abs(started_at - self._started_at) <= OTHER_DATE
        if says == self._published and same_start:
            return
        head = self._fold.head
        assert head is not None
        self._publish(head)
        self._published, self._started_at = says, started_at

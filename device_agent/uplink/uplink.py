"""The one thread that talks to the collector: sends what is durable, asks for receipts, lets the spool delete.

Each round visits the session records, then every capture that records, the oldest closed ones and all small ones,
one chunk each, so that none waits behind a long one. Nothing that goes wrong ends the thread: it is a state that
people can read, and the next round tries again, later and later.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from device_agent.clock import DeviceClock
from device_agent.sensors.clock import monotonic_us
from device_agent.spool.header import PendingCapture
from device_agent.spool.space import PartDamaged, SpoolFailed, SpoolFull, spool_error
from device_agent.spool.spool import ReceiptMismatch, Spool
from device_agent.uplink.choice import choose_long, choose_small
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.errors import (
    CollectorBusy,
    CollectorProblem,
    CollectorUnreachable,
    DeviceForbidden,
    DeviceRefused,
    OtherManifest,
    PartsWanted,
    Withdrawn,
)
from device_agent.uplink.failure_log import FailureLog
from device_agent.uplink.transfer import Pace, Transfer
from device_agent.uplink.waiting import Refusal, one_seconds, way_seconds
from http_shell.answers import NotACollector
from http_shell.schedule import FIRST_CHUNK_BYTES, TokenBucket
from http_shell.tus_client import UploadGone, UploadMoved, UploadSpoiled
from wire.device import Heartbeat
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeDocument
from wire.signature import ReceiptForged

log = logging.getLogger("gleaner.uplink")
HEARTBEAT_SECONDS = 10.0
MAX_RECEIPTS_PER_ROUND = 16
SESSION_UNKNOWN = "session-unknown"  # the collector's answer to a take of a session that it has lost
LOST_SECONDS = 1.0  # then the session's record has been sent again
RecordKey = tuple[str, str, int]  # session, take (empty for the session's own record), revision
# What is wrong with one capture or one record; everything else concerns the way to the collector.
OF_ONE = (
    CollectorProblem, DeviceForbidden, PartsWanted, UploadMoved, UploadGone, UploadSpoiled, ReceiptForged,
    ReceiptMismatch, PartDamaged, SpoolFailed, SpoolFull, OSError,
)  # fmt: skip
# States of the way, which `on_state` is told of: the log has the others.
OF_THE_WAY = (DeviceRefused, DeviceForbidden, CollectorUnreachable, NotACollector, CollectorBusy)


@dataclass(frozen=True)
class UplinkState:
    """What may be known of the uplink. `message` is one sentence for people, None when all is well."""

    reachable: bool | None = None  # None: not tried yet
    pending: int = 0  # captures without a receipt, those that record included
    message: str | None = None
    code: str | None = None  # stable code of what `message` says


class Uplink:
    """Start once, stop once. `on_state` is called on the uplink's thread with every state that differs."""

    def __init__(
        self, spool: Spool, client_factory: Callable[[], CollectorClient], on_state: Callable[[UplinkState], None],
        bandwidth: int | None = None, *, agent_version: str = "unknown", heartbeat_seconds: float = HEARTBEAT_SECONDS,
        chance: Callable[[], float] = random.random, clock: DeviceClock | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:  # fmt: skip
        """`bandwidth`: bytes a second, None for no limit. `chance`: the jitter of waiting, uniform in [0, 1).

        `wait`: sleeps so many seconds after a round that failed; None: until `stop`, at most.
        """
        self._spool, self._client_factory, self._on_state = spool, client_factory, on_state
        self._agent_version, self._heartbeat_seconds, self._chance = agent_version, heartbeat_seconds, chance
        self._clock = clock or DeviceClock()
        self._client: CollectorClient | None = None
        self._transfers: dict[str, Transfer] = {}
        self._record_refused: dict[RecordKey, Refusal] = {}
        self._bucket = None if bandwidth is None else TokenBucket(bandwidth, level=bandwidth, at=time.monotonic())
        self._pace = Pace(bandwidth, self._throttle, chunk=FIRST_CHUNK_BYTES)
        self._state = UplinkState()
        self._reported: tuple[str, str | None] = ("starting", None)
        self._heartbeat_due = 0.0
        self._captures_said = 0  # by the last heartbeat: those that wait
        self._failures = 0
        self._failure_log = FailureLog()
        self._failure: GleanerError | None = None  # of the last round, None when it was whole
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    @property
    def state(self) -> UplinkState:
        return self._state

    def start(self) -> None:
        self._thread.start()

    def report_session(self, state: str, session: str | None) -> None:
        """The state of the session, for heartbeats; a change is sent at once."""
        if (state, session) != self._reported:
            self._reported = (state, session)
            self._heartbeat_due = 0.0
            self._spool.changes.notify()

    def drain(self, timeout: float) -> bool:
        """Wait until the collector has everything. False: time was up, and what is left is in the spool."""
        until = time.monotonic() + timeout
        while True:
            seen = self._spool.changes.number
            if not (
                self._spool.captures_waiting or self._spool.records.to_send() or self._spool.records.takes_to_send()
            ):
                return True
            left = until - time.monotonic()
            if left <= 0 or not self._thread.is_alive():
                return False
            self._spool.wait(min(left, 1.0), seen)

    def stop(self, timeout: float = 5.0) -> bool:
        """End the thread after the request it is in. False: that request did not end in time."""
        self._stopping.set()
        self._spool.changes.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # ---------------------------------------------------------------- the thread
    def _run(self) -> None:
        while not self._stopping.is_set():
            seen = self._spool.changes.number
            delay = self._attempt()
            if delay > 0 and not self._stopping.is_set():
                if self._failures:
                    self._wait(delay)
                else:
                    self._spool.wait(delay, seen)
        if self._client is not None:
            self._say_what_is_left(self._client)
            self._client.close()

    def _say_what_is_left(self, client: CollectorClient) -> None:
        """The last receipts come after the last heartbeat: without another one the collector shows them as unsent."""
        if not self._failures and self._captures_said != self._spool.backlog().captures:
            try:
                self._send_heartbeat(client)
            except (GleanerError, OSError) as error:
                log.info("the last heartbeat was not taken: %s", error)

    def _attempt(self) -> float:
        """One round; seconds until the next is due."""
        try:
            if self._client is None:
                self._client = self._client_factory()
            delay = self._round(self._client)
        except Exception as error:  # noqa: BLE001 - nothing ends the thread; the log has it
            if not isinstance(error, OF_THE_WAY):
                self._failure_log.failed(error)
            if not isinstance(error, GleanerError):
                error = GleanerError(f"The uplink failed and tries again ({error}).")
            return self._failed(error)
        self._failure_log.succeeded()
        self._failures, self._failure = 0, None
        self._publish(reachable=True, error=None)
        return delay

    def _failed(self, error: GleanerError) -> float:
        """Seconds until the next round."""
        self._failures, self._failure = self._failures + 1, error
        for transfer in self._transfers.values():
            transfer.clear_offsets()
        if self._client is not None:
            self._client.close()  # a new connection, and the newest credentials
            self._client = None
        reachable = not isinstance(error, CollectorUnreachable | NotACollector)
        self._publish(reachable=reachable, error=error)
        return way_seconds(error, self._failures, self._chance())

    def _round(self, client: CollectorClient) -> float:
        now = time.monotonic()
        if now >= self._heartbeat_due:
            self._send_heartbeat(client)
        self._send_records(client)
        pending = self._spool.pending()
        here = {capture.capture for capture in pending}
        for gone in [capture for capture in self._transfers if capture not in here]:
            del self._transfers[gone]
        more = False
        for capture in choose_long(pending, self._transfers, time.monotonic()):
            more = self._send_small(client) or more
            if self._stopping.is_set():
                return 0.0
            more = self._guarded(capture, lambda transfer, row: self._advance(client, transfer, row)) or more
        more = self._send_small(client) or more
        return 0.0 if more else self._until_due()

    def _send_small(self, client: CollectorClient) -> bool:
        """What is nearly done goes before every chunk of what is not: a take's end is at the collector at once."""
        more = False
        for capture in choose_small(self._spool.pending(), self._transfers, time.monotonic()):
            if self._stopping.is_set():
                return False
            more = self._guarded(capture, lambda transfer, row: self._advance(client, transfer, row)) or more
        self._ask(client)
        return more

    def _send_heartbeat(self, client: CollectorClient) -> None:
        self._heartbeat_due = time.monotonic() + self._heartbeat_seconds
        state, session = self._reported
        backlog = self._spool.backlog()
        beat = Heartbeat(
            device=client.credentials.device,
            at=datetime.now(UTC),
            agent_version=self._agent_version,
            session=session,
            state=state,
            backlog=backlog,
        )
        sent_us = monotonic_us()
        told = client.heartbeat(beat)
        self._captures_said = backlog.captures
        if told is not None:
            self._clock.synchronise(sent_us, monotonic_us(), told)
        self._publish(reachable=True, error=None)

    def _send_records(self, client: CollectorClient) -> None:
        """Before any manifest, so that the collector knows the take a capture belongs to."""
        self._send_plans(client)
        sessions = self._spool.records.to_send()
        for record in sessions:
            self._send_record(client, record)
        takes = self._spool.records.takes_to_send()  # also of sessions that the collector knows only now
        lost: set[str] = set()
        for document in takes:
            if document.session not in lost and not self._send_record(client, document):
                lost.add(document.session)
        keys = {*map(record_key, sessions), *map(record_key, takes), *map(plan_key, self._spool.plans.to_send())}
        self._record_refused = {key: why for key, why in self._record_refused.items() if key in keys}

    def _send_plans(self, client: CollectorClient) -> None:
        """Once in the life of this process; a collector of an earlier version does not take plans."""
        for sha256, plan in self._spool.plans.to_send().items():
            key = plan_key(sha256)
            if self._stopping.is_set() or self._must_wait(key):
                continue
            try:
                self._throttle(client.put_plan(sha256, plan))
            except (CollectorProblem, DeviceForbidden) as error:
                self._refused(key, error)
                if isinstance(error, CollectorProblem) and error.transient:  # what else waits is sent meanwhile
                    continue
            self._spool.plans.sent(sha256)

    def _send_record(self, client: CollectorClient, record: SessionRecord | TakeDocument) -> bool:
        """False: the collector has lost the session; its records wait again."""
        key = record_key(record)
        if self._stopping.is_set() or self._must_wait(key):
            return True
        try:
            if isinstance(record, TakeDocument):
                self._throttle(client.put_take(record))
                self._spool.records.take_sent(record)
            else:
                self._throttle(client.put_session(record))
                self._spool.records.sent(record.session, record.revision)
        except (CollectorProblem, DeviceForbidden) as error:
            is_lost = isinstance(error, CollectorProblem) and error.problem_code == SESSION_UNKNOWN
            self._refused(key, error, LOST_SECONDS if is_lost else None)
            if is_lost:
                self._spool.records.send_again(record.session)
            return not is_lost
        self._record_refused.pop(key, None)
        return True

    def _must_wait(self, key: RecordKey) -> bool:
        refusal = self._record_refused.get(key)
        return refusal is not None and refusal.not_before > time.monotonic()

    def _refused(self, key: RecordKey, error: GleanerError, seconds: float | None = None) -> None:
        """It waits; the log has the sentence once, and again when it is another one."""
        before = self._record_refused.get(key)
        failures = 1 if before is None else before.failures + 1
        if before is None or str(before.error) != str(error):
            log.warning("record %s: %s", "/".join(map(str, key)), error)
        seconds = one_seconds(error, failures, self._chance()) if seconds is None else seconds
        self._record_refused[key] = Refusal(time.monotonic() + seconds, error, failures)

    def _ask(self, client: CollectorClient) -> None:
        now = time.monotonic()
        due = [
            row
            for row in self._spool.pending()
            if (known := self._transfers.get(row.capture)) is not None
            and known.manifest_sent
            and max(known.receipt_due, known.not_before) <= now
        ]
        for capture in due[:MAX_RECEIPTS_PER_ROUND]:
            if self._stopping.is_set():
                return
            self._guarded(capture, lambda transfer, row: self._confirm(client, transfer))

    def _advance(self, client: CollectorClient, transfer: Transfer, capture: PendingCapture) -> bool:
        more = transfer.advance(client, self._spool, capture, self._pace)
        transfer.failures, transfer.problem, transfer.problem_code = 0, None, None
        return more

    def _confirm(self, client: CollectorClient, transfer: Transfer) -> bool:
        if transfer.ask(client, self._spool):
            self._transfers.pop(transfer.capture, None)
            self._publish(reachable=True, error=None)
        return False

    def _guarded(self, capture: PendingCapture, work: Callable[[Transfer, PendingCapture], bool]) -> bool:
        """Work on one capture; what is wrong with it alone delays it alone."""
        transfer = self._transfers.setdefault(capture.capture, Transfer(capture.capture))
        try:
            return work(transfer, capture)
        except (OtherManifest, Withdrawn, PartDamaged) as error:
            if isinstance(error, PartDamaged) and capture.manifest is None:
                self._delay(transfer, capture, error)  # it still records: its end settles what it holds
            else:
                self._set_aside(transfer, capture, error)
        except OF_ONE as error:
            self._delay(transfer, capture, error)
        return False

    def _set_aside(self, transfer: Transfer, capture: PendingCapture, error: GleanerError) -> None:
        try:
            self._spool.set_aside(capture.capture, str(error))
        except (GleanerError, OSError) as failure:
            self._delay(transfer, capture, failure)
            return
        log.warning("%s was set aside: %s", capture.capture, error)
        self._transfers.pop(capture.capture, None)
        self._publish(reachable=True, error=error)

    def _delay(self, transfer: Transfer, capture: PendingCapture, error: GleanerError | OSError) -> None:
        known = spool_error(error, f"sending {capture.capture}") if isinstance(error, OSError) else error
        transfer.failures += 1
        transfer.not_before = time.monotonic() + one_seconds(known, transfer.failures, self._chance())
        problem = f"{capture.header.medium} of {capture.header.step}: {known}"
        if problem != transfer.problem:
            log.warning("%s: %s", capture.capture, known)
        transfer.problem, transfer.problem_code = problem, known.code
        transfer.clear_offsets()

    def _until_due(self) -> float:
        """Seconds until a heartbeat, a receipt or a second try is due; 0: something is."""
        due = [self._heartbeat_due, *(refusal.not_before for refusal in self._record_refused.values())]
        for transfer in self._transfers.values():
            if transfer.manifest_sent:
                due.append(max(transfer.receipt_due, transfer.not_before))
            elif transfer.failures:
                due.append(transfer.not_before)
        return max(0.0, min(due) - time.monotonic())

    def _throttle(self, size: int) -> None:
        if self._bucket is not None:
            self._bucket, seconds = self._bucket.take(size, time.monotonic())
            if seconds > 0:
                self._stopping.wait(seconds)

    # ---------------------------------------------------------------- what is said of it
    def _publish(self, reachable: bool, error: GleanerError | None) -> None:
        message, code = (str(error), error.code) if error is not None else self._problem()
        state = UplinkState(reachable, self._spool.captures_waiting, message, code)
        if state != self._state:
            self._state = state
            self._on_state(state)

    def _problem(self) -> tuple[str | None, str | None]:
        if isinstance(self._failure, CollectorBusy):  # also where its heartbeats are answered meanwhile
            return str(self._failure), self._failure.code
        for transfer in self._transfers.values():
            if transfer.problem is not None:
                return transfer.problem, transfer.problem_code
        for refusal in self._record_refused.values():
            return f"The session record was refused: {refusal.error}", refusal.error.code
        problems = self._spool.problems
        return (problems[-1], "spool-damaged") if problems else (None, None)


def plan_key(sha256: str) -> RecordKey:
    return ("plan", sha256, 0)


def record_key(record: SessionRecord | TakeDocument) -> RecordKey:
    return (record.session, record.take.take if isinstance(record, TakeDocument) else "", record.revision)

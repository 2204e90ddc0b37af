"""One capture on its way: its parts, its manifest, its receipt. What is known here may be forgotten at any time:
the collector's offsets and answers say it again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from device_agent.spool.header import PendingCapture
from device_agent.spool.spool import Spool
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.errors import CollectorProblem, PartsWanted
from http_shell.schedule import FIRST_CHUNK_BYTES, chunk_under, next_chunk, receipt_delay
from http_shell.tus_client import PartUpload, UploadGone, UploadMoved, UploadSpoiled
from wire.signature import verify_receipt

# Damaged or moved chunks in a row before it is taken for a fault of the collector and waits its turn.
MAX_STRIKES = 4


@dataclass
class Pace:
    """How much may be sent at once. `spend(bytes)` waits for the bandwidth limit; one for all captures."""

    rate: int | None
    spend: Callable[[int], None]
    chunk: int = FIRST_CHUNK_BYTES


@dataclass
class Transfer:
    """What is known of a capture at the collector. `not_before` and `receipt_due` are time.monotonic seconds."""

    capture: str
    uploads: dict[str, PartUpload] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)  # how often the collector missed a part after the manifest
    manifest_sent: bool = False
    asked: int = 0
    receipt_due: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    problem: str | None = None
    problem_code: str | None = None

    @property
    def sent(self) -> int:
        """Bytes the collector is known to have."""
        return sum(upload.offset or 0 for upload in self.uploads.values())

    def advance(self, client: CollectorClient, spool: Spool, capture: PendingCapture, pace: Pace) -> bool:
        """Send at most one chunk's worth of bytes and, if that was all, the manifest. True: more could be sent now.

        Raises:
            UplinkError, PartDamaged, SpoolFailed.
        """
        budget = chunk_under(pace.rate, pace.chunk)
        whole = True
        for part in capture.parts:
            sent, done = self._send_part(client, spool, part, budget, pace)
            budget -= sent
            whole = whole and done
            if budget <= 0 and not done:
                return True
        if whole and capture.manifest is not None and not self.manifest_sent:
            client.put_manifest(self.capture, capture.manifest)
            self.manifest_sent, self.asked, self.receipt_due = True, 0, time.monotonic() + receipt_delay(0)
        return False

    def ask(self, client: CollectorClient, spool: Spool) -> bool:
        """Ask for the receipt; True: it came, is the collector's, and the capture has left the spool.

        Raises:
            Withdrawn, OtherManifest, ReceiptForged, ReceiptMismatch, and what any request may raise.
        """
        try:
            receipt = client.receipt(self.capture)
        except PartsWanted as error:
            self.manifest_sent = False
            for part in error.parts:
                self.uploads.pop(part, None)
                self.missed[part] = self.missed.get(part, 0) + 1
                if self.missed[part] >= 2:  # once may be lateness; twice, the file here may have changed
                    spool.check_part(self.capture, part)
            raise
        except UploadGone:
            self.manifest_sent = False
            self.uploads.clear()
            return False
        except CollectorProblem as error:
            # What it cannot read it tries to read again when the manifest comes again.
            self.manifest_sent = self.manifest_sent and error.transient
            raise
        if receipt is None:
            self.asked += 1
            self.receipt_due = time.monotonic() + receipt_delay(self.asked)
            return False
        verify_receipt(receipt, client.credentials.verify_key)
        spool.confirm(receipt)
        return True

    def clear_offsets(self) -> None:
        """The connection broke: bytes may have arrived whose answer was lost."""
        for upload in self.uploads.values():
            upload.offset = None

    # ---------------------------------------------------------------- parts
    def _send_part(self, client: CollectorClient, spool: Spool, part: str, budget: int, pace: Pace) -> tuple[int, bool]:
        """(bytes sent, whether the collector has all of the part there will ever be)."""
        sent = strikes = 0
        while True:
            size, final = spool.durable(self.capture, part)
            try:
                upload = self._place(client, part, size, final)
                assert upload.offset is not None
                if upload.offset >= size and (not final or upload.length == size):
                    return sent, final
                if sent >= budget and upload.offset < size:
                    return sent, False
                sent += self._send_chunk(client, spool, part, upload, size if final else None, budget - sent, pace)
                strikes = 0
            except UploadMoved:
                strikes += 1
                pace.chunk = next_chunk(pace.chunk, None)
                if strikes >= MAX_STRIKES:
                    raise
            except (UploadGone, UploadSpoiled) as error:
                strikes += 1
                if isinstance(error, UploadSpoiled):
                    client.uploads.terminate(self.uploads[part].url)
                self.uploads.pop(part, None)
                if strikes >= MAX_STRIKES:
                    raise

    def _place(self, client: CollectorClient, part: str, size: int, final: bool) -> PartUpload:
        """The upload of a part with an offset that fits what is here."""
        upload = self.uploads.get(part)
        if upload is None:
            upload = client.uploads.create(self.capture, part, size if final else None)
        elif upload.offset is None:
            upload = client.uploads.find(upload.url)
        self.uploads[part] = upload
        unfit = upload.offset is not None and (
            upload.offset > size or (upload.length is not None and (not final or upload.length != size))
        )
        # Missed although it is whole there: the first time it may only be late, the second time it is other bytes.
        spoiled = self.missed.get(part, 0) >= 2 and final and upload.offset == size
        if unfit or spoiled:
            self.missed.pop(part, None)
            raise UploadSpoiled(f"The collector holds other bytes of {part} of {self.capture}.")
        return upload

    def _send_chunk(
        self, client: CollectorClient, spool: Spool, part: str, upload: PartUpload, length: int | None, limit: int,
        pace: Pace,
    ) -> int:  # fmt: skip
        assert upload.offset is not None
        data = spool.read(self.capture, part, upload.offset, max(0, limit))
        pace.spend(len(data))
        started = time.monotonic()
        try:
            client.uploads.append(upload, data, length)
        except Exception:
            pace.chunk = next_chunk(pace.chunk, None)
            raise
        if len(data) >= chunk_under(pace.rate, pace.chunk):
            pace.chunk = next_chunk(pace.chunk, time.monotonic() - started)
        return len(data)

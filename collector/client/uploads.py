"""`gleaner.uploads`: captures to a collector, with a device's token; resumed after an interruption, also a killed one.

The collector finds an upload again by capture and part, so nothing has to be stored here for that.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, ClassVar

import httpx

from collector.client.connection import HttpCalls, quoted
from collector.client.download import ReportBytes
from http_shell.answers import NoAnswer, error_of
from http_shell.schedule import FIRST_CHUNK_BYTES, next_chunk, receipt_delay
from http_shell.tus_client import CHECKSUM_MISMATCH, PartUpload, TusUploads, UploadGone, UploadMoved, UploadSpoiled
from wire.capture import CaptureManifest
from wire.device import Heartbeat, Receipt
from wire.errors import GleanerError
from wire.script import Plan
from wire.session import SessionRecord, TakeDocument
from wire.signature import verify_receipt

PartSource = bytes | Path | BinaryIO
# Times that an upload may be moved, gone or spoiled in a row before it is reported.
MAX_STRIKES = 4
# Statuses that mean something to tus: the upload is gone, has another offset or length, or a chunk was damaged.
_ANSWERS = frozenset({404, 409, 410, CHECKSUM_MISMATCH})


class ReceiptLate(GleanerError):
    """The collector has everything and has not confirmed it in time."""

    code: ClassVar[str] = "receipt-late"
    status: ClassVar[int] = 504
    exit_code: ClassVar[int] = 3
    retryable: ClassVar[bool] = True
    hint = "Ask again with wait_for_receipt; what was sent stays with the collector."


class SourceChanged(GleanerError):
    """A file that is being sent became shorter."""

    code: ClassVar[str] = "source-changed"
    exit_code: ClassVar[int] = 3
    hint = "Send files that nobody writes any more."


class UploadRequests:
    """What devices send: session records, the parts of captures, manifests; and the receipts that come back.

    Args:
        verify_key: of the collector, 64 hex digits, as joining gave it: receipts are then checked.
    """

    def __init__(self, calls: HttpCalls, verify_key: str | None) -> None:
        self._calls, self._verify_key = calls, verify_key
        self._tus = TusUploads(calls.base, self._send, lambda reply: error_of(reply, calls.base))

    # ---------------------------------------------------------------- documents
    def put_plan(self, sha256: str, plan: Plan) -> None:
        """The plan that session records name by this hash, before the first of them."""
        self._calls.send("PUT", f"/api/plans/{quoted(sha256)}", body=plan.model_dump_json(by_alias=True).encode())

    def put_session(self, record: SessionRecord) -> None:
        """A session record; the same or a higher revision of it again changes nothing or replaces it."""
        self._put(f"/api/sessions/{quoted(record.session)}", record)

    def put_take(self, document: TakeDocument) -> None:
        """A take of a session whose record is there."""
        self._put(f"/api/sessions/{quoted(document.session)}/takes/{quoted(document.take.take)}", document)

    def put_manifest(self, manifest: CaptureManifest | bytes, capture: str | None = None) -> None:
        """Close a capture. The same bytes again are welcome; others are refused with `capture-conflict`."""
        raw = manifest if isinstance(manifest, bytes) else manifest.model_dump_json(by_alias=True).encode()
        named = CaptureManifest.read(raw).capture if capture is None else capture
        self._calls.send("PUT", f"/api/captures/{quoted(named)}/manifest", body=raw)

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """What the device is doing; doing it twice is harmless."""
        body = heartbeat.model_dump_json(by_alias=True).encode()
        self._calls.send("POST", "/api/devices/heartbeat", body=body, repeatable=True)

    # ---------------------------------------------------------------- captures
    def send_capture(
        self,
        manifest: CaptureManifest,
        parts: Mapping[str, PartSource],
        *,
        report: ReportBytes = lambda here, total: None,
        seconds: float = 60.0,
    ) -> Receipt:
        """All of a capture, until its receipt is here. What the collector has of it already is not sent again.

        Args:
            parts: the parts that the manifest names: bytes, files, or open binary files that can seek.
            report: called with the bytes that the collector has and the bytes in all, after each chunk.
            seconds: how long to wait for the receipt.

        Raises:
            CollectorRefused: `capture-conflict`, `capture-mismatch` and others. ReceiptLate, ReceiptForged.
        """
        sizes = {name: _size(source) for name, source in parts.items()}
        total, before = sum(sizes.values()), 0
        for name, source in parts.items():
            self.send_part(manifest.capture, name, source, report=_after(report, before, total))
            before += sizes[name]
        self.put_manifest(manifest)
        return self.wait_for_receipt(manifest.capture, seconds)

    def send_part(
        self, capture: str, part: str, source: PartSource, *, report: ReportBytes = lambda here, total: None
    ) -> None:
        """One part of a capture, from where the collector has it. Each chunk carries its sha256.

        Args:
            report: called with the bytes that are on the collector's disk and the bytes in all.

        Raises:
            UploadMoved, UploadGone, UploadSpoiled: after the fourth in a row. SourceChanged.
        """
        if isinstance(source, Path):
            with source.open("rb") as file:
                self._send_file(capture, part, file, report)
        else:
            self._send_file(capture, part, io.BytesIO(source) if isinstance(source, bytes) else source, report)

    def receipt(self, capture: str) -> Receipt | None:
        """The collector's signed word that it has all of a capture; None: not yet.

        Raises:
            CollectorRefused: `parts-missing`, with `facts["parts"]`: send these again. ReceiptForged.
        """
        reply = self._calls.send("GET", f"/api/captures/{quoted(capture)}/receipt")
        if reply.status_code == httpx.codes.ACCEPTED:
            return None
        receipt = Receipt.read(reply.content)
        if self._verify_key is not None:
            verify_receipt(receipt, self._verify_key)
        return receipt

    def wait_for_receipt(self, capture: str, seconds: float = 60.0) -> Receipt:
        """Raises ReceiptLate, and what `receipt` raises."""
        until, asked = time.monotonic() + seconds, 0
        while (found := self.receipt(capture)) is None:
            if time.monotonic() >= until:
                raise ReceiptLate(f"The collector has not confirmed {capture} within {seconds:g} seconds.")
            time.sleep(receipt_delay(asked))
            asked += 1
        return found

    # ---------------------------------------------------------------- inside
    def _put(self, path: str, document: SessionRecord | TakeDocument) -> None:
        self._calls.send("PUT", path, body=document.model_dump_json(by_alias=True).encode())

    def _send_file(self, capture: str, part: str, file: BinaryIO, report: ReportBytes) -> None:
        size, chunk, strikes = _size(file), FIRST_CHUNK_BYTES, 0
        upload: PartUpload | None = None
        while True:
            try:
                upload = self._place(capture, part, size, upload)
                assert upload.offset is not None
                report(upload.offset, size)
                if upload.offset == size:
                    return
                began = time.monotonic()
                self._tus.append(upload, _read(file, upload.offset, min(chunk, size - upload.offset)), size)
                chunk, strikes = next_chunk(chunk, time.monotonic() - began), 0
            except (UploadMoved, UploadGone, UploadSpoiled) as error:
                strikes += 1
                if strikes >= MAX_STRIKES:
                    raise
                chunk = next_chunk(chunk, None)
                if isinstance(error, UploadSpoiled) and upload is not None:
                    self._tus.terminate(upload.url)
                if not isinstance(error, UploadMoved):
                    upload = None

    def _place(self, capture: str, part: str, size: int, upload: PartUpload | None) -> PartUpload:
        """Where the part stands at the collector. Raises UploadSpoiled: it is longer there than it is here."""
        if upload is None:
            upload = self._tus.create(capture, part, size)
        elif upload.offset is None:
            upload = self._tus.find(upload.url)
        if upload.offset is not None and upload.offset > size:
            raise UploadSpoiled(f"The collector holds other bytes of {part} of {capture}.")
        return upload

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Of an append nobody knows what arrived when its answer is lost: the offset is asked for, not sent again."""
        is_append = method == "PATCH"
        try:
            return self._calls.send(
                method, url, body=body if is_append else None, headers=headers, repeatable=not is_append,
                accept=lambda reply: reply.status_code in _ANSWERS or reply.is_success,
            )  # fmt: skip
        except NoAnswer as error:
            if is_append:
                raise UploadMoved(f"A part did not arrive whole: {error.message}", hint=error.hint) from error
            raise


def _after(report: ReportBytes, before: int, total: int) -> ReportBytes:
    """A part's progress as that of a capture whose earlier parts have `before` bytes."""
    return lambda here, _: report(before + here, total)


def _size(source: PartSource) -> int:
    if isinstance(source, bytes):
        return len(source)
    if isinstance(source, Path):
        return source.stat().st_size
    return source.seek(0, os.SEEK_END)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    """Raises SourceChanged: there are fewer."""
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise SourceChanged(f"{getattr(file, 'name', 'What is sent')} became shorter while it was sent.")
    return data

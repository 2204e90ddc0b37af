"""The Python client of a collector, for programs and notebooks (docs/client.md).

    from collector.client import Client

    with Client("https://collector.example:8700", token=TOKEN, trust="K7QM-9PWX-3HTR-V6YZ-HN4S-T8BE-2C4X") as gleaner:
        for capture in gleaner.captures.list(study="kitchen"):
            print(capture.id, capture.medium, capture.duration_us)

Answers come as the types that the collector itself answers with, and as the documents of `wire`. Whatever goes wrong is
a `wire.errors.GleanerError` with `code`, `message`, `hint` and `retryable`; docs/errors.md lists the codes.
"""

from __future__ import annotations

from collector.client.client import Client
from collector.client.connection import AnswerUnreadable, ConnectionInsecure, TrustInvalid
from collector.client.download import DownloadFailed
from collector.client.uploads import ReceiptLate, SourceChanged
from http_shell.answers import CollectorRefused, NoAnswer, NotACollector, Untrusted, UplinkError
from http_shell.tus_client import UploadGone, UploadMoved, UploadSpoiled
from wire.errors import GleanerError
from wire.signature import ReceiptForged

__all__ = [
    "AnswerUnreadable",
    "Client",
    "CollectorRefused",
    "ConnectionInsecure",
    "DownloadFailed",
    "GleanerError",
    "NoAnswer",
    "NotACollector",
    "ReceiptForged",
    "ReceiptLate",
    "SourceChanged",
    "TrustInvalid",
    "Untrusted",
    "UplinkError",
    "UploadGone",
    "UploadMoved",
    "UploadSpoiled",
]

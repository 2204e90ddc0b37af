"""Is a receipt the collector's word? Ed25519 over canonical JSON (docs/wire.md)."""

from __future__ import annotations

from typing import ClassVar

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from wire.device import Receipt
from wire.errors import GleanerError


class ReceiptForged(GleanerError):
    code: ClassVar[str] = "receipt-forged"
    status: ClassVar[int] = 502
    retryable: ClassVar[bool] = True
    hint = "The capture is kept; check that the device talks to the collector it joined."


def verify_receipt(receipt: Receipt, verify_key: str) -> None:
    """Check the signature with the key that joining brought, 64 hex digits.

    Raises:
        ReceiptForged: it is not the collector's, or is no signature at all.
    """
    try:
        VerifyKey(bytes.fromhex(verify_key)).verify(receipt.signed_bytes(), bytes.fromhex(receipt.signature))
    except (BadSignatureError, ValueError, TypeError) as error:
        raise ReceiptForged(f"The receipt of {receipt.capture} is not signed by the collector.") from error

"""Is a receipt the collector's word? Ed25519 over canonical JSON (contracts.md, Capture bytes)."""

from __future__ import annotations

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from device_agent.uplink.errors import ReceiptForged
from wire.device import Receipt


def verify_receipt(receipt: Receipt, verify_key: str) -> None:
    """Check the signature with the key that pairing brought, 64 hex digits.

    Raises:
        ReceiptForged: it is not the collector's, or is no signature at all.
    """
    try:
        VerifyKey(bytes.fromhex(verify_key)).verify(receipt.signed_bytes(), bytes.fromhex(receipt.signature))
    except (BadSignatureError, ValueError, TypeError) as error:
        raise ReceiptForged(f"The receipt of {receipt.capture} is not signed by the collector.") from error

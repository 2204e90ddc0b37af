from __future__ import annotations

import pytest
from nacl.signing import SigningKey

from wire.device import Receipt
from wire.signature import ReceiptForged, verify_receipt


def receipt(**other: object) -> Receipt:
    body = {
        "capture": "cap-1",
        "manifest_sha256": "1" * 64,
        "parts": [],
        "sha256": "2" * 64,
        "complete": True,
        "collector": "c",
        "at": "2026-11-23T12:00:00Z",
    }
    return Receipt.model_validate({**body, **other})


def test_only_the_collectors_signature_counts() -> None:
    key = SigningKey.generate()
    public = bytes(key.verify_key).hex()
    good = receipt()
    good = good.model_copy(update={"signature": key.sign(good.signed_bytes()).signature.hex()})
    verify_receipt(Receipt.read(good.model_dump_json(by_alias=True)), public)
    for bad in (
        good.model_copy(update={"sha256": "3" * 64}),
        good.model_copy(update={"signature": ""}),
        good.model_copy(update={"signature": "zz"}),
        good.model_copy(update={"signature": "00" * 64}),
    ):
        with pytest.raises(ReceiptForged):
            verify_receipt(bad, public)
    with pytest.raises(ReceiptForged):
        verify_receipt(good, bytes(SigningKey.generate().verify_key).hex())

"""How a device recognises the certificate authority of its collector: letters behind the join code.

    ABCD-2345-K7QM-9PWX-3HTR-V6YZ      the join code, and sixteen letters made from the authority's certificate

Sixteen letters of this alphabet are 79 bits of the certificate's sha256: nobody finds another one with the same.
"""

from __future__ import annotations

import hashlib

# No I, L, O, 0, 1: they are taken for one another. A join code is 31^8, or 39 bits, behind ten attempts per minute.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LETTERS = 8
PIN_LETTERS = 16
AUTHORITY_PATH = "/api/devices/authority"  # answers with the certificate as PEM; it is checked by the letters


def authority_pin(certificate: bytes) -> str:
    """The letters of an authority's certificate (DER), in groups of four."""
    number = int.from_bytes(hashlib.sha256(certificate).digest(), "big")
    letters = ""
    for _ in range(PIN_LETTERS):
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return grouped(letters)


def grouped(letters: str) -> str:
    """`ABCD2345` as `ABCD-2345`."""
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def split_code(typed: str) -> tuple[str, str | None]:
    """What a person typed as the join code and the letters of the authority; None where there are none."""
    letters = "".join(typed.split()).replace("-", "").upper()
    if len(letters) != CODE_LETTERS + PIN_LETTERS:
        return typed.strip().upper(), None
    return grouped(letters[:CODE_LETTERS]), grouped(letters[CODE_LETTERS:])

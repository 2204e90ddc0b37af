"""How a device recognises the certificate authority of its collector: letters behind the join code.

    ABCD-2345-K7QM-9PWX-3HTR-V6YZ-HN4S-T8BE-2C4X     the join code, and 28 letters made from the authority's certificate

The first 26 are 128 bits of the certificate's sha256, so that nobody finds another one with the same. The last two
check the others: a typing error is reported as one. Earlier versions had sixteen letters, which are 79 bits.
"""

from __future__ import annotations

import hashlib

from wire.errors import GleanerError

# No I, L, O, 0, 1: they are taken for one another. A join code is 31^8, or 39 bits, behind ten attempts per minute.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
GROUP = 4
CODE_LETTERS = 8
HASH_LETTERS = 26  # 31^26 is more than 2^128
CHECK_LETTERS = 2
PIN_LETTERS = HASH_LETTERS + CHECK_LETTERS
EARLIER_PIN_LETTERS = 16
AUTHORITY_PATH = "/api/devices/authority"  # answers with the certificate as PEM; it is checked by the letters


class LettersInvalid(GleanerError):
    """The letters of an authority are incomplete, have a typing error, or are those of an earlier version."""

    code = "authority-letters-invalid"
    status = 400
    exit_code = 2
    hint = "Paste the whole line that `gleaner collector join-code` prints, or compare the letters with it."


def authority_pin(certificate: bytes) -> str:
    """The letters of an authority's certificate (DER), in groups of four."""
    letters = _letters_of(certificate, HASH_LETTERS)
    return grouped(letters + _check_letters(letters))


def grouped(letters: str) -> str:
    """`ABCD2345` as `ABCD-2345`."""
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def read_pin(typed: str) -> str:
    """The letters of an authority as a person wrote them, in groups of four.

    Raises:
        LettersInvalid: too few or too many, a typing error, or those of an earlier version.
    """
    letters = _plain(typed)
    if len(letters) == EARLIER_PIN_LETTERS:
        raise LettersInvalid(
            f"The letters of the collector are {len(letters)}, as in earlier versions; now they are {PIN_LETTERS}.",
            hint="Get a code of this version: upgrade the collector, then run `gleaner collector join-code` there.",
        )
    if len(letters) != PIN_LETTERS:
        raise LettersInvalid(f"The letters of the collector are {len(letters)} in place of {PIN_LETTERS}.")
    wrong = sorted(set(letters) - set(ALPHABET))
    if wrong:
        raise LettersInvalid(f"The letters of the collector have no {wrong[0]!r}: I, L, O, 0 and 1 are never used.")
    if _check_letters(letters[:HASH_LETTERS]) != letters[HASH_LETTERS:]:
        raise LettersInvalid("The letters of the collector have a typing error.")
    return grouped(letters)


def split_code(typed: str) -> tuple[str, str | None]:
    """What a person typed as the join code and the letters of the authority; None where there are none.

    Raises:
        LettersInvalid: there are letters behind the code, and they are not those of an authority.
    """
    letters = _plain(typed)
    # Less than a group more is a join code with a typing error.
    if len(letters) < CODE_LETTERS + GROUP:
        return typed.strip().upper(), None
    return grouped(letters[:CODE_LETTERS]), read_pin(letters[CODE_LETTERS:])


def _plain(typed: str) -> str:
    return "".join(typed.split()).replace("-", "").upper()


def _check_letters(letters: str) -> str:
    return _letters_of(letters.encode(), CHECK_LETTERS)


def _letters_of(content: bytes, count: int) -> str:
    number = int.from_bytes(hashlib.sha256(content).digest(), "big")
    letters = ""
    for _ in range(count):
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return letters

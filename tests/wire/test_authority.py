"""The letters of an authority, and the code that a person types."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.authority import ALPHABET, HASH_LETTERS, LettersInvalid, authority_pin, read_pin, split_code

PIN = authority_pin(b"a certificate")


@given(st.binary(max_size=50))
def test_letters_have_one_shape(certificate: bytes) -> None:
    groups = authority_pin(certificate).split("-")
    assert [len(group) for group in groups] == [4] * 7 and set("".join(groups)) <= set(ALPHABET)


def test_the_letters_are_128_bits_of_the_certificate() -> None:
    assert len(ALPHABET) ** HASH_LETTERS > 2**128
    # The number that the letters write, the least place first, is the hash but for what does not fit.
    letters = PIN.replace("-", "")[:HASH_LETTERS]
    number = sum(ALPHABET.index(letter) * len(ALPHABET) ** place for place, letter in enumerate(letters))
    whole = int.from_bytes(hashlib.sha256(b"a certificate").digest(), "big")
    assert number == whole % len(ALPHABET) ** HASH_LETTERS
    assert PIN == "AUHR-QW8H-YAHZ-EJV4-KW2M-9TMT-9T8T", "devices, codes on paper and programs have it"


def test_other_certificates_have_other_letters() -> None:
    assert len({authority_pin(bytes([number])) for number in range(256)}) == 256
    assert authority_pin(b"a certificate") == PIN


@pytest.mark.parametrize(
    ("typed", "code", "pin"),
    [
        ("ABCD-2345", "ABCD-2345", None),
        (" abcd2345 ", "ABCD2345", None),
        (f"ABCD-2345-{PIN}", "ABCD-2345", PIN),
        (f"abcd2345{PIN.replace('-', '').lower()}", "ABCD-2345", PIN),
        (f"ABCD 2345 {PIN.replace('-', ' ')}", "ABCD-2345", PIN),
        ("ABCD-23456", "ABCD-23456", None),
        ("", "", None),
    ],
)
def test_what_people_type(typed: str, code: str, pin: str | None) -> None:
    assert split_code(typed) == (code, pin)


def changed(at: int, letter: str) -> str:
    letters = PIN.replace("-", "")
    return letters[:at] + letter + letters[at + 1 :]


@pytest.mark.parametrize(
    ("letters", "sentence"),
    [
        (PIN[:19], "are 16, as in earlier versions; now they are 28. Get a code of this version"),
        (PIN[:-1], "are 27 in place of 28"),
        (f"{PIN}A", "are 29 in place of 28"),
        (PIN[:4], "are 4 in place of 28"),
        (changed(3, "0"), "have no '0'"),
        (changed(3, "é"), "have no 'É'"),
        (changed(3, "A" if PIN[3] != "A" else "B"), "have a typing error"),
        (PIN[1] + PIN[0] + PIN[2:], "have a typing error"),
    ],
)
def test_what_is_refused(letters: str, sentence: str) -> None:
    for typed in (letters, letters.lower().replace("-", " ")):
        with pytest.raises(LettersInvalid) as refused:
            split_code(f"ABCD-2345-{typed}")
        assert sentence in str(refused.value)
        with pytest.raises(LettersInvalid, match=r"letters of the collector"):
            read_pin(typed)


def test_nearly_every_typing_error_is_noticed() -> None:
    """Two letters check the others: one error in 961 goes unnoticed, and then the collector is not recognised."""
    missed = 0
    for at in range(28):
        for letter in set(ALPHABET) - {PIN.replace("-", "")[at]}:
            try:
                read_pin(changed(at, letter))
                missed += 1
            except LettersInvalid:
                pass
    assert missed <= 4  # of 840

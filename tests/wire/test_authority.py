"""The letters of an authority, and the code that a person types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.authority import ALPHABET, authority_pin, split_code

PIN = authority_pin(b"a certificate")


@given(st.binary(max_size=50))
def test_letters_have_one_shape(certificate: bytes) -> None:
    groups = authority_pin(certificate).split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4] and set("".join(groups)) <= set(ALPHABET)


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
        (f"ABCD-2345-{PIN[:-1]}", f"ABCD-2345-{PIN[:-1]}", None),
        ("", "", None),
    ],
)
def test_what_people_type(typed: str, code: str, pin: str | None) -> None:
    assert split_code(typed) == (code, pin)

"""Objects of a backup: what goes in comes out, and nothing else is taken for it."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.backup.encryption import (
    CHUNK,
    TAG_BYTES,
    WrongKey,
    decrypt,
    decrypted_chunks,
    derived_key,
    encrypt,
    encrypted_chunks,
    new_key,
    object_name,
)

KEY = bytes(range(32))
# Around the ends of chunks, where mistakes are.
LENGTHS = st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7])


def sealed(data: bytes, cuts: list[int]) -> bytes:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    return b"".join(encrypted_chunks(KEY, pieces))


def plain(data: bytes, key: bytes = KEY) -> bytes:
    return b"".join(decrypted_chunks(key, io.BytesIO(data)))


@settings(max_examples=40)
@given(length=LENGTHS, cuts=st.lists(st.integers(0, 3 * CHUNK), max_size=5))
def test_what_goes_in_comes_out_however_it_is_cut(length: int, cuts: list[int]) -> None:
    data = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    made = sealed(data, cuts)
    assert plain(made) == data
    assert len(made) == length + TAG_BYTES * max(1, -(-length // CHUNK))


@settings(max_examples=60)
@given(length=LENGTHS, bit=st.integers(0, 2**40))
def test_a_flipped_bit_is_found(length: int, bit: int) -> None:
    made = bytearray(sealed(bytes(length), []))
    place = bit % (len(made) * 8)
    made[place // 8] ^= 1 << place % 8
    with pytest.raises(WrongKey):
        plain(bytes(made))


@settings(max_examples=40)
@given(length=LENGTHS, cut=st.integers(0, 2**40))
def test_an_object_that_is_cut_off_or_longer_is_found(length: int, cut: int) -> None:
    made = sealed(bytes(length), [])
    for changed in (made[: cut % len(made)], made + b"\0", made + made[-TAG_BYTES:]):
        with pytest.raises(WrongKey):
            plain(changed)


def test_chunks_that_change_places_are_found() -> None:
    whole = CHUNK + TAG_BYTES
    made = sealed(b"a" * CHUNK + b"b" * CHUNK + b"c", [])
    for changed in (made[whole : 2 * whole] + made[:whole] + made[2 * whole :], made[:whole] + made[2 * whole :]):
        with pytest.raises(WrongKey):
            plain(changed)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(WrongKey):
        plain(sealed(b"secret", []), new_key())
    with pytest.raises(WrongKey):
        decrypt(new_key(), encrypt(KEY, b"secret", b"a"), b"a")
    with pytest.raises(WrongKey):
        decrypt(KEY, encrypt(KEY, b"secret", b"a"), b"b")
    assert decrypt(KEY, encrypt(KEY, b"secret", b"a"), b"a") == b"secret"


def test_names_hide_contents_and_differ_by_repository() -> None:
    content = "ab" * 32
    one, other = derived_key(KEY, "names"), derived_key(new_key(), "names")
    assert object_name(one, content) == object_name(one, content) != object_name(other, content)
    assert content not in object_name(one, content)
    assert derived_key(KEY, "names") != derived_key(KEY, "keys")

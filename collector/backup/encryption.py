"""How a backup is encrypted: keys under a passphrase, and objects in chunks.

    passphrase --Argon2id--> wraps the master key --HKDF--> a key for names, for tables of keys, for snapshots
    object: AES-256-GCM with a key of its own, in chunks of 1 MiB of plain bytes; the nonce is the chunk's number
            (8 bytes), 3 zeros, and 1 for the last chunk, else 0

Chunks with a nonce that counts and marks the last one are the STREAM construction (Hoang, Reyhanitabar, Rogaway,
Vizár 2015): a chunk that is cut off, moved, left out or added is found. A key encrypts one content only, so a nonce
is never used for two.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import pwhash

CHUNK = 1 << 20
TAG_BYTES = 16
NONCE_BYTES = 12
KEY_BYTES = 32
# RFC 9106, section 4: the second recommended choice, for machines without 2 GiB to spare.
ARGON2_PASSES = 3
ARGON2_BYTES = 64 * 2**20
MAX_ARGON2_PASSES = 16
MAX_ARGON2_BYTES = 2**30


class WrongKey(Exception):
    """The bytes were not encrypted with this key, or have changed since."""


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def passphrase_key(passphrase: str, salt: bytes, passes: int, memory_bytes: int) -> bytes:
    """The key that a passphrase (UTF-8) and 16 bytes of salt make, by Argon2id."""
    return pwhash.argon2id.kdf(KEY_BYTES, passphrase.encode(), salt, opslimit=passes, memlimit=memory_bytes)


def derived_key(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"gleaner backup: {purpose}".encode()).derive(master)


def object_name(names_key: bytes, content: str) -> str:
    """The name of the object with this content (sha256, 64 hex digits): who lacks the key cannot tell what it is."""
    return object_file(hashlib.blake2b(bytes.fromhex(content), key=names_key, digest_size=32).digest())


def object_file(name: bytes) -> str:
    """The file of an object, by the 32 bytes of its name."""
    digest = name.hex()
    return f"objects/{digest[:2]}/{digest}"


def encrypt(key: bytes, data: bytes, bound_to: bytes) -> bytes:
    """A small document, with a random nonce in front."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound_to)


def decrypt(key: bytes, data: bytes, bound_to: bytes) -> bytes:
    """Raises WrongKey."""
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise WrongKey from error


def encrypted_chunks(key: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of an object, from its plain bytes in pieces of any length."""
    cipher = AESGCM(key)
    number, waiting = 0, None
    for chunk in _in_chunks(pieces):
        if waiting is not None:
            yield cipher.encrypt(_nonce(number, is_last=False), waiting, None)
            number += 1
        waiting = chunk
    yield cipher.encrypt(_nonce(number, is_last=True), waiting or b"", None)


def decrypted_chunks(key: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The plain bytes of an object, a chunk at a time. Raises WrongKey, OSError."""
    cipher = AESGCM(key)
    number = 0
    chunk = file.read(CHUNK + TAG_BYTES)
    while True:
        after = file.read(CHUNK + TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not after), chunk, None)
        except (InvalidTag, ValueError) as error:
            raise WrongKey from error
        if not after:
            return
        chunk, number = after, number + 1


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(8, "big") + bytes((0, 0, 0, is_last))


def _in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of CHUNK, the last one shorter and never empty."""
    held = bytearray()
    for piece in pieces:
        if not held and len(piece) == CHUNK:  # as blobs are read: nothing to join
            yield piece
            continue
        held += piece
        while len(held) >= CHUNK:
            yield bytes(held[:CHUNK])
            del held[:CHUNK]
    if held:
        yield bytes(held)

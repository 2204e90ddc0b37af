"""Secrets: 256 random bits, shown once, kept as sha256. Pure but for the random source."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """43 characters of base64url: 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is kept. The secret has 256 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(one: str, other: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())

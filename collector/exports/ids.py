"""Numbers that stay what they are when more is exported: made of what they stand for, not of its place in a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

FIRST_UNLISTED = 1_000_000_000  # ids of words that no schema names and nobody has submitted; all below 2**31


def stable_id(kind: str, *names: str | int) -> int:
    """From 1 to 2**53 - 1, the same for the same names in every export: 53 bits of a SHA-256.

    Two of a million things share one with a probability of 1 in 18,000.
    """
    digest = sha256("\0".join([kind, *map(str, names)]).encode()).digest()
    return max(1, int.from_bytes(digest[:7]) >> 3)


@dataclass
class Categories:
    """Ids of words. `listed` comes from the collector; a word that only a model has used gets an id of its own."""

    listed: dict[str, int]
    points: dict[str, int] = field(default_factory=dict)

    def id_of(self, word: str) -> int:
        if word not in self.listed:
            self.listed[word] = FIRST_UNLISTED + stable_id("category", word) % FIRST_UNLISTED
        return self.listed[word]

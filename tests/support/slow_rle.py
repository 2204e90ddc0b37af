"""Masks as run lengths, written the long way."""

from __future__ import annotations


def slow_text(counts: list[int]) -> str:
    out = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            group = value & 31
            value >>= 5
            more = value != -1 if group & 16 else value != 0
            out.append(chr(48 + (group | 32 if more else group)))
    return "".join(out)

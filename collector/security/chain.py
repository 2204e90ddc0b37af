"""Lines of the security log: JSON, numbered, each with a hash over itself and the line before. Pure.

    {"n": 2, "at": "…", "event": "signed-in", "person": "ana", "address": "10.0.0.7", "chain": "9f…"}

A line that was changed, removed or put in between breaks the chain. What the chain cannot show is that lines were cut
off at the end, or that somebody wrote the whole log anew: for that the newest number and hash are noted elsewhere
(`gleaner collector security-log --check` prints them).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CONTINUED = "log-continued"  # the first line of a file that follows another one: `previous` is that one's last hash
_BEGINNING = "0" * 64


@dataclass(frozen=True)
class ChainEnd:
    """Number and hash of the newest line; of an empty log number 0."""

    number: int = 0
    chain: str = _BEGINNING


@dataclass(frozen=True)
class ChainFault:
    """`line`: counted from 1 over all files."""

    line: int
    why: str


def written_line(end: ChainEnd, members: dict[str, Any]) -> tuple[bytes, ChainEnd]:
    """The line that follows `end`, with its line feed, and the new end. `members`: `at`, `event` and the rest."""
    numbered = {"n": end.number + 1, **members}
    chain = _hash(end.chain, numbered)
    line = json.dumps({**numbered, "chain": chain}, ensure_ascii=False, separators=(",", ":"))
    return line.encode(errors="backslashreplace") + b"\n", ChainEnd(end.number + 1, chain)


def parsed_line(line: bytes) -> dict[str, Any] | None:
    """The members of a line; None for what is no line of this log."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    is_line = isinstance(found, dict) and isinstance(found.get("n"), int) and isinstance(found.get("chain"), str)
    return found if is_line else None


def check_chain(lines: Iterable[bytes]) -> tuple[ChainEnd, list[ChainFault]]:
    """The end of the chain, and every place where a line was changed, removed or added.

    The first line is taken as it is when older files have been removed: it names the hash of the line before it.
    """
    end: ChainEnd | None = None
    faults: list[ChainFault] = []
    for place, line in enumerate(lines, 1):
        found = parsed_line(line)
        if found is None:
            faults.append(ChainFault(place, "it cannot be read"))
            continue
        chain = found.pop("chain")
        if end is None:
            previous = str(found.get("previous", _BEGINNING)) if found.get("event") == CONTINUED else _BEGINNING
            end = ChainEnd(found["n"] - 1 if previous != _BEGINNING else 0, previous)
        if found["n"] != end.number + 1:
            faults.append(ChainFault(place, f"number {found['n']} follows number {end.number}"))
        elif chain != _hash(end.chain, found):
            faults.append(ChainFault(place, f"number {found['n']} was changed, or the line before it"))
        end = ChainEnd(found["n"], chain)
    return end or ChainEnd(), faults


def _hash(previous: str, numbered: dict[str, Any]) -> str:
    text = json.dumps(numbered, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()

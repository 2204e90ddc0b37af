"""The texts and values of `collector.store.sql` as PostgreSQL reads them: numbered parameters, and values as text.

A list is one array of any length, so that a statement is prepared once whatever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from collector.store.database import TextUnusable
from collector.store.dialects import postgres_text

_PARAMETER = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|::"
    r"|\b(?P<negated>NOT )?IN :(?P<list>\w+)"
    r"|(?<!:):(?P<null>\w+)(?= IS (?:NOT )?NULL\b)"
    r"|(?<!:):(?P<name>[A-Za-z_]\w*)",
    re.IGNORECASE,
)
_FINDS_ROWS = re.compile(r"\s*(?:SELECT|WITH|VALUES|SHOW|EXPLAIN)\b|.*\bRETURNING\b", re.IGNORECASE | re.DOTALL)
_WRITTEN = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)
_WORD = re.compile(r"\w+")
# Tables that change with one that a statement names (collector/store/tables/waiting.py).
CHANGED_BY_TRIGGERS = {"task": ("waiting",)}


class Translated(NamedTuple):
    """A statement as the server reads it: `$1`, `$2`, … stand for `names`, in this order."""

    sql: bytes
    names: tuple[str, ...]
    is_query: bool
    finds_rows: bool
    writes: str | None  # the table; None where it is not known

    def may_change(self, query: Translated) -> bool:
        """Whether the query may find something else after this statement."""
        if self.writes is None:
            return True
        changed = {self.writes, *CHANGED_BY_TRIGGERS.get(self.writes, ())}
        return not changed.isdisjoint(_words(query.sql))


@cache
def _words(sql: bytes) -> frozenset[str]:
    return frozenset(_WORD.findall(sql.decode()))


@cache
def translated(sql: str) -> Translated:
    """SQL with `:name` parameters and words of SQLite, as PostgreSQL has it."""
    places: dict[str, int] = {}

    def mark(name: str) -> str:
        return f"${places.setdefault(name, len(places) + 1)}"

    def put(found: re.Match[str]) -> str:
        if found["list"]:
            return f"{'<> ALL' if found['negated'] else '= ANY'} ({mark(found['list'])})"
        if found["null"]:
            # Alone before IS NULL nothing says what type it has.
            return f"CAST({mark(found['null'])} AS text)"
        return mark(found["name"]) if found["name"] else found[0]

    made = _PARAMETER.sub(put, postgres_text(sql))
    is_query = made.lstrip().upper().startswith("SELECT")
    writes = _WRITTEN.match(made)
    finds_rows = _FINDS_ROWS.match(made) is not None
    return Translated(made.encode(), tuple(places), is_query, finds_rows, writes[1] if writes else None)


def encoded(value: Any) -> bytes | None:
    if isinstance(value, str):
        if "\0" in value:
            raise TextUnusable("A text holds the character U+0000, which this database cannot store.")
        return value.encode()
    if value is None:
        return None
    if isinstance(value, bool):
        return b"1" if value else b"0"  # good for a column of truth values and for one of numbers
    if isinstance(value, int | float):
        return repr(value).encode()
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return b"{%s}" % b",".join(_member(encoded(one)) for one in value)
    raise TypeError(f"a {type(value).__name__} is no value of a statement")


def _member(value: bytes | None) -> bytes:
    return b"NULL" if value is None else b'"%s"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')

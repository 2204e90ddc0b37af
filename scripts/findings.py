"""What the checker found in a script, and the two errors that stop its use."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from wire.errors import GleanerError

MAX_FINDINGS = 100


class TooManyFindings(Exception):
    """A file has more findings than anybody reads; checking stops."""


@dataclass(frozen=True, order=True)
class Place:
    """Where in a file: line and column, both from 1; a column counts code points."""

    line: int
    column: int


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (an error: the script is refused) or odd (a warning) at one place.

    `code` is stable and listed in docs/scripts.md; `message` is what was found and what was expected.
    """

    path: str
    place: Place
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else "warning: "
        return f"{self.path}:{self.place.line}:{self.place.column} {self.code} {mark}{self.message}"

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "line": self.place.line,
            "column": self.place.column,
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
        }


class Findings:
    """Collects the findings of one file; checking continues after each, so that one run shows up to MAX_FINDINGS.

    Raises TooManyFindings from `error` and `warning` when there are more.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._rows: list[Finding] = []

    def error(self, place: Place, code: str, message: str) -> None:
        self._add(Finding(self.path, place, code, message))

    def warning(self, place: Place, code: str, message: str) -> None:
        self._add(Finding(self.path, place, code, message, "warning"))

    def _add(self, row: Finding) -> None:
        if len(self._rows) < MAX_FINDINGS:
            self._rows.append(row)
            return
        message = f"Checking stopped after {MAX_FINDINGS} findings; correct these first."
        self._rows.append(Finding(self.path, row.place, "too-many-findings", message))
        raise TooManyFindings

    def rows(self) -> list[Finding]:
        """In the order of the file."""
        return sorted(self._rows, key=lambda row: (row.place, row.code, row.message))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean say?`, or nothing when no known word is near."""
    near = get_close_matches(word.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def name_character(character: str) -> str:
    """`U+00A0 NO-BREAK SPACE`; a character without a name in Unicode has its number only."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def unexpected_characters(word: str) -> str:
    """A sentence about the first character of `word` beyond ASCII, for words that are expected to have none; or
    nothing. Look-alikes of other alphabets and invisible characters cannot be found by looking at the word.
    """
    for number, character in enumerate(word, 1):
        if not character.isascii():
            return f" Its character {number} is {name_character(character)}."
    return ""


class ScriptInvalid(GleanerError):
    """A script has errors. `facts["findings"]` lists them all."""

    code = "script-invalid"
    status = 422
    exit_code = 1
    hint = "gleaner scripts check shows every finding with its place."

    def __init__(self, findings: Sequence[Finding]) -> None:
        errors = [row for row in findings if row.severity == "error"]
        more = "" if len(errors) == 1 else f" ({len(errors) - 1} more)"
        super().__init__(f"The script is not valid: {errors[0]}{more}", findings=[row.to_json() for row in errors])
        self.findings = errors


class ScriptMissing(GleanerError):
    """No script has this name, and no file this path."""

    code = "script-missing"
    status = 404
    exit_code = 3
    hint = "gleaner scripts list names the scripts that are here; a script of your own is given by its path."

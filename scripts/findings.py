"""What the checker has to say about a script, and the two errors that stop its use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from wire.errors import GleanerError


@dataclass(frozen=True, order=True)
class Place:
    """Where in a file: line and column, both from 1; a column counts code points."""

    line: int
    column: int


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (an error: the script is refused) or odd (a warning) at one place.

    `code` is stable and listed in docs/scripts.md; `message` says what was found and what was expected.
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
    """Collects the findings of one file; reading goes on after each, so that one run shows them all."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._rows: list[Finding] = []

    def error(self, place: Place, code: str, message: str) -> None:
        self._rows.append(Finding(self.path, place, code, message))

    def warning(self, place: Place, code: str, message: str) -> None:
        self._rows.append(Finding(self.path, place, code, message, "warning"))

    def rows(self) -> list[Finding]:
        """In the order of the file."""
        return sorted(self._rows, key=lambda row: (row.place, row.code, row.message))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean say?`, or nothing when no known word is near."""
    near = get_close_matches(word.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


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

"""The one base of every error a person or a program may see, and the errors of the wire itself.

    GleanerError
    ├── BadDocument         document-invalid
    ├── SchemaTooNew        schema-too-new
    ├── PortTaken           port-taken
    └── …                   each package defines its own next to the code that raises it

Every subclass states a stable `code` (listed in docs/errors.md, held by a test), an HTTP `status`,
the command line's `exit_code` (design: 1 bad, 2 wrong use, 3 something needed is missing), a `hint` that says
what to do, and whether trying again later can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class GleanerError(Exception):
    """One clear sentence for a person, a stable code for a program.

    `message` is what is wrong and where; `hint` is what to do about it.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    hint: str = ""
    # Of the answer over HTTP, for what is more than its status.
    headers: Mapping[str, str] = {}

    def __init__(self, message: str, *, hint: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint
        self.facts: dict[str, Any] = facts

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def problem(self) -> dict[str, Any]:
        """The error as the members of an RFC 9457 problem document."""
        return {
            "type": "about:blank",
            "title": self.message,
            "status": self.status,
            "code": self.code,
            "hint": self.hint,
            "retryable": self.retryable,
            **self.facts,
        }


class Unexpected(GleanerError):
    """An error that no part of Gleaner expects: a fault of the program itself."""

    code = "internal"
    hint = "Run it again with GLEANER_DEBUG=1 to see where."

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"Something went wrong inside Gleaner: {type(error).__name__}: {error}.")


class BadDocument(GleanerError):
    """A wire document does not have its shape. `facts["problems"]` lists place and reason."""

    code = "document-invalid"
    status = 422
    hint = "Compare it with the shape in docs/wire.md."


class SchemaTooNew(GleanerError):
    """A document's schema number is higher than this reader knows; the data stays with its sender."""

    code = "schema-too-new"
    status = 409
    hint = "Upgrade the collector first, then the devices; the data stays with its sender until then."


class PortTaken(GleanerError):
    """A port that was asked for belongs to another program. The one error all three kinds of server share."""

    code = "port-taken"
    exit_code = 3
    hint = "Stop the other program, or choose another port (0 takes any free one)."

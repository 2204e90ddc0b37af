"""What a collector or the way to it can answer to a program; the one place where foreign errors become ours.

UplinkError                 uplink-failed           base of what may go wrong on the way
├── NoAnswer                collector-unreachable   no answer: later
├── Untrusted               collector-untrusted     its certificate is of nobody who is trusted here
├── NotACollector           not-a-collector         something else answers there
└── …                       http_shell/tus_client.py and device_agent/uplink/errors.py have more
CollectorRefused            its own code            a problem document of the collector
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx

from http_shell.trust import is_untrusted
from wire.errors import GleanerError

# Statuses after which the same request may succeed later, also where no problem document says so.
_TRANSIENT = frozenset({408, 423, 425, 429})


class UplinkError(GleanerError):
    """Base of what may go wrong on the way to the collector."""

    code: ClassVar[str] = "uplink-failed"
    status: ClassVar[int] = 502
    retryable: ClassVar[bool] = True


class NoAnswer(UplinkError):
    """The collector does not answer, or the connection broke before its answer was here."""

    code: ClassVar[str] = "collector-unreachable"
    status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 3
    hint = "Check the address and the network, and that `gleaner collector serve` runs there."


class Untrusted(UplinkError):
    """What answers there does not prove to be the collector. Nothing was sent to it."""

    code: ClassVar[str] = "collector-untrusted"
    status: ClassVar[int] = 502
    exit_code: ClassVar[int] = 3
    hint = "Name the collector's authority: its certificate file, or the letters behind a join code."


class NotACollector(UplinkError):
    code: ClassVar[str] = "not-a-collector"
    status: ClassVar[int] = 502
    hint = "Check the address; it is printed by gleaner collector join-code."


@dataclass(frozen=True)
class Problem:
    """An answer that is no success. `code` is empty where no problem document came with it.

    Attributes:
        retryable: the same request may succeed later, by the document's word or, where it has none, by the status.
        transient: by either of them.
        retry_after: seconds to wait before that, where the collector asks for it.
        members: what else the document has, such as `parts` or `task`.
    """

    status: int
    code: str
    title: str
    hint: str
    retryable: bool
    transient: bool
    retry_after: float | None = None
    members: dict[str, Any] = field(default_factory=dict)


class CollectorRefused(GleanerError):
    """The collector answered with a problem document. Code, sentence, hint, status and `retryable` are its own.
    A command ends with 3 where the collector lacks something for the moment, such as its database.

    `retry_after`: seconds to wait before the next try, None where it does not say. `facts`: further members of the
    document. docs/errors.md lists the codes. `has_document`: false where the answer was no problem document, such as a
    proxy's own, which says nothing about the collector; its code is then http- and its status.
    """

    code: ClassVar[str] = "collector-refused"
    status: ClassVar[int] = 502

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title, hint=problem.hint, **problem.members)
        self.retry_after, self.has_document = problem.retry_after, bool(problem.code)
        # Those of the class are for who asks before there is an answer; each answer has its own.
        exit_code = 3 if problem.status >= 500 and problem.retryable else 1  # as without a service in between
        code = problem.code or f"http-{problem.status}"
        vars(self).update(code=code, status=problem.status, retryable=problem.retryable, exit_code=exit_code)


def read_problem(reply: httpx.Response, base: str) -> Problem:
    """An answer that is no success, by its problem document where it has one, else by its status."""
    body = _body(reply)
    by_status = reply.status_code >= 500 or reply.status_code in _TRANSIENT
    by_word = body.get("retryable")
    taken = {"type", "title", "status", "code", "hint", "retryable"}
    return Problem(
        status=reply.status_code,
        code=str(body.get("code") or ""),
        title=str(body.get("title") or f"The collector at {base} answered {reply.status_code}."),
        hint=str(body.get("hint") or ""),
        retryable=by_word if isinstance(by_word, bool) else by_status,
        transient=bool(by_word) or by_status,
        retry_after=_seconds(reply.headers.get("Retry-After", "")),
        members={name: value for name, value in body.items() if name not in taken},
    )


def error_of(reply: httpx.Response, base: str) -> CollectorRefused | NotACollector:
    """The error for an answer that is no success."""
    problem = read_problem(reply, base)
    if problem.code or problem.retryable:
        return CollectorRefused(problem)
    return NotACollector(f"{base} answered {reply.status_code} without saying what is wrong.")


def no_answer(base: str, error: httpx.HTTPError | httpx.InvalidURL) -> NoAnswer | Untrusted | NotACollector:
    """httpx's error as ours."""
    if isinstance(error, httpx.TimeoutException):
        why = "it took too long"
    elif isinstance(error, httpx.TransportError) and is_untrusted(error):
        return Untrusted(f"The certificate of {base} is not signed by an authority that is trusted here.")
    elif isinstance(error, httpx.ConnectError):
        why = "no connection"
    elif isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return NotACollector(f"{base} is not an address of a collector: {error}.")
    else:
        why = "the connection broke"
    return NoAnswer(f"The collector at {base} does not answer ({why}).")


def _body(reply: httpx.Response) -> dict[str, Any]:
    try:
        body = reply.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(header: str) -> float | None:
    """Retry-After as seconds. A date, which no collector sends, says nothing here."""
    return float(header) if header.isascii() and header.isdigit() else None

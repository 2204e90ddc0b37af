"""One collector over HTTP: its address, what is trusted of it, retries, and answers as types."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from http_shell.answers import CollectorRefused, NotACollector, Untrusted, UplinkError, error_of, no_answer
from http_shell.schedule import full_jitter
from http_shell.trust import context_of, fetch_authority, has_pin, http_to, is_open_http
from wire.authority import ALPHABET, CODE_LETTERS, EARLIER_PIN_LETTERS, PIN_LETTERS, read_pin, split_code
from wire.base import Document
from wire.errors import GleanerError, SchemaTooNew

T = TypeVar("T")
MAX_RETRY_AFTER_SECONDS = 60.0  # a collector that asks for more patience than this is reported at once
MAX_PAGE = 1000  # rows of a list per request
# What does the same when it is done twice: also after an answer that was lost it is sent again.
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class AnswerUnreadable(GleanerError):
    """An answer does not have the shape that this client knows."""

    code: ClassVar[str] = "answer-unreadable"
    status: ClassVar[int] = 502
    hint = "Use the client of the version that the collector has."


class ConnectionInsecure(GleanerError):
    """Plain HTTP to another machine: the token could be read on the way."""

    code: ClassVar[str] = "connection-insecure"
    status: ClassVar[int] = 400
    exit_code: ClassVar[int] = 2
    hint = "Use https, or pass insecure=True if everybody on this network may listen."


class TrustInvalid(GleanerError):
    """`trust` names no certificate."""

    code: ClassVar[str] = "trust-invalid"
    status: ClassVar[int] = 400
    exit_code: ClassVar[int] = 2
    hint = "Name a PEM file, or the 28 letters behind the code of `gleaner collector join-code`."


class HttpCalls:
    """Requests to one collector. Each raises CollectorRefused, NoAnswer, Untrusted or NotACollector when it fails.

    A request is sent again, up to `tries` times and later each time, when the collector says that this can help or does
    not answer. One that changes something and may have arrived is only sent again where doing it twice is harmless.

    Args:
        wait: sleeps so many seconds. chance: a number in [0, 1) that spreads the waits of many clients.
    """

    def __init__(
        self,
        base: str,
        authority: str | None,
        token: str | None,
        *,
        tries: int,
        timeout: float,
        wait: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.base = base
        self._tries, self._wait, self._chance = tries, wait, chance
        self._http = http_to(base, authority, httpx.Timeout(timeout), token)

    def close(self) -> None:
        self._http.close()

    # ---------------------------------------------------------------- requests
    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        accept: Callable[[httpx.Response], bool] = lambda reply: reply.is_success,
    ) -> httpx.Response:
        """The answer, once it is one that is accepted.

        Args:
            query: parameters of the address; those that are None are left out.
            body: JSON, unless `headers` says otherwise.
            repeatable: doing it twice is harmless; None: as its method says.
        """
        again = method in REPEATABLE if repeatable is None else repeatable
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        sent = ({} if body is None else {"Content-Type": "application/json"}) | dict(headers or {})

        def once() -> httpx.Response:
            reply = self._http.request(method, path, params=asked or None, content=body, headers=sent)
            if not accept(reply):
                raise error_of(reply, self.base)
            return reply

        return self.tried(once, again)

    def tried(self, once: Callable[[], T], repeatable: bool) -> T:
        """What `once` returns, tried again where that can help; httpx's errors as ours."""
        failures = 0
        while True:
            try:
                with self.as_ours():
                    return once()
            except (CollectorRefused, UplinkError) as error:
                failures += 1
                seconds = self._seconds_until(error, failures, repeatable)
                if seconds is None:
                    raise
            self._wait(seconds)

    @contextlib.contextmanager
    def as_ours(self) -> Iterator[None]:
        """Errors of httpx as NoAnswer, Untrusted, NotACollector."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise no_answer(self.base, error) from error

    def _seconds_until(self, error: GleanerError, failures: int, repeatable: bool) -> float | None:
        """Seconds to wait before the next try; None: there is no point in one."""
        if failures >= self._tries or isinstance(error, Untrusted | NotACollector) or not error.retryable:
            return None
        if not repeatable and not _was_not_done(error):
            return None
        asked = error.retry_after or 0.0 if isinstance(error, CollectorRefused) else 0.0
        if asked > MAX_RETRY_AFTER_SECONDS:
            return None
        return asked + full_jitter(failures, self._chance())  # not all that were asked to wait at one moment

    @contextlib.contextmanager
    def stream(self, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Iterator[httpx.Response]:
        """An answer whose body is read while it comes. Not tried again; the caller knows what it has already."""
        asked = {name: value for name, value in query.items() if value is not None}
        with self.as_ours(), self._http.stream("GET", path, params=asked or None, headers=dict(headers)) as reply:
            if not reply.is_success:
                reply.read()
                raise error_of(reply, self.base)
            yield reply

    # ---------------------------------------------------------------- answers as types
    def get(self, kind: type[T], path: str, **query: Any) -> T:
        return read_answer(kind, self.send("GET", path, query=query))

    def call(
        self, kind: type[T], method: str, path: str, body: BaseModel | None = None, *, repeatable: bool | None = None
    ) -> T:
        sent = None if body is None else to_bytes(body)
        return read_answer(kind, self.send(method, path, body=sent, repeatable=repeatable))

    def pages(self, kind: type[T], path: str, member: str, limit: int | None, **query: Any) -> Iterator[Any]:
        """The rows of a list, page after page while they are read; `next` of a page is `after` of the one that follows.

        Args:
            member: of the page, which has the rows. limit: rows at most, None: all.
        """
        left, after = limit, None
        while left is None or left > 0:
            size = MAX_PAGE if left is None else min(MAX_PAGE, left)
            page: Any = self.get(kind, path, limit=size, after=after, **query)
            rows = getattr(page, member)
            yield from rows
            left = None if left is None else left - len(rows)
            after = page.next
            if after is None:
                return


def _was_not_done(error: GleanerError) -> bool:
    """Whether it is certain that a request that failed has changed nothing."""
    if isinstance(error, CollectorRefused):
        return error.has_document
    return isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def quoted(name: str) -> str:
    """An id or a name as one piece of an address."""
    return quote(name, safe="")


def to_bytes(body: BaseModel) -> bytes:
    return body.model_dump_json(by_alias=True, exclude_none=True).encode()


def read_answer(kind: type[T], reply: httpx.Response) -> T:
    """An answer as `kind`. Members that are new in a later collector are left out, also inside.

    Raises:
        AnswerUnreadable: it has another shape. SchemaTooNew: a document in it is of a later schema, so that leaving
        members out could change what it means.
    """
    try:
        found = TypeAdapter(kind).validate_json(reply.content, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "(whole)"
        raise AnswerUnreadable(
            f"The answer of {reply.request.url.path} cannot be read at {place}: {first['msg']}."
        ) from error
    _check_schemas(found)
    return found


def _check_schemas(value: Any) -> None:
    if isinstance(value, Document):
        if value.schema_number > value.SCHEMA:
            raise SchemaTooNew(
                f"A {type(value).__name__} has schema {value.schema_number}, the highest read here is {value.SCHEMA}.",
                hint=AnswerUnreadable.hint,
            )
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            _check_schemas(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            _check_schemas(item)


# ---------------------------------------------------------------- address and trust
def check_address(url: str, insecure: bool) -> str:
    """The address without a slash at its end. Raises NotACollector, ConnectionInsecure."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise NotACollector(f"{url!r} is not an address: {error}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise NotACollector(f"{url!r} is not an address like https://collector.example:8700.")
    if is_open_http(parsed) and not insecure:
        raise ConnectionInsecure(f"{url} is plain http to another machine: the token could be read on the way.")
    return str(parsed).rstrip("/")


def authority_of(base: str, trust: Path | str | None, timeout: float) -> str | None:
    """The certificate (PEM) that the collector's own must be signed by; None: one of the system's.

    Raises:
        TrustInvalid: `trust` is neither a certificate file nor letters. LettersInvalid: they have a typing error, or
        are of an earlier version. Untrusted: the letters are of another collector's authority. NoAnswer: its authority
        could not be fetched.
    """
    if trust is None:
        return None
    pin = _letters(trust) if isinstance(trust, str) else None
    if pin is None:
        return _read_certificate(Path(trust))
    try:
        found = fetch_authority(base, httpx.Timeout(timeout))
    except httpx.HTTPError as error:
        raise no_answer(base, error) from error
    if found is None or not has_pin(found, pin):
        raise Untrusted(
            f"The server at {base} is not the collector of the letters {pin}: it has another certificate authority.",
            hint="Check the address and the letters. If both are right, somebody in between answers instead.",
        )
    return found


def _letters(text: str) -> str | None:
    """The letters of an authority, alone or behind a join code; None: that is something else, such as a file's name.

    Raises:
        LettersInvalid.
    """
    letters = re.sub(r"[\s-]", "", text).upper()
    if not set(letters) <= set(ALPHABET):
        return None
    if len(letters) in (PIN_LETTERS, EARLIER_PIN_LETTERS):
        return read_pin(letters)
    return split_code(text)[1] if len(letters) > CODE_LETTERS else None


def _read_certificate(file: Path) -> str:
    try:
        text = file.read_text(encoding="ascii")
        context_of(text)
    except (OSError, ValueError) as error:
        raise TrustInvalid(f"The certificate {file} cannot be used: {error}.") from error
    return text

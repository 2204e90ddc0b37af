"""Making a device known to a collector: a join code goes out, a token and the collector's key come back.

The code is printed by `gleaner collector join-code`, is good for minutes and for one device. What comes back lies in
`STATE/device.json`, readable by its owner alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar, Self

import httpx
from pydantic import Field, StringConstraints, model_validator

from http_shell.trust import context_of, fetch_authority, has_pin, http_to, is_open_http, is_untrusted
from wire.authority import split_code
from wire.base import Document, Id, is_none
from wire.canonical import canonical_json
from wire.capture import set_schema
from wire.device import DeviceInfo, JoinReply, JoinRequest
from wire.errors import BadDocument, GleanerError
from wire.files import write_whole

FILE = "device.json"
CODE_REFUSED = frozenset({"join-code-wrong", "join-code-expired", "join-code-used"})  # by the collector
TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=15.0, pool=5.0)


class NotJoined(GleanerError):
    """This device knows no collector."""

    code: ClassVar[str] = "not-joined"
    status: ClassVar[int] = 409
    exit_code: ClassVar[int] = 3
    hint = "Get a code with gleaner collector join-code, then run gleaner agent join."


class JoinFailed(GleanerError):
    """Base of what can go wrong while joining."""

    code: ClassVar[str] = "join-failed"
    status: ClassVar[int] = 502
    exit_code: ClassVar[int] = 3


class WrongCode(JoinFailed):
    code: ClassVar[str] = "join-code-refused"
    status: ClassVar[int] = 403
    exit_code: ClassVar[int] = 2
    hint = "Get a new one with gleaner collector join-code; it is good for ten minutes and one device."


class JoinUnreachable(JoinFailed):
    code: ClassVar[str] = "join-unreachable"
    status: ClassVar[int] = 503
    hint = "Check the address and that gleaner collector serve runs there."


class JoinNotACollector(JoinFailed):
    code: ClassVar[str] = "join-not-a-collector"
    hint = "Check the address; it is printed by gleaner collector join-code."


class JoinInsecure(JoinFailed):
    code: ClassVar[str] = "join-insecure"
    status: ClassVar[int] = 400
    exit_code: ClassVar[int] = 2
    hint = "Use https, or pass --insecure if everybody on this network may listen."


class JoinUntrusted(JoinFailed):
    """The certificate at the other end is of nobody this device knows. The code was not sent."""

    code: ClassVar[str] = "join-untrusted"
    status: ClassVar[int] = 502
    exit_code: ClassVar[int] = 3
    hint = "Type all that `gleaner collector join-code` printed, or name the authority's certificate with --ca FILE."


class Credentials(Document):
    """Who this device is to its collector. `verify_key` is the Ed25519 key of the receipts, 64 hex digits.

    `authority` (schema 2): the certificate (PEM) that the collector's own must be signed by; null: one of the system's.
    """

    SCHEMA: ClassVar[int] = 2

    device: Id
    token: str = Field(min_length=1, repr=False)
    url: str
    verify_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    collector: str
    authority: str | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        set_schema(self, 1 if self.authority is None else 2)
        context_of(self.authority)
        return self

    def moved_to(self, address: str | None) -> Credentials:
        """The same device at another address of its collector; None: where it was.

        Raises:
            JoinNotACollector, JoinInsecure: as `check_address`; plain http was allowed once, by `join --insecure`, or
            it is not allowed.
        """
        if address is None:
            return self
        return self.model_copy(update={"url": check_address(address, insecure=is_open_http(httpx.URL(self.url)))})


def join(
    url: str,
    code: str,
    info: DeviceInfo,
    state_dir: Path,
    insecure: bool = False,
    known_as: str | None = None,
    authority: str | None = None,
) -> Credentials:
    """Redeem a join code and save what comes back.

    Args:
        known_as: the id under which this device recorded what still waits on it; it gets that id back.
        authority: a certificate (PEM) that the collector's own must be signed by; None: the one that the letters behind
            the code are of, and without letters those that the system trusts.

    Raises:
        JoinInsecure: plain http to another machine. WrongCode: unknown, used or expired. LettersInvalid: a typing error
        behind the code, or an earlier version's letters. JoinUnreachable, JoinNotACollector, JoinUntrusted. JoinFailed:
        the collector refused, or the state folder cannot be written.
    """
    url = check_address(url, insecure)
    letters, pin = split_code(code)
    try:
        request = JoinRequest(code=letters, device=info, known_as=known_as)
    except ValueError as error:
        raise WrongCode(f"{code.strip()!r} is not a join code. Join codes look like ABCD-2345.") from error
    try:
        # Before asking: a code that was redeemed cannot be redeemed again.
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(state_dir, os.W_OK):
            raise PermissionError(13, "permission denied")
    except OSError as error:
        raise JoinFailed(
            f"{state_dir} cannot be written: {error.strerror}.", hint="Name a folder that this user may write to."
        ) from error
    if authority is None and pin is not None and url.startswith("https:"):
        authority = _recognised(url, pin)
    reply = _ask(url, request, authority)
    try:
        answer = JoinReply.read(reply.content)
    except BadDocument as error:
        raise JoinNotACollector(f"The server at {url} is not a Gleaner collector.") from error
    try:
        credentials = Credentials(
            device=answer.device,
            token=answer.token,
            url=url,
            verify_key=answer.verify_key,
            collector=answer.collector,
            authority=authority,
        )
    except ValueError as error:
        raise JoinNotACollector(f"The collector at {url} sent an invalid key.") from error
    if known_as is not None and credentials.device != known_as:
        raise JoinFailed(
            f"The collector at {url} gave this device the id {credentials.device}, but {known_as} has captures here."
        )
    save(credentials, state_dir)
    return credentials


def load(state_dir: Path) -> Credentials:
    """What an earlier `join` kept.

    Raises:
        NotJoined: there is none, or it cannot be read.
    """
    path = state_dir / FILE
    try:
        return Credentials.read(path.read_bytes())
    except FileNotFoundError as error:
        raise NotJoined("This device has not joined a collector.") from error
    except (OSError, GleanerError) as error:
        raise NotJoined(f"{path} cannot be read, so this device does not know its collector.") from error


def newest(credentials: Credentials, state_dir: Path) -> Credentials:
    """What lies in the state folder now, when the same device has joined the same collector again; else what was given.

    So an agent that is at work goes on with the token that `agent join` brought beside it.
    """
    try:
        found = load(state_dir)
    except NotJoined:
        return credentials
    same = (found.device, found.verify_key) == (credentials.device, credentials.verify_key)
    return credentials.model_copy(update={"token": found.token, "authority": found.authority}) if same else credentials


def save(credentials: Credentials, state_dir: Path) -> None:
    """Whole or not at all, mode 0600.

    Raises:
        JoinFailed: the folder cannot be written.
    """
    try:
        write_whole(state_dir / FILE, canonical_json(credentials))
    except OSError as error:
        raise JoinFailed(f"{state_dir / FILE} cannot be written: {error.strerror or error}.") from error


def check_address(url: str, insecure: bool = False) -> str:
    """The address without a trailing slash.

    Raises:
        JoinNotACollector: it is no http(s) address. JoinInsecure: plain http that leaves this machine.
    """
    text = url.strip()
    try:
        parsed = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL as error:
        raise JoinNotACollector(f"{url!r} is not an address: {error}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise JoinNotACollector(f"{url!r} is not an address like https://collector.example:8700.")
    if is_open_http(parsed) and not insecure:
        raise JoinInsecure(f"{url} is plain http to another machine: the token could be read on the way.")
    return str(parsed).rstrip("/")


def read_authority(file: Path) -> str:
    """A certificate file (PEM) that a person named. Raises JoinFailed."""
    try:
        text = file.read_text(encoding="ascii")
        context_of(text)
    except (OSError, ValueError) as error:
        raise JoinFailed(f"The certificate {file} cannot be used: {error}.", hint="Name a PEM file.") from error
    return text


def _recognised(url: str, pin: str) -> str:
    """The authority of the collector at this address, if the letters are its own."""
    try:
        found = fetch_authority(url, TIMEOUT)
    except httpx.TransportError as error:
        raise JoinUnreachable(f"The collector at {url} does not answer.") from error
    if found is None or not has_pin(found, pin):
        raise JoinUntrusted(
            f"The server at {url} is not the collector that made this code: its certificate authority is another one.",
            hint="Check the address and the code. If both are right, somebody between here and there answers instead.",
        )
    return found


def _ask(url: str, request: JoinRequest, authority: str | None) -> httpx.Response:
    try:
        with http_to(url, authority, TIMEOUT) as client:
            reply = client.post(
                "/api/devices/join",
                content=canonical_json(request),
                headers={"Content-Type": "application/json"},
            )
    except httpx.TransportError as error:
        if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
            raise JoinNotACollector(f"The server at {url} is not a Gleaner collector.") from error
        if is_untrusted(error):
            raise JoinUntrusted(
                f"The certificate of {url} is not signed by an authority this device trusts."
            ) from error
        raise JoinUnreachable(f"The collector at {url} does not answer.") from error
    if reply.status_code in (200, 201):
        return reply
    raise _refusal(url, reply)


def _refusal(url: str, reply: httpx.Response) -> JoinFailed:
    try:
        body = reply.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "code" not in body:
        return JoinNotACollector(f"The server at {url} is not a Gleaner collector (it answered {reply.status_code}).")
    title, hint = str(body.get("title", "The collector refused.")), str(body.get("hint") or "") or None
    if reply.status_code in (400, 401, 403, 404, 409, 410, 422):
        return (WrongCode if str(body["code"]) in CODE_REFUSED else JoinFailed)(title, hint=hint)
    return JoinFailed(title, hint=hint)

"""Who may look at the session page: the key of the printed address, the cookie it turns into, and the host's name."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Literal

from wire.errors import GleanerError

# key     the key in the address or the cookie: only the page itself, where the key becomes a cookie
# cookie  the cookie, or the key as `Authorization: Bearer`: looking
# act     like cookie, and the header X-Gleaner-Page, which no foreign page can send: changing something
Policy = Literal["key", "cookie", "act"]

PAGE_HEADER = "x-gleaner-page"


class PageShut(GleanerError):
    code = "page-shut"
    status = 401
    hint = "Open the address that the device printed when the session began; it carries the key."


class WrongHost(GleanerError):
    code = "host-wrong"
    status = 421
    hint = "Use the address that the device printed."


class PageHeaderMissing(GleanerError):
    code = "page-header-missing"
    status = 403
    hint = "Send the header X-Gleaner-Page: 1 with every request that changes something."


def new_key() -> str:
    """A fresh key of 192 random bits, safe in an address."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Guard:
    """The page's lock. The cookie is derived from the key, so it outlives a restart of the agent with the same key.

    A browser shares cookies between all ports of a machine, so the cookie's name carries the port.
    """

    key: str
    port: int
    loopback: bool

    @property
    def cookie_name(self) -> str:
        return f"gleaner_page_{self.port}"

    @property
    def cookie_value(self) -> str:
        return hmac.new(self.key.encode(), b"gleaner session page cookie", hashlib.sha256).hexdigest()

    @property
    def set_cookie(self) -> str:
        return f"{self.cookie_name}={self.cookie_value}; Path=/; HttpOnly; SameSite=Lax"

    def is_key(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self.key.encode())

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether the request carries the cookie, or the key as a bearer token."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_key(token.strip()):
            return True
        try:
            jar = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        cookie = jar.get(self.cookie_name)
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self.cookie_value.encode())

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Refuse names a foreign site could point at this machine (DNS rebinding). Any port is fine: tunnels change it.

        Raises:
            WrongHost
        """
        name = host_name(headers.get("host", ""))
        if name is not None and (is_loopback(name) or (not self.loopback and is_own_name(name))):
            return
        raise WrongHost("The session page does not answer under this host name.")

    def check(self, policy: Policy, headers: Mapping[str, str]) -> None:
        """Raises: PageShut, PageHeaderMissing."""
        if not self.knows(headers):
            raise PageShut("The session page is shut to whoever has not got its key.")
        if policy == "act" and headers.get(PAGE_HEADER) != "1":
            raise PageHeaderMissing("This request changes something and does not come from the session page.")


def host_name(header: str) -> str | None:
    """The name in a Host header without its port and brackets, lower case; None if there is none."""
    text = header.strip().lower()
    if text.startswith("["):
        name, closed, _ = text[1:].partition("]")
        return name if closed and name else None
    name = text.rsplit(":", 1)[0] if text.count(":") == 1 else text
    return name.rstrip(".") or None


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_own_name(name: str) -> bool:
    """A bare address, or this machine's own name: neither can be rebound by somebody else's name server."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = socket.gethostname().lower().rstrip(".")
        return name in {own, f"{own.partition('.')[0]}.local"}
    return True

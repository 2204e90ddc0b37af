"""Who may see the session page: the key of its session, and the cookie it turns into.

A key belongs to one session. With the next session begins another key, and every older address and cookie is void.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Literal

from device_agent.page.control import BROWSER_ID
from device_agent.state_files import PAGE_KEY_FILE, write_state
from wire.errors import GleanerError

# key     the key in the address or the cookie: only the page itself, where the key becomes a cookie
# cookie  the cookie, or the key as `Authorization: Bearer`: looking
# act     like cookie, and the header X-Gleaner-Page, which no foreign page can send: changing something
# Which of the browsers may change what is the business of control.py.
Policy = Literal["key", "cookie", "act"]

PAGE_HEADER = "x-gleaner-page"
PROGRAM = "program"  # who sends the key itself: the operator's own program, which holds the printed address


class PageLocked(GleanerError):
    code = "page-locked"
    status = 401
    hint = "Open the address that the device printed when the session began; it carries the key."


class NotFromPage(GleanerError):
    code = "page-header-missing"
    status = 403
    hint = "Send the header X-Gleaner-Page: 1 with every request that changes something."


def new_key() -> str:
    """A fresh key of 192 random bits, safe in an address."""
    return secrets.token_urlsafe(24)


def session_key(folder: Path) -> str:
    """The key of the session that is journaled in a folder: made once, kept 0600, the same after a restart.

    Raises:
        StateUnwritable: the folder takes no file.
    """
    path = folder / PAGE_KEY_FILE
    if not path.exists():
        write_state(path, new_key().encode("ascii"))
    return path.read_text(encoding="ascii").strip()


@dataclass(frozen=True)
class PageGuard:
    """The page's lock. A cookie is derived from the key, so it outlives a restart of the agent with the same key.

    Each browser has a cookie of its own: an id, and a seal of that id by the key. A browser shares cookies between all
    ports of a machine, so the cookie's name carries the port.
    """

    key: str
    port: int

    @property
    def cookie_name(self) -> str:
        return f"gleaner_page_{self.port}"

    def cookie_value(self, browser: str) -> str:
        message = b"gleaner session page cookie " + browser.encode()
        return f"{browser}.{hmac.new(self.key.encode(), message, hashlib.sha256).hexdigest()}"

    def set_cookie(self, browser: str) -> str:
        return f"{self.cookie_name}={self.cookie_value(browser)}; Path=/; HttpOnly; SameSite=Lax"

    def is_key(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self.key.encode())

    def visitor(self, headers: Mapping[str, str]) -> str | None:
        """Who asks: the id of a browser by its cookie, PROGRAM by the key as a bearer token, None: nobody known."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_key(token.strip()):
            return PROGRAM
        try:
            jar = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return None
        cookie = jar.get(self.cookie_name)
        browser = cookie.value.partition(".")[0] if cookie is not None else ""
        if cookie is None or browser == PROGRAM or not BROWSER_ID.fullmatch(browser):
            return None
        known = hmac.compare_digest(cookie.value.encode("utf-8", "replace"), self.cookie_value(browser).encode())
        return browser if known else None

    def check(self, policy: Policy, headers: Mapping[str, str]) -> str:
        """Who asks. Raises: PageLocked, NotFromPage."""
        visitor = self.visitor(headers)
        if visitor is None:
            raise PageLocked("The session page opens only with its key.")
        if policy == "act" and headers.get(PAGE_HEADER) != "1":
            raise NotFromPage("This request changes something but does not come from the session page.")
        return visitor

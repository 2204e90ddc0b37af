"""The collector's own part of the shell: the names it answers under, and what its page may load."""

from __future__ import annotations

from urllib.parse import urlsplit

from collector.settings import Settings
from http_shell.hosts import Hosts, is_loopback

# Views set places and colours by style attributes; scripts, frames and other origins stay shut.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' blob:;"
    " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def page_policy(linked_media: str | None) -> str:
    """What the page may load.

    Args:
        linked_media: the address below which media may lie on another server.
    """
    if linked_media is None:
        return PAGE_POLICY
    policy = PAGE_POLICY
    for kind in ("media-src", "connect-src"):
        policy = policy.replace(f"{kind} 'self'", f"{kind} 'self' {linked_media}")
    return policy


def hosts_of(settings: Settings) -> Hosts:
    """Names a request may be for: the address bound and the public one, besides loopback."""
    names = {settings.host.lower()}
    if settings.public_url:
        names.add((urlsplit(settings.public_url).hostname or "").lower())
    return Hosts(frozenset(names), is_open=not is_loopback(settings.host))


def headers_of(settings: Settings) -> dict[str, str]:
    """The headers of every answer, in addition to those of the shell."""
    headers = {"content-security-policy": page_policy(settings.linked_media)}
    if settings.is_https:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return headers

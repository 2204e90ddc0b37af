"""Who is at the other end of a request, also behind a proxy."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from fastapi import Request

from collector.settings import Settings

LOCAL_PEERS = frozenset({"127.0.0.1", "::1", "localhost"})
LOCAL_NAMES = frozenset({"127.0.0.1", "[::1]", "localhost"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks directly: over loopback, by a loopback name, through no proxy."""
    if request.client is None or request.client.host not in LOCAL_PEERS:
        return False
    host = request.headers.get("host", "")
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return name.lower() in LOCAL_NAMES and not any(header in request.headers for header in FORWARDED)


def client_address(request: Request, trusted_proxies: tuple[str, ...]) -> str:
    """The address that a request comes from: the last one in X-Forwarded-For that is no trusted proxy.

    The header of anybody else is not believed.
    """
    address = request.client.host if request.client else ""
    forwarded = [piece.strip() for piece in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
    while address in trusted_proxies and forwarded:
        last = forwarded.pop()
        try:
            address = str(ipaddress.ip_address(last))
        except ValueError:
            break
    return address


def base_url(request: Request, settings: Settings) -> str:
    """The address under which the asking program reaches this collector, without a slash at the end.

    It is `public_url` for requests of that name or through a proxy, and else what the Host header says.
    """
    host = request.headers.get("host", "")
    if settings.public_url is not None:
        is_public = host.lower() == urlsplit(settings.public_url).netloc.lower()
        if is_public or any(header in request.headers for header in FORWARDED):
            return settings.public_url
    is_believed = request.client is not None and request.client.host in settings.trusted_proxies
    scheme = request.headers.get("x-forwarded-proto", "http") if is_believed else "http"
    return f"{'https' if scheme == 'https' else 'http'}://{host}"

"""Who is at the other end of a request, also behind proxies.

A proxy is believed if and only if its address is in the setting `trusted_proxies`. Of the addresses in its header the
client is the rightmost one that is no trusted proxy: what stands further left was written by the client itself.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from fastapi import Request

from collector.http.shell import hosts_of
from collector.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOCAL_NAMES = frozenset({"127.0.0.1", "[::1]", "localhost"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
MAX_HOPS = 32
_PAIR = re.compile(r'\s*(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*')


@dataclass(frozen=True)
class SeenClient:
    """`address`: of the client, else of the last known proxy. `scheme`, `host`: None where nothing is believed."""

    address: str
    scheme: str | None = None
    host: str | None = None


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks directly: over loopback, by a loopback name, through no proxy.

    Proxies add a header that says so, pass the public name on, or speak HTTP/1.0 (nginx without settings).
    """
    peer = _address(request.client.host) if request.client else None
    if peer is None or not peer.is_loopback or request.scope.get("http_version") == "1.0":
        return False
    host = request.headers.get("host", "")
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return name.lower() in LOCAL_NAMES and not any(header in request.headers for header in FORWARDED)


def seen_client(request: Request, settings: Settings) -> SeenClient:
    """The client as the trusted proxies on the way report it."""
    peer = request.client.host if request.client else ""
    networks = _networks(settings.trusted_proxies)
    if not _is_trusted(_address(peer), networks):
        return SeenClient(peer)
    if settings.proxy_header == "forwarded":
        hops = _forwarded_hops(",".join(request.headers.getlist("forwarded")))
        nearest = hops[-1] if hops else {}
        addresses = [hop.get("for", "") for hop in hops]
        scheme, host = nearest.get("proto"), nearest.get("host")
    else:
        addresses = _items(request, "x-forwarded-for")
        scheme, host = (next(reversed(_items(request, f"x-forwarded-{name}")), None) for name in ("proto", "host"))
    if host is not None and not hosts_of(settings).allow(host):
        host = None  # passed on from a client: nobody may choose the addresses that others are given
    return SeenClient(_client_of(peer, addresses, networks), scheme if scheme in ("http", "https") else None, host)


def client_address(request: Request, settings: Settings) -> str:
    """The address that a request comes from, by which attempts are counted."""
    return seen_client(request, settings).address


def base_url(request: Request, settings: Settings) -> str:
    """The address under which the asking program reaches this collector, without a slash at the end.

    It is `public_url` for requests of that name or through a proxy, and else what the Host header says.
    """
    host = request.headers.get("host", "")
    if settings.public_url is not None:
        is_public = host.lower() == urlsplit(settings.public_url).netloc.lower()
        if is_public or any(header in request.headers for header in FORWARDED):
            return settings.public_url
    seen = seen_client(request, settings)
    return f"{seen.scheme or request.scope.get('scheme', 'http')}://{seen.host or host}"


def _client_of(peer: str, addresses: list[str], networks: tuple[Network, ...]) -> str:
    """The rightmost address that is no trusted proxy; one that cannot be read ends the search before it."""
    client = peer
    for given in reversed(addresses[-MAX_HOPS:]):
        address = _address(given)
        if address is None:
            return client
        client = str(address)
        if not _is_trusted(address, networks):
            return client
    return client


def _is_trusted(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=16)
def _networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(one) for one in trusted)


def _items(request: Request, name: str) -> list[str]:
    """The items of a list header in order, however many lines it came in."""
    given = ",".join(request.headers.getlist(name))
    return [item.strip() for item in given.split(",")] if given else []


def _forwarded_hops(header: str) -> list[dict[str, str]]:
    """The elements of `Forwarded` (RFC 7239); one that is not well formed is empty."""
    hops = []
    for element in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^",])+', header):
        pairs = [_PAIR.fullmatch(pair) for pair in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^";])+', element)]
        read = {pair[1].lower(): _unquoted(pair) for pair in pairs if pair}
        hops.append(read if len(read) == len(pairs) else {})
    return hops


def _unquoted(pair: re.Match[str]) -> str:
    quoted: str | None = pair[2]
    return pair[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _address(given: str) -> Address | None:
    """An address with or without a port, an IPv4 one also where it is written as IPv6; None for anything else."""
    text = given.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address

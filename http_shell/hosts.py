"""The names under which a server answers. A foreign name that a web site points at this machine is refused."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from wire.errors import GleanerError

_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s\[\]:/\\@?#]+))(?::[0-9]{0,5})?")


class HostWrong(GleanerError):
    """The Host header has a name under which this server does not answer (DNS rebinding)."""

    code = "host-wrong"
    status = 421
    hint = "Use the address that `collector serve` or the device prints; for a collector, --public-url adds a name."


@dataclass(frozen=True)
class Hosts:
    """The names of one server. Any port is accepted: proxies and tunnels change it.

    Attributes:
        names: in lower case, besides those that mean this machine alone.
        is_open: it listens beyond loopback, so any bare address and the machine's own name are accepted, too. A web
            site cannot point these at another machine.
    """

    names: frozenset[str] = frozenset()
    is_open: bool = False

    def allow(self, header: str) -> bool:
        """Whether a request with this Host header is for this server."""
        name = host_name(header)
        if name is None:
            return False
        return name in self.names or is_loopback(name) or (self.is_open and _is_address_or_own_name(name))


def host_name(header: str) -> str | None:
    """The name in a Host header without its port and brackets, in lower case; None if there is none."""
    found = _HOST.fullmatch(header.strip())
    if found is None:
        return None
    return (found["address"] or found["name"]).lower().rstrip(".") or None


def is_loopback(name: str) -> bool:
    """Whether a host name or address, with or without brackets, means this machine alone."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address_or_own_name(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = socket.gethostname().lower().rstrip(".")
        return name in {own, f"{own.partition('.')[0]}.local"}
    return True

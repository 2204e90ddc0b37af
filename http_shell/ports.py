"""Ports of this machine that a server asks for."""

from __future__ import annotations

import errno
import os
import socket

from wire.errors import GleanerError, PortTaken


class AddressUnusable(GleanerError):
    """A server cannot listen at the address it was given."""

    code = "address-unusable"
    exit_code = 2
    hint = "Use 127.0.0.1, 0.0.0.0 for every network this machine is in, or an address of this machine."


def bind_port(host: str, port: int, *, backlog: int | None = None) -> socket.socket:
    """A socket bound to a port, which nobody else is given until it is closed.

    Args:
        port: 0 for a free one.
        backlog: how many connections may wait; None: it does not listen yet.

    Raises:
        PortTaken: another program listens there.
        AddressUnusable: the host is no address of this machine, or the port needs rights this process lacks.
    """
    if not 0 <= port <= 65535:
        raise AddressUnusable(f"{port} is not a port.", hint="Ports go from 0 to 65535.")
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise AddressUnusable(f"{host} is not an address of this machine.") from error
    family, kind, protocol, _, address = min(found, key=lambda row: row[0] != socket.AF_INET)
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        if backlog is not None:
            bound.listen(backlog)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"Port {port} on {host} is taken by another program.") from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise AddressUnusable(f"Port {port} on {host} cannot be used: {reason}.") from error
    return bound

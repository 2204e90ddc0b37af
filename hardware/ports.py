"""Ports of this machine: one for a process that is about to listen, and whether another program listens already."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from pathlib import Path

from wire.errors import PortTaken

FIRST = 10_100  # browsers open no page at 10080
GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_asked = itertools.count()


def free_port() -> int:
    """A port that nobody listens at, another one each time.

    It lies below those that the system gives to outgoing connections: a process that takes its time to come up, or
    that is ended and started again, finds it free. Processes that ask at the same time begin at different places.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        count = int(GIVEN_OUT.read_text(encoding="ascii").split()[0]) - FIRST
        for _ in range(count):
            port = FIRST + (37 * os.getpid() + next(_asked)) % count
            with contextlib.suppress(PortTaken):
                check_port(port)
                return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def check_port(port: int) -> None:
    """Raise PortTaken when another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(f"Port {port} on 127.0.0.1 is taken by another program.") from error

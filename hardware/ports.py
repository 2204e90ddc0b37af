"""Ports of this machine: one for a process that is about to listen, and whether another program listens already."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

from http_shell.ports import bind_port
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
    with bind_port("127.0.0.1", 0) as probe:
        found: int = probe.getsockname()[1]
        return found


def check_port(port: int) -> None:
    """Raises PortTaken: another program listens there; AddressUnusable: it is no port that this process may use."""
    bind_port("127.0.0.1", port).close()

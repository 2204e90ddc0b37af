"""Ports for processes that come up in a moment: nobody else's, and nobody's in between."""

from __future__ import annotations

import socket

import pytest

from hardware.ports import FIRST, GIVEN_OUT, check_port, free_port
from wire.errors import PortTaken


def test_a_free_port_is_another_one_each_time_and_none_that_a_connection_gets() -> None:
    first_given_out = int(GIVEN_OUT.read_text(encoding="ascii").split()[0])
    if first_given_out <= FIRST:
        pytest.skip("this system gives out every port by itself")
    found = [free_port() for _ in range(5)]
    assert len(set(found)) == 5 and all(FIRST <= port < first_given_out for port in found)
    for port in found:
        check_port(port)


def test_a_port_at_which_somebody_listens_is_taken() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other, pytest.raises(PortTaken, match="another program"):
        check_port(other.getsockname()[1])

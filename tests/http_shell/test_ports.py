"""A port is held from the moment it is asked for, or the reason is one sentence."""

from __future__ import annotations

import socket

import pytest

from http_shell.ports import AddressUnusable, bind_port
from wire.errors import PortTaken


@pytest.mark.parametrize("backlog", [None, 1])
def test_a_port_at_which_another_program_listens_is_taken(backlog: int | None) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken, match="taken by another program"):
            bind_port("127.0.0.1", other.getsockname()[1], backlog=backlog)


def test_a_bound_port_can_be_listened_at_by_a_server_that_shares_it() -> None:
    with bind_port("127.0.0.1", 0) as held, socket.socket() as listening:
        for option in (socket.SO_REUSEPORT, socket.SO_REUSEADDR):
            listening.setsockopt(socket.SOL_SOCKET, option, 1)
        listening.bind(held.getsockname())
        listening.listen()
        with pytest.raises(PortTaken):
            bind_port(*held.getsockname())


def test_no_second_listener_gets_the_port() -> None:
    with bind_port("127.0.0.1", 0, backlog=1) as first, pytest.raises(PortTaken):
        bind_port("127.0.0.1", first.getsockname()[1], backlog=1)


def test_an_empty_host_is_every_network() -> None:
    with bind_port("", 0) as bound:
        assert bound.getsockname()[0] in ("0.0.0.0", "::")


def test_a_name_with_two_addresses_is_taken_by_its_older_one() -> None:
    with bind_port("localhost", 0) as bound:
        assert bound.family == socket.AF_INET


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 70000)])
def test_an_address_of_another_machine_is_one_sentence(host: str, port: int) -> None:
    with pytest.raises(AddressUnusable) as caught:
        bind_port(host, port)
    assert caught.value.message.endswith(".")

"""The names under which a server answers."""

from __future__ import annotations

import socket

import pytest

from http_shell.hosts import Hosts, host_name, is_loopback

LOCAL = Hosts(frozenset({"gleaner.example.org"}))
OPEN = Hosts(is_open=True)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:8710", "localhost"),
        ("LOCALHOST", "localhost"),
        ("127.0.0.1:9", "127.0.0.1"),
        ("[::1]:8710", "::1"),
        ("[::1]", "::1"),
        ("evil.example.", "evil.example"),
        ("", None),
        (".", None),
        ("::1", None),
        ("[]:80", None),
        ("[::1", None),
        ("[::1]x", None),
        (":8710", None),
        ("a@127.0.0.1", None),
        ("127.0.0.1:x", None),
        ("local host", None),
        ("a/b", None),
    ],
)
def test_the_name_in_a_host_header(header: str, name: str | None) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize("hosts", [LOCAL, OPEN])
@pytest.mark.parametrize("host", ["localhost:8710", "127.0.0.1", "127.9.9.9:1", "[::1]:8710", "localhost:61000"])
def test_names_of_this_machine_alone_are_answered(hosts: Hosts, host: str) -> None:
    assert hosts.allow(host)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[", "\xff"])
def test_foreign_names_are_not(host: str) -> None:
    assert not LOCAL.allow(host)
    assert not OPEN.allow(host)


@pytest.mark.parametrize("host", ["192.168.1.9:8710", "[fe80::1]:8710", f"{socket.gethostname()}:8710"])
def test_addresses_and_the_machines_own_name_are_answered_beyond_loopback_only(host: str) -> None:
    assert OPEN.allow(host)
    assert not LOCAL.allow(host)


def test_a_name_of_its_own_is_answered() -> None:
    assert LOCAL.allow("Gleaner.example.org:443")
    assert not OPEN.allow("gleaner.example.org")


@pytest.mark.parametrize(
    ("name", "local"),
    [("localhost", True), ("127.0.0.5", True), ("::1", True), ("[::1]", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_what_means_this_machine(name: str, local: bool) -> None:
    assert is_loopback(name) is local

"""What systemd hears of a real service: ready, signs of life while it can write, none while it cannot, stopping."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.watchdog import notify_systemd, watchdog_seconds
from tests.collector.running import Collector
from tests.support.databases import only_sqlite


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(60)
        yield bound


def next_with(heard: socket.socket, start: str) -> str:
    """The next message that has a line like this."""
    while True:
        message = heard.recv(4096).decode()
        if any(line.startswith(start) for line in message.splitlines()):
            return message


@only_sqlite  # another program holds the file's write lock
def test_a_service_is_fed_while_it_can_write(tmp_path: Path, heard: socket.socket) -> None:
    running = Collector(tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1500000")
    running.start()
    try:
        assert next_with(heard, "READY=") == "READY=1"
        for _ in range(2):
            assert next_with(heard, "STATUS=") == "WATCHDOG=1\nSTATUS=Ready."
        with contextlib.closing(sqlite3.connect(running.data / "collector.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            while "WATCHDOG" in (message := next_with(heard, "STATUS=")):
                continue
            assert "Nothing could be written" in message
            other.execute("ROLLBACK")
        next_with(heard, "WATCHDOG=1")
    finally:
        running.stop()
    assert next_with(heard, "STOPPING=") == "STOPPING=1"


def test_an_abstract_socket_is_reached_and_a_missing_one_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0gleaner-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@gleaner-test-{os.getpid()}")
        notify_systemd("READY=1", "STATUS=x")
        assert bound.recv(100) == b"READY=1\nSTATUS=x"
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    notify_systemd("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("120000000", None, 120.0), ("120000000", "own", 120.0), ("120000000", "1", None), ("", None, None),
     ("0", None, None), ("soon", None, None)],
)  # fmt: skip
def test_the_time_that_systemd_allows(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert watchdog_seconds() == seconds

"""Ports for processes that come up in a moment: nobody else's, and nobody's in between."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hardware import ports
from hardware.ports import FIRST, check_port, free_port
from wire.errors import PortTaken


@pytest.mark.parametrize("given_out", ["32768\t60999\n", "1024\t65535\n", None])
def test_a_free_port_is_another_one_each_time_and_none_that_a_connection_gets(
    given_out: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives out every port by itself, or does not say which, any free one will do."""
    place = tmp_path / "range"
    if given_out is not None:
        place.write_text(given_out)
    monkeypatch.setattr(ports, "GIVEN_OUT", place)
    found = [free_port() for _ in range(5)]
    if given_out is not None and given_out.startswith("32768"):
        assert len(set(found)) == 5 and all(FIRST <= port < 32768 for port in found)
    for port in found:
        check_port(port)


def test_a_port_at_which_somebody_listens_is_taken() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other, pytest.raises(PortTaken, match="another program"):
        check_port(other.getsockname()[1])

"""The peer as a process, a spool in a folder, an uplink between them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device_agent.spool.spool import Spool
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.pairing import Credentials
from device_agent.uplink.uplink import Uplink, UplinkState
from tests.needs import ROOT
from tests.support import local_http
from wire.parent import bound


class PeerProcess:
    def __init__(self, port: int = 0) -> None:
        command = [sys.executable, "-m", "tests.device_agent.uplink.tus_peer", "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True, **bound())
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.port: int = said["port"]
        self.verify_key: str = said["verify_key"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = local_http.Client(base_url=self.url, trust_env=False, timeout=60)

    def faults(self, rows: list[dict[str, Any]]) -> None:
        self.http.post("/_peer/faults", json=rows)

    def mode(self, **mode: Any) -> None:
        self.http.post("/_peer/mode", json=mode)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.http.get("/_peer/state").json()
        return state

    def credentials(self) -> Credentials:
        return Credentials(
            device="dev-1", token="secret-token", url=self.url, verify_key=self.verify_key, collector="peer"
        )

    def end(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Line:
    """A spool, an uplink and every state the uplink told."""

    def __init__(self, root: Path, peer: PeerProcess, **options: Any) -> None:
        self.peer = peer
        self.spool = Spool(root, reserve_bytes=0)
        self.states: list[UplinkState] = []
        self.credentials = peer.credentials()
        options.setdefault("chance", lambda: 0.05)
        self.uplink = Uplink(self.spool, lambda: CollectorClient(self.credentials), self.states.append, **options)

    def wait_for(self, condition: Any, timeout: float = 60.0) -> None:
        """Sleep on the spool's changes until `condition()`; states are told without one, so look each 50 ms."""
        until = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < until, f"waited in vain; last state {self.uplink.state}"
            self.spool.wait(0.05)

    def end(self) -> None:
        assert self.uplink.stop(60)
        self.spool.close()


@pytest.fixture
def peer() -> Iterator[PeerProcess]:
    process = PeerProcess()
    yield process
    process.end()


@pytest.fixture
def line(tmp_path: Path, peer: PeerProcess) -> Iterator[Line]:
    made = Line(tmp_path / "spool", peer)
    yield made
    made.end()

"""`gleaner agent join CODE` on a real network: two machines as network namespaces joined by a cable (veth)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.installation import Installation
from tests.needs import need
from tests.support.waiting import until
from wire.authority import authority_pin
from wire.parent import bound

Service = subprocess.Popen[bytes]
# Speaks to the collector that was joined, and prints the code of what comes of it.
HEARTBEAT = """
import sys
from pathlib import Path
from device_agent.uplink.client import CollectorClient
from http_shell.answers import UplinkError
from device_agent.uplink.pairing import load
try:
    CollectorClient(load(Path(sys.argv[1]))).receipt("cap-1")
except UplinkError as error:
    print(error.code)
"""
GLEANER = [sys.executable, "-P", "-m", "gleaner"]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def cable() -> Iterator[tuple[list[str], list[str]]]:
    """How to run a command on each of two machines, 10.77.0.1 and 10.77.0.2."""
    need(shutil.which("ip"), "ip is missing: sudo make system (or apt-get install iproute2)")
    need(os.geteuid() == 0, "network namespaces need root: run the tests as root")
    names = [f"gleaner-{os.getpid()}-{side}" for side in "ab"]
    links = [f"gl{os.getpid() % 100_000}{side}" for side in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", links[0], "type", "veth", "peer", "name", links[1])
        for number, (name, link) in enumerate(zip(names, links, strict=True), 1):
            ip("link", "set", link, "netns", name)
            for words in (
                ("addr", "add", f"10.77.0.{number}/24", "dev", link), ("link", "set", link, "up"),
                ("link", "set", "lo", "up"),
            ):  # fmt: skip
                ip("-n", name, *words)
        yield (["ip", "netns", "exec", names[0]], ["ip", "netns", "exec", names[1]])
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def serve(where: list[str], folder: Path, *more: str, word: str = "Announced on the local network") -> Service:
    """A collector, once it has printed `word`: before that the network may not know of it."""
    log = folder / "log"
    with log.open("w") as file:
        service = subprocess.Popen(
            [*where, *GLEANER, "collector", "serve", "--data", str(folder / "data"), *more],
            stdout=file, stderr=file, **bound(),
        )  # fmt: skip
    until(lambda: word in log.read_text(), 60, f"the collector did not print: {word}")
    return service


def join(where: list[str], state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*where, *GLEANER, "agent", "join", *words, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def code_of(folder: Path, where: list[str]) -> str:
    done = subprocess.run(
        [*where, *GLEANER, "collector", "join-code", "--data", str(folder / "data"), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(done.stdout)["code"])


def test_a_device_finds_the_collector_of_its_network(cable: tuple[list[str], list[str]], tmp_path: Path) -> None:
    home, camera = cable
    nobody = join(camera, tmp_path / "device", "ABCD-2345")
    assert nobody.returncode == 2 and "No collector announces itself" in nobody.stderr
    service = serve(home, tmp_path, "--host", "0.0.0.0", "--insecure-http")
    try:
        code = code_of(tmp_path, home)
        # An announcement is no reason to send the code in the clear.
        refused = join(camera, tmp_path / "device", code)
        assert refused.returncode == 2 and "[join-insecure]" in refused.stderr
        joined = join(camera, tmp_path / "device", code, "--insecure")
        assert joined.returncode == 0, joined.stderr
        device = json.loads((tmp_path / "device" / "device.json").read_text())
        digits = device["verify_key"][:8]
        words = " ".join(joined.stderr.split())
        assert f"-{digits} at http://10.77.0.1:8700." in words
        assert f'-{digits}":' in (tmp_path / "log").read_text()
        assert device["url"] == "http://10.77.0.1:8700"
    finally:
        Installation.kill(service)


def test_a_device_joins_over_https_and_believes_nobody_else(cable: tuple[list[str], list[str]], tmp_path: Path) -> None:
    home, camera = cable
    state = tmp_path / "device"
    service = serve(home, tmp_path, "--host", "0.0.0.0")
    try:
        printed = subprocess.run(
            [*home, *GLEANER, "collector", "join-code", "--data", str(tmp_path / "data")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        code = printed.stdout.strip()
        assert len(code) == 44 and f"https://127.0.0.1:8700 {code}" in printed.stderr
        # Without the letters nothing says that it is the right collector, and the code stays here.
        refused = join(camera, state, code[:9])
        assert refused.returncode == 3 and "[join-untrusted]" in refused.stderr, refused.stderr
        # The last two letters check the others: a typing error is called one before anything is sent.
        typed = join(camera, state, f"{code[:-1]}{'A' if code[-1] != 'A' else 'B'}")
        assert typed.returncode == 2 and "[authority-letters-invalid]" in " ".join(typed.stderr.split()), typed.stderr
        wrong = join(camera, state, f"{code[:9]}-{authority_pin(b'another')}")
        assert wrong.returncode == 3 and "is not the collector that made this code" in " ".join(wrong.stderr.split())
        joined = join(camera, state, code)
        assert joined.returncode == 0, joined.stderr
        saved = json.loads((state / "device.json").read_text())
        assert saved["url"] == "https://10.77.0.1:8700"
        assert saved["authority"] == (tmp_path / "data" / "keys" / "authority.pem").read_text()
    finally:
        Installation.kill(service)
    # Another collector at the same address: the device believes its own one's authority alone.
    other = tmp_path / "other"
    other.mkdir()
    service = serve(home, other, "--host", "0.0.0.0")
    try:
        status = subprocess.run(
            [*camera, sys.executable, "-c", HEARTBEAT, str(state)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "collector-untrusted" in status.stdout, status.stdout + status.stderr
    finally:
        Installation.kill(service)


def test_two_collectors_are_listed_and_neither_is_chosen(cable: tuple[list[str], list[str]], tmp_path: Path) -> None:
    home, camera = cable
    services = []
    try:
        for number, more in enumerate(((), ("--public-url", "https://gleaner.example.org"))):
            folder = tmp_path / str(number)
            folder.mkdir()
            services.append(serve(home, folder, "--host", "10.77.0.1", "--port", str(8700 + number), *more))
        told = join(camera, tmp_path / "device", "ABCD-2345")
        words = " ".join(told.stderr.split())
        assert told.returncode == 2 and "[join-address-needed]" in words
        assert "2 collectors" in words and "https://10.77.0.1:8700" in words and "https://gleaner.example.org" in words
    finally:
        for service in services:
            Installation.kill(service)


@pytest.mark.parametrize("more", [("--host", "127.0.0.1"), ("--host", "0.0.0.0")])
def test_who_does_not_want_to_be_found_is_not(
    cable: tuple[list[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    """A collector of its own machine alone is never announced; another one is not when the setting says no."""
    if "0.0.0.0" in more:
        monkeypatch.setenv("GLEANER_COLLECTOR_ANNOUNCE", "false")
    home, camera = cable
    service = serve(home, tmp_path, *more, word="Collector at")
    try:
        told = join(camera, tmp_path / "device", "ABCD-2345")
        assert "No collector announces itself" in " ".join(told.stderr.split())
        assert "Announced" not in (tmp_path / "log").read_text()
    finally:
        Installation.kill(service)


def test_an_address_without_a_code_is_wrong_use(tmp_path: Path) -> None:
    told = join([], tmp_path / "device", "http://127.0.0.1:8700")
    assert told.returncode == 2 and "join code is missing" in " ".join(told.stderr.split())

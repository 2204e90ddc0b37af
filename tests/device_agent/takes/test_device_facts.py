"""What a device says of itself: read from the system's own files, and nothing that names a machine or a person."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from device_agent.takes.device_facts import device_facts, firmware_of_pi, pi_version, read_device_facts
from wire.version import installed_version

BOOT = "3f1c9ab2-7e64-4c2a-8b52-0d9a6c1e7f10"
PI = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/device-tree/serial-number": "10000000a1b2c3d4\0",
    "proc/sys/kernel/random/boot_id": f"{BOOT}\n",
    "proc/sys/kernel/osrelease": "6.6.51+rpt-rpi-2712\n",
    "proc/sys/kernel/hostname": "annas-kitchen\n",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
}
PC = {
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    "sys/class/dmi/id/product_name": "20XW\n",
    "sys/class/dmi/id/product_serial": "PF1234AB\n",
    "sys/class/dmi/id/product_uuid": "4c4c4544-0043-4a10-8052-b4c04f4d3432\n",
    "sys/class/dmi/id/bios_version": "N32ET75W (1.51 )\n",
    "usr/lib/os-release": "PRETTY_NAME=Fedora\n",
}
SAID = """2024/09/23 14:02:56
Copyright (c) 2012 Broadcom
version 26826259a2a7b1dc51ec2d26b8c6dbb3ce6a4fb1 (release) (embedded)
"""


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_raspberry_pi(tmp_path: Path) -> None:
    found = device_facts(machine(tmp_path, PI), SAID)
    assert found.to_json() == {
        "agent_version": installed_version(),
        "board": "Raspberry Pi 5 Model B Rev 1.0",
        "firmware": "2024/09/23 14:02:56 version 26826259 (release) (embedded)",
        "kernel": "6.6.51+rpt-rpi-2712",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "boot": BOOT,
    }


def test_a_pc(tmp_path: Path) -> None:
    found = device_facts(machine(tmp_path, PC), None)
    assert (found.board, found.firmware, found.os, found.boot) == ("LENOVO 20XW", "N32ET75W (1.51 )", "Fedora", None)


def test_tables_that_nobody_filled_in_say_nothing(tmp_path: Path) -> None:
    files = {
        "sys/class/dmi/id/sys_vendor": "To Be Filled By O.E.M.\n",
        "sys/class/dmi/id/product_name": "Default string\n",
        "sys/class/dmi/id/bios_version": "\n",
    }
    found = device_facts(machine(tmp_path, files), None)
    assert (found.board, found.firmware, found.os, found.kernel) == (platform.machine(), None, None, None)


@pytest.mark.parametrize("files", [PI, PC])
def test_nothing_that_names_the_machine_or_its_owner(tmp_path: Path, files: dict[str, str]) -> None:
    said = device_facts(machine(tmp_path, files), SAID if files is PI else None).model_dump_json()
    for secret in ("a1b2c3d4", "annas-kitchen", "0123456789abcdef", "PF1234AB", "4c4c4544", "26826259a2a7"):
        assert secret not in said


def test_long_and_strange_files_fit_a_manifest(tmp_path: Path) -> None:
    long = dict.fromkeys((*PI, *PC), "x" * 10000)
    found = device_facts(machine(tmp_path, long), "y" * 10_000)
    assert found.boot is None and all(len(str(value)) <= 200 for value in found.to_json().values())
    (tmp_path / "proc/device-tree/model").write_bytes(b"\xff\xfe\0")
    assert device_facts(tmp_path, None).board


def test_this_machine() -> None:
    found = read_device_facts()
    assert found.agent_version == installed_version() and found.board and found.kernel == platform.release()
    assert found.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert read_device_facts() is found, "read once"


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo version 1", "version 1\n"), ("exit 1", None), ("kill -9 $$", None), ("exec sleep 60", None)],
)
def test_the_pis_own_tool_may_fail_or_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str | None
) -> None:
    tool = tmp_path / "vcgencmd"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("device_agent.takes.device_facts.MAX_FIRMWARE_SECONDS", 2.0)
    assert firmware_of_pi() == said


def test_another_board_has_no_such_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert firmware_of_pi() is None


@pytest.mark.parametrize(
    ("said", "version"), [("", None), ("Copyright (c) Broadcom\n", None), ("version 1\n", "version 1")]
)
def test_what_the_tool_says_without_its_copyright(said: str, version: str | None) -> None:
    assert pi_version(said) == version

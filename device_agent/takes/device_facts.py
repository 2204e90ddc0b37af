"""What this device is, for the manifest of every capture: versions and the kind of board, nothing that names it.

Serial numbers, host names, network addresses and names of users are not read.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from wire.base import is_id
from wire.capture import MAX_FACT, DeviceFacts
from wire.version import installed_version

MAX_FIRMWARE_SECONDS = 3.0
_UNSET = {"", "unknown", "default string", "to be filled by o.e.m.", "system product name", "system manufacturer"}


@lru_cache(maxsize=1)
def read_device_facts() -> DeviceFacts:
    """Those of this machine, read once: none of them changes before the next start."""
    return device_facts(Path("/"), firmware_of_pi())


def device_facts(root: Path, pi_firmware: str | None) -> DeviceFacts:
    """
    Args:
        root: where `proc`, `sys` and `etc` are.
        pi_firmware: what `vcgencmd version` says, None on other boards.
    """
    dmi = root / "sys/class/dmi/id"
    boot = _text(root / "proc/sys/kernel/random/boot_id")
    named = (_filled_line(dmi / "sys_vendor"), _filled_line(dmi / "product_name"))
    firmware = pi_version(pi_firmware) if pi_firmware else _filled_line(dmi / "bios_version")
    return DeviceFacts(
        agent_version=installed_version(),
        board=_text(root / "proc/device-tree/model") or " ".join(filter(None, named)) or platform.machine() or None,
        firmware=firmware,
        kernel=_text(root / "proc/sys/kernel/osrelease"),
        os=_os_name(root),
        boot=boot if boot is not None and is_id(boot) else None,
    )


def pi_version(said: str) -> str | None:
    """`2024/09/23 14:02:56 version 26826259 (release)` of the lines of `vcgencmd version`, without the copyright."""
    lines = [line.strip() for line in said.splitlines()]
    kept = [
        re.sub(r"\b([0-9a-f]{8})[0-9a-f]{8,}\b", r"\1", line)
        for line in lines
        if line and "copyright" not in line.lower()
    ]
    return " ".join(kept)[:MAX_FACT] or None


def firmware_of_pi() -> str | None:
    """What the Raspberry Pi's own tool says; None on other boards, or where it does not answer."""
    tool = shutil.which("vcgencmd")
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, "version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MAX_FIRMWARE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _os_name(root: Path) -> str | None:
    for place in ("etc/os-release", "usr/lib/os-release"):
        text = _read(root / place)
        found = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', text or "", re.M)
        if found:
            return found[1].strip()[:MAX_FACT] or None
    return None


def _filled_line(path: Path) -> str | None:
    """A line of the machine's own tables, which makers leave unfilled more often than not."""
    text = _text(path)
    return None if text is None or text.lower() in _UNSET else text


def _text(path: Path) -> str | None:
    text = _read(path)
    return None if text is None else text.strip("\0\n ")[:MAX_FACT] or None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None

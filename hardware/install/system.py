"""Names, and as root installs, the Debian packages that a real microphone, speech and browser tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# package: (what shows that it is here, why)
PACKAGES = {
    "libportaudio2": ("/usr/lib/*/libportaudio.so.2", "a real microphone"),
    "espeak-ng": ("espeak-ng", "speech of the simulated participant (else the espeakng-loader wheel)"),
    "chromium": ("chromium", "browser tests"),
    "fonts-dejavu-core": ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "browser tests: text in screenshots"),
    "pulseaudio": ("pulseaudio", "microphone tests without a sound card"),
    "pulseaudio-utils": ("pacat", "microphone tests without a sound card"),
    "libatomic1": ("/usr/lib/*/libatomic.so.1", "browser tests: the Node.js that Playwright brings"),
    "postgresql": ("/usr/lib/postgresql/*/bin/postgres", "tests on PostgreSQL, with servers of their own"),
    "gcc": ("gcc", "make device: picamera2 builds two of its packages"),
    "python3-dev": ("/usr/include/python3*/Python.h", "make device"),
    "libcap-dev": ("/usr/include/sys/capability.h", "make device"),
    "strace": ("strace", "the test that nothing leaves the machine"),
    "systemd": ("systemd-analyze", "the test of the collector's systemd unit"),
    "iproute2": ("ip", "tests of the local network, in namespaces of their own"),
    "libasound2-plugins": ("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so", "the same tests"),
}


# The tests start servers of their own: the package need not make and start one for the machine.
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/gleaner.conf")


def is_here(sign: str) -> bool:
    if sign.startswith("/"):
        return any(Path("/").glob(sign.lstrip("/")))
    return shutil.which(sign) is not None


def main() -> int:
    missing = [name for name, (sign, _) in PACKAGES.items() if not is_here(sign)]
    for name, (_, why) in PACKAGES.items():
        sys.stdout.write(f"{'missing' if name in missing else 'here':8} {name:20} {why}\n")
    if not missing:
        return 0
    if os.geteuid() != 0:
        sys.stderr.write(f"As root: apt-get install --no-install-recommends {' '.join(missing)}\n")
        return 3
    if "postgresql" in missing:
        NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        NO_CLUSTER.write_text("create_main_cluster = false\n", encoding="ascii")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
    return subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, env=quiet
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())

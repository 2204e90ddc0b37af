"""What the first `make demo` of a fresh clone leaves on the disk: the checkout with `.venv`, and the home folder."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figure import Figure

ROOT = Path(__file__).resolve().parent.parent


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        home, clone = Path(folder) / "home", Path(folder) / "home" / "gleaner"
        home.mkdir()
        # By address, as the README has it: from a path git takes over everything that lies in this checkout.
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(clone)], check=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        subprocess.run(
            ["make", "demo", "ARGS=--once --port 0 --page-port 0"],
            cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        checkout = on_disk(clone)
        return [
            Figure("disk: .venv", on_disk(clone / ".venv"), "MB", 600),
            Figure("disk after the first make demo, checkout and home", checkout + on_disk(home, but=clone), "MB", 600),
        ]


def on_disk(folder: Path, but: Path | None = None) -> float:
    """Blocks taken, in MB; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        if but is not None and path.is_relative_to(but):
            continue
        about = path.lstat()
        seen[about.st_dev, about.st_ino] = about.st_blocks * 512
    return round(sum(seen.values()) / 1e6, 1)

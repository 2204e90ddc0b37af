"""What a collector, a session and the command line connect to and write to, seen by the kernel's tracer (strace).

Every process is traced: no address but the collector's, on loopback, is asked for by any socket, and no file is written
outside the folders that the commands were told of.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.ports import free_port
from prelabel.models.paths import cache_folder
from tests.end_to_end.installation import SHORT
from tests.needs import ROOT, need_program

CALLS = (
    "trace=connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,"
    "symlink,symlinkat"
)
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_APPEND|O_TRUNC")
LOOPBACK = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "(::1|::ffff:127\.)')
# Not files, or nothing that stays: what the kernel and the terminal offer, and shared memory of semaphores.
PASSING = ("/dev/", "/proc/", "/sys/", "/memfd:")


SESSION = """
set -eu
$GLEANER collector serve --data collector --port $PORT --ready-file ready &
service=$!
until [ -e ready ]; do sleep 0.1; done
$GLEANER collector user add ada --role lead --data collector
code=$($GLEANER collector join-code --data collector --json | sed 's/.*"code": "\\([^"]*\\)".*/\\1/')
$GLEANER agent join http://127.0.0.1:$PORT $code --state device
$GLEANER agent run $SCRIPT --state device --participant simulated --page-port 0 --json
$GLEANER collector report today --data collector
$GLEANER collector export --format jsonl --to export --data collector
kill $service
wait $service || true
"""


def traced(folder: Path, script: str, home: Path) -> list[str]:
    """The calls of a shell script and all its children, one line each."""
    strace = need_program("strace", "strace")
    out = folder / "trace"
    clean = {
        "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(folder / "tmp"), "PORT": str(free_port()),
        "SCRIPT": str(SHORT), "GLEANER_CACHE": str(cache_folder()), "GLEANER": f"{sys.executable} -P -m gleaner",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    clean |= {name: os.environ[name] for name in ("GLEANER_MODELS",) if name in os.environ}
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [strace, "-f", "-qq", "--seccomp-bpf", "-yy", "-s", "256", "-e", CALLS, "-o", str(out), "sh", "-c", script],
        capture_output=True, text=True, timeout=500, cwd=folder, env=clean, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out.read_text(encoding="utf-8", errors="replace").splitlines()


def outside_addresses(lines: list[str]) -> list[str]:
    """Calls that name an address of the internet family which is not this machine's own."""
    return [line for line in lines if re.search(r"sa_family=AF_INET6?\b", line) and not LOOPBACK.search(line)]


def written(lines: list[str], cwd: Path) -> Iterator[Path]:
    """Every path that was opened for writing, made, or renamed to, and succeeded."""
    for line in lines:
        call = re.search(r"\b(\w+)\((.*)\) += (-?\d+)", line)
        if call is None or int(call[3]) < 0:
            continue
        name, arguments = call[1], call[2]
        if name in ("open", "openat") and not WRITES.search(arguments):
            continue
        if name in ("connect", "sendto", "sendmsg", "sendmmsg"):
            continue
        texts = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
        folder = re.match(r"(?:AT_FDCWD|\d+)<([^>]*)>", arguments)
        if texts:
            yield Path(os.path.normpath(Path(folder[1] if folder else cwd) / texts[-1]))


def strays(lines: list[str], folder: Path) -> set[str]:
    inside = (folder, cache_folder())
    paths = {path for path in written(lines, folder) if not str(path).startswith(PASSING)}
    return {str(path) for path in paths if not any(path.is_relative_to(one) for one in inside) and path != Path("/dev")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_a_session_and_a_collector_reach_nobody_and_write_nowhere_else(tmp_path: Path, home: Path) -> None:
    lines = traced(tmp_path, SESSION, home)
    assert sum("connect(" in line and bool(LOOPBACK.search(line)) for line in lines) >= 3, "the tracer saw nothing"
    assert outside_addresses(lines) == []
    assert strays(lines, tmp_path) == set()
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_model_on_files_reaches_nobody(tmp_path: Path, home: Path) -> None:
    # Under a tracer a figure of the check may miss its limit: that is exit 1.
    check = "{ $GLEANER hardware check --seconds 1 || [ $? = 1 ]; }"
    lines = traced(tmp_path, f"$GLEANER prelabel check silero-vad && {check}", home)
    assert outside_addresses(lines) == []
    assert strays(lines, tmp_path) == set()
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("import socket; s = socket.socket(); s.settimeout(.2); s.connect_ex(('192.0.2.7', 443))", "192.0.2.7"),
        ("import socket; socket.socket(type=2).sendto(b'x', ('198.51.100.9', 53))", "198.51.100.9"),
    ],
)
def test_the_tracer_would_see_a_stranger(tmp_path: Path, code: str, seen: str) -> None:
    strace = need_program("strace", "strace")
    command = [strace, "-f", "-qq", "-yy", "-e", CALLS, "-o", str(tmp_path / "trace"), sys.executable, "-c", code]
    subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    found = outside_addresses((tmp_path / "trace").read_text().splitlines())
    assert any(seen in line for line in found)


def test_the_tracer_would_see_a_file_at_home(tmp_path: Path) -> None:
    strace = need_program("strace", "strace")
    code = (
        "import pathlib; pathlib.Path('/var/tmp/gleaner-stray').write_text('x'); pathlib.Path('here').write_text('x')"
    )
    command = [strace, "-f", "-qq", "-yy", "-e", CALLS, "-o", str(tmp_path / "trace"), sys.executable, "-c", code]
    subprocess.run(command, check=True, cwd=tmp_path)
    Path("/var/tmp/gleaner-stray").unlink()
    assert strays((tmp_path / "trace").read_text().splitlines(), tmp_path) == {"/var/tmp/gleaner-stray"}

"""The first commands on a stranger's machine: a proxy, a full disk, an interruption."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hardware.demo import Demo
from tests.needs import ROOT, need


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


def test_a_proxy_does_not_stand_before_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run = Demo(tmp_path, server.server_address[1], 0, "simulated", "simulated", "simulated")
        assert run._collector_answers()
        assert run._get("/api/tasks", "token") == {}
        server.shutdown()


@pytest.mark.parametrize("words", [("scripts", "list"), ("scripts", "show", "kitchen-greeting"), ("--help",)])
def test_a_full_disk_behind_standard_output(words: tuple[str, ...]) -> None:
    need(Path("/dev/full").exists(), "this machine has no /dev/full: run it on Linux")
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gleaner", *words],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, env=clean, check=False,
        )  # fmt: skip
    assert done.returncode == 3 and done.stderr.endswith("[output-unwritable]\n"), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_another_full_disk_is_not_taken_for_the_output(tmp_path: Path) -> None:
    """The sentence about the output would send the reader to the wrong disk."""
    full_elsewhere = "import gleaner\ndef stop():\n    raise OSError(28, 'No space left on device')\n"
    (tmp_path / "trial.py").write_text(full_elsewhere + "gleaner.app = stop\ngleaner.main()\n")
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, str(tmp_path / "trial.py")],
            cwd=ROOT, stdout=out, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert done.returncode == 1 and "No space left" in done.stderr and "output-unwritable" not in done.stderr


@pytest.mark.parametrize("words", [("hardware/install/bootstrap.py",), ("collector/web/build.py", "--force")])
def test_an_interrupted_installation_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    interrupted = "import shutil\ndef stop(*words, **more):\n    raise KeyboardInterrupt\n"
    (tmp_path / "sitecustomize.py").write_text(interrupted + "shutil.disk_usage = shutil.which = stop\n")
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "interrupted" in done.stderr

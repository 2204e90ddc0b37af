"""The first commands on a stranger's machine: a proxy, a full disk, an interruption."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from collector.local_service import ServiceNotAnswering
from hardware.installation import Installation, Restarts, SilenceTimer
from hardware.processes import Child, ChildFailed, call
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
        run = Installation(tmp_path, server.server_address[1], 0, "simulated", "simulated", "simulated")
        assert run.collector_answers()
        assert run.get("/api/tasks", "token") == {}
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


def test_an_interruption_while_modules_are_imported_ends_with_130(tmp_path: Path) -> None:
    """Dataclasses are made by an `exec` of text: Python would end by the signal, whatever was caught and printed."""
    made = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)"
    (tmp_path / "trial.py").write_text(
        "import gleaner\n"
        f"def work():\n    try:\n        exec({made!r})\n"
        "    except KeyboardInterrupt:\n        raise SystemExit(130) from None\n"
        "gleaner.app = work\ngleaner.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "trial"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 130


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


def test_a_command_that_failed_is_reported_in_its_own_words_and_code(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed) as told:
        call("agent", "run", "kitchen-greeting", "--state", str(tmp_path / "nobody"))
    assert told.value.code == "not-joined" and told.value.exit_code == 3
    assert "[" not in str(told.value)


def sleeper(tmp_path: Path, code: str) -> Child:
    return Child("device", [sys.executable, "-c", code], tmp_path / "child.log")


def test_a_killed_process_is_started_again_three_times_and_then_explained(tmp_path: Path) -> None:
    restarts = Restarts()
    child = sleeper(tmp_path, "import time; time.sleep(600)")
    child.process.kill()
    child.process.wait()
    for _ in range(3):
        assert restarts.check(child) == "The device process was ended from outside (SIGKILL)."
    with pytest.raises(ChildFailed, match=r"started again 3 times.*child\.log"):
        restarts.check(child)
    child.end()


def test_a_process_that_gave_a_reason_is_not_started_again(tmp_path: Path) -> None:
    child = sleeper(
        tmp_path, "import sys; sys.exit(print('No camera. Plug one in. [sensor-missing]', file=sys.stderr) or 3)"
    )
    child.process.wait()
    with pytest.raises(ChildFailed) as told:
        Restarts().check(child)
    assert (str(told.value), told.value.code, told.value.exit_code) == ("No camera. Plug one in.", "sensor-missing", 3)
    child.end()


def test_a_silent_collector_is_given_time() -> None:
    now = 0.0
    patience = SilenceTimer(30, clock=lambda: now)
    log = Path("collector.log")
    patience.silent("http://127.0.0.1:1", log)
    now = 29.0
    patience.silent("http://127.0.0.1:1", log)
    patience.answered()
    now = 70.0
    patience.silent("http://127.0.0.1:1", log)
    now = 101.0
    with pytest.raises(ServiceNotAnswering, match="has not answered for 30 s"):
        patience.silent("http://127.0.0.1:1", log)


def test_the_version_is_that_of_the_project() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gleaner", "--version"], capture_output=True, text=True, check=True
    )
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert done.stdout == f"gleaner {tomllib.load(file)['project']['version']}\n"


def test_make_alone_lists_every_goal() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for goal in ("demo", "test", "bench", "lint", "system", "device", "clean-demo"):
        assert f"  make {goal} " in listed


def test_a_fresh_clone_has_a_page_that_needs_no_building(tmp_path: Path) -> None:
    """No Node.js for a visitor: the built page is committed with the sources that it was built from."""
    need((ROOT / ".git").exists(), "this is no checkout: run the tests in a clone")
    clone = tmp_path / "clone"
    words = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)]
    subprocess.run(words, check=True, capture_output=True)
    ask = "import sys; sys.path.insert(0, 'collector/web'); import build; print(build.is_built(), build.DIST)"
    done = subprocess.run([sys.executable, "-c", ask], cwd=clone, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", str(clone / "collector" / "web" / "dist")]
    assert (clone / "collector" / "web" / "dist" / "index.html").is_file()

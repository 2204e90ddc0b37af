"""How long others wait while the collector is attacked: 100,000 captures, four leads who list sessions, strangers and
an annotator who send what is far too long, senders that fall silent.

    python -m benchmarks attack          this checkout
    python -m benchmarks.attack FOLDER   the code in another checkout, to compare

Each attack runs ten seconds in a process of its own; meanwhile `/api/health` is asked every 20 ms by one connection.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import multiprocessing
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from benchmarks.figure import Figure
from wire.parent import bound

ROOT = Path(__file__).resolve().parent.parent
SESSIONS, CAPTURES = 1_000, 100_000
SECONDS, TIMEOUT_SECONDS = 10.0, 20.0
SILENT = 300
START_SECONDS = 120.0
MAX_P99_MS = 100.0
JSON = {"Content-Type": "application/json"}
_SESSION = (
    "INSERT INTO session (id, study, script_id, script_version, script_sha256, device_id, participant, home, consent,"
    " state, revision, record, started_at) VALUES (?, 'study', 's', '1', '', 'dev', 'p', 'h', 'c', 'finished', 1, '{}',"
    " ?)"
)
_TAKE = (
    "INSERT INTO take (id, session_id, step, attempt, kind, state, prompt, opened_us, opened_at, record)"
    " VALUES (?, ?, 'step', 1, 'say', 'closed', '', 0, '2026-01-01T10:00:00.000000Z', '{}')"
)
_CAPTURE = (
    "INSERT INTO capture (id, take_id, session_id, device_id, medium, sensor, step, attempt, consent, complete, state,"
    " manifest, manifest_sha256, bytes, opened_us, wall_at, received_at) VALUES (?, ?, ?, 'dev', 'image', 'camera',"
    " 'step', 1, 'c', 1, 'opened', ?, '', 1000, 0, '2026-01-01T10:00:00.000000Z', '2026-01-01T10:00:00.000000Z')"
)


def measure(code: Path = ROOT) -> list[Figure]:
    """The 99th percentile of `/api/health` under each attack, and what lists and metrics take."""
    with tempfile.TemporaryDirectory() as name, serving(code, Path(name)) as port:
        figures = [
            Figure(f"{path}, {CAPTURES:,} captures", round(typical(port, path, who)), "ms", MAX_P99_MS)
            for path, who in (("/api/sessions", "lead"), ("/api/reports/today", "lead"), ("/metrics", ""))
        ]
        for what, attack in ATTACKS.items():
            waits = under(port, attack)
            slow = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
            figures.append(Figure(f"health while {what}, 99th percentile", round(slow), "ms", MAX_P99_MS))
        return figures


@contextmanager
def serving(code: Path, folder: Path) -> Iterator[int]:
    """A collector of that code over full data; yields its port."""
    stop(*start(code, folder))
    fill(folder / "data" / "collector.db")
    process, port = start(code, folder)
    try:
        yield port
    finally:
        stop(process, port)


def start(code: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    words = ["collector", "serve", "--port", "0", "--ready-file", str(ready), "--data", str(folder / "data")]
    process = subprocess.Popen(
        [sys.executable, "-m", "gleaner", *words],
        cwd=code,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **bound({**os.environ, "PYTHONPATH": str(code)}),
    )
    end = time.monotonic() + START_SECONDS
    while not (ready.exists() and ready.stat().st_size) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    return process, int(json.loads(ready.read_text())["url"].rsplit(":", 1)[1])


def stop(process: subprocess.Popen[bytes], _port: int) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def fill(database: Path) -> None:
    """Rows by SQL alone, so that any version's schema takes them."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev', 'd', 'm', 'h', '2026')")
        for role in ("lead", "annotator"):
            db.execute("INSERT INTO person (id, name, role, created_at) VALUES (?, ?, ?, '2026')", (role, role, role))
            token = hashlib.sha256(role.encode()).hexdigest()
            db.execute(
                "INSERT INTO token (hash, person_id, kind, created_at) VALUES (?, ?, 'api', '2026')", (token, role)
            )
        days = (f"2026-01-{1 + n % 28:02}T10:00:00.000000Z" for n in range(SESSIONS))
        db.executemany(_SESSION, ((f"ses-{n}", day) for n, day in enumerate(days)))
        db.executemany(_TAKE, ((f"take-{n}", f"ses-{n % SESSIONS}") for n in range(CAPTURES)))
        manifest = json.dumps({"filled": "x" * 1000})
        rows = ((f"cap-{n}", f"take-{n}", f"ses-{n % SESSIONS}", manifest) for n in range(CAPTURES))
        db.executemany(_CAPTURE, rows)


def asked(port: int, method: str, path: str, who: str = "", body: bytes = b"") -> int:
    """One request on a connection of its own; returns the status, 0 when the connection ended or nothing came."""
    headers = {**JSON, **({"Authorization": f"Bearer {who}"} if who else {})}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request(method, path, body=body or None, headers=headers)
        reply = connection.getresponse()
        reply.read()
        return reply.status
    return 0


def typical(port: int, path: str, who: str) -> float:
    """Milliseconds, the median of five; of one that never came, as long as was waited."""
    waits: list[float] = []
    while len(waits) < 5 and not (waits and waits[-1] > TIMEOUT_SECONDS * 500):
        began = time.monotonic()
        asked(port, "GET", path, who)
        waits.append((time.monotonic() - began) * 1000)
    return statistics.median(waits)


def under(port: int, attack: Callable[[int], None]) -> list[float]:
    """Milliseconds of every `/api/health` while the attack runs, sorted."""
    attacker = multiprocessing.get_context("spawn").Process(target=attack, args=(port,))
    attacker.start()
    waits: list[float] = []
    time.sleep(2.0)  # until it has begun
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        began = time.monotonic()
        asked(port, "GET", "/api/health")
        waits.append((time.monotonic() - began) * 1000)
        time.sleep(0.02)
    attacker.kill()
    attacker.join()
    return sorted(waits)


def _repeat(times: int, port: int, method: str, path: str, who: str, body: bytes = b"") -> None:
    def go() -> None:
        while True:
            asked(port, method, path, who, body)

    threads = [threading.Thread(target=go) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def list_sessions(port: int) -> None:
    _repeat(4, port, "GET", "/api/sessions", "lead")


def send_long_bodies(port: int) -> None:
    body = b'{"a":[' + b",".join([b"{}"] * 5_500_000) + b"]}"
    _repeat(1, port, "POST", "/api/tasks/next", "", body[: 16 * 2**20 - 3])


def fall_silent(port: int) -> None:
    held = []
    head = b"POST /api/tasks/next HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    for _ in range(SILENT):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(head + b"Content-Length: 1000\r\n\r\n{")
        held.append(connection)
    time.sleep(TIMEOUT_SECONDS)


def _submit(labels: int) -> bytes:
    rows = [
        {"id": f"n{n}", "kind": "box", "label": "cup", "x": 1.5, "y": 1, "width": 5, "height": 5} for n in range(labels)
    ]
    document = {"schema": 1, "capture": "cap-1", "source": {"kind": "person", "name": "x"}, "labels": rows}
    submit = {"fence": 1, "submit": "0b5c7a7e-6f39-4c0a-8d2b-0a6f5f6f9c11", "opened_at": "2026-01-01T10:00:00Z"}
    return json.dumps({**submit, "documents": [document]}).encode()


def submit_too_many(port: int) -> None:
    _repeat(1, port, "POST", "/api/tasks/none/submit", "annotator", _submit(100_000))


def submit_very_many(port: int) -> None:
    _repeat(1, port, "POST", "/api/tasks/none/submit", "annotator", _submit(19_000))


ATTACKS: dict[str, Callable[[int], None]] = {
    "four leads list the sessions": list_sessions,
    "a stranger sends 16 MiB of JSON": send_long_bodies,
    f"{SILENT} strangers fall silent": fall_silent,
    "an annotator submits 100,000 labels": submit_too_many,
    "an annotator submits 19,000 labels": submit_very_many,
}


if __name__ == "__main__":
    for figure in measure(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT):
        print(f"{figure.name}: {figure.shown}")

"""A collector and a device as real processes over loopback HTTP, killed and started again as a test likes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psutil

from hardware.ports import free_port
from tests.support import local_http, warm
from tests.support.waiting import until

SHORT = Path(__file__).parent / "short.yaml"


class Installation:
    """Folders, ports and processes of one test; `close` ends what still runs, by process id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.collector_data = folder / "collector"
        self.state = folder / "device"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.collector: warm.Warm | None = None
        self.agent: warm.Warm | None = None
        self._token = ""

    # ---------------------------------------------------------------- commands
    def run(
        self, *words: str, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **(env or {})}
        done = warm.installations().run(words, env=environment, timeout=300, cwd=str(self.folder))
        assert not check or done.returncode == 0, done.stderr
        return done

    def start_collector(self) -> None:
        words = ["collector", "serve", "--data", str(self.collector_data), "--port", str(self.port)]
        with (self.folder / "collector.log").open("ab") as log:
            self.collector = warm.installations().start(words, stdout=log, stderr=log, env=os.environ)
        until(self._collector_is_up, why=(self.folder / "collector.log").read_text())

    def _collector_is_up(self) -> bool:
        assert self.collector is not None
        assert self.collector.poll() is None, (self.folder / "collector.log").read_text()
        with contextlib.suppress(httpx.HTTPError):
            return local_http.get(f"{self.url}/api/ready", timeout=1).status_code == 200
        return False

    def join(self) -> None:
        code = json.loads(self.run("collector", "join-code", "--data", str(self.collector_data), "--json").stdout)
        self.run("agent", "join", self.url, code["code"], "--state", str(self.state), "--name", "test camera")

    def start_agent(self, script: str = str(SHORT), *more: str) -> None:
        words = [
            "agent", "run", script, "--state", str(self.state), "--participant", "simulated", "--page-port", "0",
            "--json", *more,
        ]  # fmt: skip
        with (self.folder / "agent.out").open("wb") as out, (self.folder / "agent.log").open("ab") as log:
            self.agent = warm.installations().start(words, stdout=out, stderr=log, env=os.environ)

    def finish_agent(self, seconds: float = 300.0, code: int = 0) -> dict[str, Any]:
        """Wait for the agent to end by itself with this exit code; its JSON line."""
        assert self.agent is not None
        assert self.agent.wait(seconds) == code, (self.folder / "agent.log").read_text()
        facts: dict[str, Any] = json.loads((self.folder / "agent.out").read_text().strip().splitlines()[-1])
        return facts

    def log(self, name: str = "agent") -> str:
        return (self.folder / f"{name}.log").read_text()

    # ---------------------------------------------------------------- faults and ends
    @staticmethod
    def kill(process: subprocess.Popen[Any] | warm.Warm | None) -> None:
        """kill -9 the process and its children, as a power cut takes them all."""
        if process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            # A child may be at the disk when it is killed, and holds the port and the data until it is gone.
            psutil.wait_procs(family[1:], timeout=60)
        process.wait()

    def close(self) -> None:
        self.kill(self.agent)
        self.kill(self.collector)

    # ---------------------------------------------------------------- looking
    def token(self) -> str:
        if not self._token:
            data = ("--data", str(self.collector_data))
            self.run("collector", "user", "add", "lead", "--role", "lead", *data)
            self._token = self.run("collector", "user", "token", "lead", *data).stdout.strip().splitlines()[-1]
        return self._token

    def get(self, path: str) -> Any:
        reply = local_http.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token()}"}, timeout=20)
        reply.raise_for_status()
        return reply.json() if "json" in reply.headers["content-type"] else reply.content

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return local_http.post(
            f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {self.token()}"}, timeout=20
        )

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Rows of the collector's database, read beside it."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement)]

    def database(self) -> Path:
        return next(self.collector_data.glob("*.db"))

    def journal(self) -> list[dict[str, Any]]:
        path = next((self.state / "sessions").glob("*/journal.jsonl"))
        return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]

    def original(self, capture: str) -> str:
        """sha256 of the bytes the collector gives back for a capture."""
        return hashlib.sha256(self.get(f"/api/captures/{capture}/original")).hexdigest()


def session_page(log: str) -> str | None:
    for line in log.splitlines():
        if "Session page: " in line:
            return line.split("Session page: ")[1].strip()
    return None

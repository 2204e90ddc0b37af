"""A real collector process over loopback, and a device and people that talk to it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from collector.local_service import ask
from collector.settings import Settings
from collector.store.sql import Row
from tests.collector.samples import Sample, session_record
from tests.support import local_http, warm
from tests.support.databases import address_of, environment_of, migrated, rows_of
from tests.support.waiting import until
from wire.device import Receipt

ROOT = Path(__file__).resolve().parent.parent.parent


def noon() -> str:
    """A time zone (TZ) in which it is noon: what a test does is done on one day there, whenever it runs."""
    return f"NOON{datetime.now(UTC).hour - 12:+d}"


# The same for a collector and the commands beside it.
ZONE = noon()


@contextlib.contextmanager
def in_zone(zone: str) -> Iterator[None]:
    """This process lives in that time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


class Collector:
    """`gleaner collector serve` on a free port, started again as often as a test kills it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.data = folder / "data"
        self._ready = folder / "ready.json"
        self._log = folder / "collector.log"
        self._environment = environment
        self.port = 0
        self.process: warm.Warm | None = None
        self._held: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return warm.collectors().run(self._words(*words), env=self.environment(), timeout=60)

    def _words(self, *words: str) -> list[str]:
        return ["collector", *words, "--data", str(self.data)]

    def environment(self) -> dict[str, str]:
        """Of its commands."""
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path, "TZ": ZONE, **environment_of(self.data), **self._environment}

    def start(self) -> None:
        if not self.data.exists():
            migrated(self.data)
        self._ready.unlink(missing_ok=True)
        words = self._words("serve", "--port", str(self.port), "--ready-file", str(self._ready), "-v")
        with self._log.open("ab") as log:
            self.process = warm.collectors().start(words, stdout=log, stderr=log, env=self.environment())

        def ready() -> bool:
            assert self.process is not None and self.process.poll() is None, self.log
            return self._ready.exists()

        until(ready)
        # Not the address for people, which may be that of a proxy.
        self.port = int(json.loads((self.data / "service.json").read_text())["url"].rsplit(":", 1)[1])
        if self._held is not None:
            self._held.close()
            self._held = None

    def kill(self) -> None:
        """kill -9 of the one process a person knows."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        return self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        self._hold_port()
        return code

    def _hold_port(self) -> None:
        """Nobody else is given this port while no service listens there; the next start can have it all the same."""
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", self.port))

    def ask(self, verb: str, **given: str) -> dict[str, Any]:
        """What `gleaner collector join-code` and `user …` ask of the running service, without a process for each."""
        master = self._environment.get("GLEANER_COLLECTOR_MASTER_KEY")
        settings = Settings(data=self.data, database=address_of(self.data), master_key=Path(master) if master else None)
        return ask(settings, verb, given)

    def rows(self, statement: str, **values: object) -> list[Row]:
        """Rows of its database, read beside it."""
        with rows_of(self.data) as conn:
            return conn.execute(statement, values).all()

    def change(self, statement: str, **values: object) -> int:
        """Change its database beside it; returns how many rows that changed."""
        with rows_of(self.data) as conn:
            return conn.execute(statement, values).rowcount

    def device(self) -> DeviceClient:
        code = self.ask("join-code")["code"]
        reply = local_http.post(
            f"{self.url}/api/devices/join",
            json={"schema": 1, "code": code, "device": {"name": "d", "model": "m", "agent_version": "0"}},
        )
        assert reply.status_code == 201, reply.text
        return DeviceClient(self, reply.json())

    def person(self, name: str, role: str) -> httpx.Client:
        """A client that carries a bearer token of a new person."""
        self.ask("user-add", name=name, role=role)
        token = self.ask("user-token", name=name)["token"]
        return local_http.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def new_link(self, name: str, role: str = "annotator") -> str:
        """A new person's link into the page."""
        self.ask("user-add", name=name, role=role)
        link: str = self.ask("user-link", name=name)["url"]
        return link

    def holder(self, name: str, capture: str) -> tuple[httpx.Client, list[dict[str, Any]]]:
        """A new annotator who takes tasks until one of this capture is there, and the tasks."""
        person = self.person(name, "annotator")
        tasks: list[dict[str, Any]] = []

        def is_given() -> bool:
            have = [task["id"] for task in tasks]
            reply = person.post("/api/tasks/next", json={"client": "page", "have": have, "count": 5})
            tasks.extend(reply.json()["tasks"])
            return any(row["id"] == capture for task in tasks for row in task["captures"])

        until(is_given)
        return person, tasks


class DeviceClient:
    """The wire side of a device: tus by hand, so that a test can do it wrong."""

    def __init__(self, collector: Collector, joined: dict[str, Any]) -> None:
        self.collector = collector
        self.id: str = joined["device"]
        self.token: str = joined["token"]
        self.verify_key: str = joined["verify_key"]

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0", **more.pop("headers", {})}
        url = path if path.startswith("http") else f"{self.collector.url}{path}"
        return local_http.request(method, url, headers=headers, timeout=30, **more)

    def create(self, capture: str, part: str, length: int | None, **more: Any) -> httpx.Response:
        pairs = (("capture", capture), ("part", part))
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs)
        headers = {"Upload-Metadata": metadata, **more.pop("headers", {})}
        headers |= {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        return self.call("POST", "/api/uploads", headers=headers, **more)

    def head(self, location: str) -> httpx.Response:
        return self.call("HEAD", location)

    def offset(self, location: str) -> int:
        return int(self.head(location).headers["Upload-Offset"])

    def patch(
        self, location: str, offset: int, data: bytes, *, checksum: bool = True, **headers: str
    ) -> httpx.Response:
        sent = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        if checksum:
            sent["Upload-Checksum"] = "sha256 " + base64.b64encode(hashlib.sha256(data).digest()).decode()
        return self.call("PATCH", location, headers=sent | headers, content=data)

    def send_part(self, capture: str, part: str, data: bytes) -> str:
        created = self.create(capture, part, len(data))
        assert created.status_code == 201, created.text
        location: str = created.headers["Location"]
        at = int(created.headers["Upload-Offset"])
        if at < len(data):
            reply = self.patch(location, at, data[at:])
            assert reply.status_code == 204, reply.text
        return location

    def put_manifest(self, one: Sample, raw: bytes | None = None) -> httpx.Response:
        return self.call("PUT", f"/api/captures/{one.id}/manifest", content=raw or one.raw_manifest)

    def send(self, one: Sample) -> None:
        """All of a capture, and the consent of its session where no record has come yet."""
        session = one.manifest.session
        record = json.dumps(session_record(self.id, [], session, 0).to_json())
        reply = self.call("PUT", f"/api/sessions/{session}", content=record)
        assert reply.status_code == 200, reply.text
        for name, data in one.parts.items():
            self.send_part(one.id, name, data)
        reply = self.put_manifest(one)
        assert reply.status_code == 202, reply.text

    def receipt(self, capture: str) -> httpx.Response:
        return self.call("GET", f"/api/captures/{capture}/receipt")

    def settled(self, capture: str, seconds: float = 60.0) -> httpx.Response:
        """The receipt's answer once it is not pending."""
        return until(lambda: None if (reply := self.receipt(capture)).status_code == 202 else reply, seconds)

    def received(self, capture: str) -> Receipt:
        reply = self.settled(capture)
        assert reply.status_code == 200, reply.text
        return Receipt.read(reply.content)

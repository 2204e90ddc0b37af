"""One installation on this machine as processes: a collector and one device, started, watched, started again, ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from collector.local_service import Service, ServiceNotAnswering, ask_service, find_service
from collector.settings import Settings
from hardware.ports import check_port, free_port
from hardware.processes import Child, ChildFailed, call, gleaner
from wire.errors import GleanerError

NEEDED_MIB = 300
CONTROL_SHARE = "GLEANER_COLLECTOR_CONTROL_SHARE"
START_SECONDS = 60.0
SILENCE_SECONDS = 60.0
PAGE_WAIT_SECONDS = 10.0


class DiskTooFull(GleanerError):
    code = "demo-no-room"
    exit_code = 3
    hint = "Free space there, or name another folder with --data."


@dataclass
class Installation:
    """Where the data are, which sensors the device uses, and the processes that are up."""

    data: Path
    port: int
    page_port: int
    camera: str
    microphone: str
    participant: str
    script: str = "kitchen-greeting"
    children: list[Child] = field(default_factory=list)

    @property
    def collector_data(self) -> Path:
        return self.data / "collector"

    @property
    def device_state(self) -> Path:
        return self.data / "device"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ---------------------------------------------------------------- starting
    def choose_ports(self) -> None:
        """Ports and disk space are checked before anything starts. Raises: PortTaken, DiskTooFull."""
        self.port = self.port or free_port()
        self.page_port = self.page_port or free_port()
        for port in (self.port, self.page_port):
            check_port(port)
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self.data).free // (1 << 20)
        if free < NEEDED_MIB:
            raise DiskTooFull(f"The disk is too full: {free} MiB are free at {self.data}, {NEEDED_MIB} are needed.")

    def start_collector(self) -> Child:
        """Raises: ChildFailed, in the words of the collector itself."""
        child = Child(
            "collector",
            gleaner("collector", "serve", "--data", str(self.collector_data), "--port", str(self.port)),
            self.data / "logs" / "collector.log",
            # Who tries the demo wants to see pre-labels, on every item.
            environment={CONTROL_SHARE: os.environ.get(CONTROL_SHARE, "0")},
        )
        self.children.append(child)
        child.wait_until(lambda: self._service() is not None and self.collector_answers(), START_SECONDS)
        return child

    def join_device(self) -> None:
        """Pair the device with a join code, unless an earlier run did."""
        if not (self.device_state / "device.json").exists():
            code = self._ask("join-code")["code"]
            call("agent", "join", self.url, code, "--state", str(self.device_state), "--name", "demo camera")

    def start_device(self, *, wait_for_page: bool = False) -> Child:
        """Run one session, or go on with the one that was interrupted.

        With `wait_for_page` a simulated participant begins once somebody has opened the session page, or after
        PAGE_WAIT_SECONDS.
        """
        child = Child(
            "device",
            gleaner(
                "agent", "run", self.script, "--state", str(self.device_state), "--collector", self.url,
                "--camera", self.camera, "--microphone", self.microphone, "--participant", self.participant,
                "--page-port", str(self.page_port), "--json",
                *(("--wait-for-page", f"{PAGE_WAIT_SECONDS:g}") if wait_for_page else ()),
            ),
            self.data / "logs" / "device.log",
            capture=True,
        )  # fmt: skip
        self.children.append(child)
        return child

    def end(self) -> None:
        """End every process; a second Ctrl-C on the way does not leave one behind."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        for child in self.children:
            child.ask_to_end()
        for child in reversed(self.children):
            child.end()

    # ---------------------------------------------------------------- people
    def add_lead(self, name: str) -> None:
        if name not in [row["name"] for row in self._ask("user-list")["users"]]:
            self._ask("user-add", name=name, role="lead")

    def page_link(self, name: str) -> str:
        """A link that opens the review page once."""
        return str(self._ask("user-link", name=name)["url"])

    def token(self, name: str) -> str:
        return str(self._ask("user-token", name=name)["token"])

    def _ask(self, verb: str, **given: str) -> dict[str, Any]:
        """What `gleaner collector …` asks a running service, without a process for each question."""
        service = self._service()
        if service is None:
            raise ServiceNotAnswering(f"No collector runs at {self.url}.")
        return ask_service(service, self._settings.keys, verb, given)

    @property
    def _settings(self) -> Settings:
        return Settings(data=self.collector_data, port=self.port)

    def _service(self) -> Service | None:
        """The service of this run; an earlier one may have left its address behind."""
        service = find_service(self._settings)
        return service if service is not None and service.url == self.url else None

    # ---------------------------------------------------------------- looking
    def get(self, path: str, token: str) -> Any:
        """Raises: httpx.HTTPError."""
        # Straight to this machine: a proxy of the environment does not reach it, and there are no certificates to load.
        headers = {"Authorization": f"Bearer {token}"}
        reply = httpx.get(f"{self.url}{path}", headers=headers, timeout=10, trust_env=False, verify=False)
        reply.raise_for_status()
        return reply.json()

    def tasks(self, token: str, session: str | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("/api/tasks", token)["tasks"]
        return [row for row in rows if session is None or row["session"] == session]

    def session(self, token: str, session: str) -> dict[str, Any]:
        record: dict[str, Any] = self.get(f"/api/sessions/{session}", token)["record"]
        return record

    def collector_answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/ready", timeout=1, trust_env=False, verify=False).status_code == 200
        except httpx.HTTPError:
            return False


def session_page(device: Child) -> str:
    """The address of the session page, empty until this run of the device has printed it."""
    found = re.search(r"Session page: (\S+)", device.logged())
    return found[1] if found else ""


class Restarts:
    """Starts a killed process again, a few times.

    A process that ended without being killed has given its reason, which would be the same again.
    """

    MAX_RESTARTS = 3

    def __init__(self) -> None:
        self._count = 0

    def check(self, child: Child) -> str:
        """Why a process that has ended is started again, as a sentence.

        Raises:
            ChildFailed: it was not killed, or was killed too often.
        """
        why = child.ending()
        code = child.process.returncode
        if code is None or code >= 0:
            raise ChildFailed.from_output(child.logged(), code, why)
        self._count += 1
        if self._count > self.MAX_RESTARTS:
            raise ChildFailed(
                f"{why} It has been started again {self.MAX_RESTARTS} times.", hint=f"Look into {child.log}."
            )
        return why


class SilenceTimer:
    """Lets a service be silent for a while: it may be starting again, or the machine may be busy."""

    def __init__(self, seconds: float = SILENCE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since: float | None = None

    def answered(self) -> None:
        self._since = None

    def silent(self, url: str, log: Path) -> None:
        """Raises ServiceNotAnswering once it has been silent for too long."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        if now - self._since > self._seconds:
            raise ServiceNotAnswering(
                f"The collector at {url} has not answered for {self._seconds:.0f} s.", hint=f"Look into {log}."
            )

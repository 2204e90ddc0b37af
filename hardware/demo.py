"""A whole installation on one machine, as processes: collector, one device, one guided session, the review page.

It does nothing that the `gleaner` commands cannot do by hand (docs/first-session.md); it calls them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from hardware.ports import check_port, free_port
from hardware.processes import Child, ChildFailed, call, gleaner, last_line
from prelabel.catalogue import available, choose, fetch
from wire.errors import GleanerError

people = Console(stderr=True, soft_wrap=True)
app = typer.Typer(add_completion=False)

NEEDED_MIB = 300
START_SECONDS = 60.0
SESSION_SECONDS = 900.0
SETTLE_SECONDS = 60.0


class NoRoom(GleanerError):
    code = "demo-no-room"
    exit_code = 3
    hint = "Make room, or name another folder with --data."


@dataclass
class Demo:
    """One run of the demo: where things are and which processes are up."""

    data: Path
    port: int
    page_port: int
    camera: str
    microphone: str
    participant: str
    children: list[Child] = field(default_factory=list)

    @property
    def collector_data(self) -> Path:
        return self.data / "collector"

    @property
    def device_state(self) -> Path:
        return self.data / "device"

    @property
    def link_words(self) -> str:
        """What a person types after `gleaner` for another page link."""
        return f"collector user link demo --data {self.collector_data}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ---------------------------------------------------------------- steps
    def prepare(self) -> None:
        """Ports, room and models, each checked before anything starts."""
        self.port = self.port or free_port()
        self.page_port = self.page_port or free_port()
        for port in (self.port, self.page_port):
            check_port(port)
        self.data.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.data).free // (1 << 20)
        if free < NEEDED_MIB:
            raise NoRoom(f"There is no room on the disk: {free} MiB are free at {self.data}, {NEEDED_MIB} are needed.")
        wanted = [choose("people"), choose("objects"), choose("speech")]
        if self.camera == "simulated":
            wanted += ["photo-person", "photo-cup"]
        for name in dict.fromkeys(wanted):
            pull(name)

    def start_collector(self) -> None:
        with people.status("Starting the collector …"):
            child = Child(
                "collector",
                gleaner("collector", "serve", "--data", str(self.collector_data), "--port", str(self.port)),
                self.data / "logs" / "collector.log",
            )
            self.children.append(child)
            child.wait_until(self._collector_answers, START_SECONDS)

    def join_device(self) -> None:
        """Pair the device with a join code, unless it was paired by an earlier run."""
        if (self.device_state / "device.json").exists():
            return
        code = json.loads(call("collector", "join-code", "--data", str(self.collector_data), "--json"))["code"]
        call("agent", "join", self.url, code, "--state", str(self.device_state), "--name", "demo camera")

    def reviewer_link(self) -> str:
        """A page link for the demo's lead; the account is made once."""
        data = ("--data", str(self.collector_data))
        names = [row["name"] for row in json.loads(call("collector", "user", "list", *data, "--json"))["users"]]
        if "demo" not in names:
            call("collector", "user", "add", "demo", "--role", "lead", *data)
        return call("collector", "user", "link", "demo", *data).strip().splitlines()[-1]

    def token(self) -> str:
        return call("collector", "user", "token", "demo", "--data", str(self.collector_data)).strip().splitlines()[-1]

    def start_agent(self) -> Child:
        child = Child(
            "device",
            gleaner(
                "agent", "run", "kitchen-greeting", "--state", str(self.device_state), "--collector", self.url,
                "--camera", self.camera, "--microphone", self.microphone, "--participant", self.participant,
                "--page-port", str(self.page_port), "--json",
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

    # ---------------------------------------------------------------- looking
    def tasks(self, token: str, session: str | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._get("/api/tasks", token)["tasks"]
        return [row for row in rows if session is None or row["session"] == session]

    def session(self, token: str, session: str) -> dict[str, Any]:
        record: dict[str, Any] = self._get(f"/api/sessions/{session}", token)["record"]
        return record

    def _get(self, path: str, token: str) -> Any:
        reply = httpx.get(
            f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False
        )
        reply.raise_for_status()
        return reply.json()

    def _collector_answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/ready", timeout=1, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def pull(name: str) -> None:
    """Fetch an item of the catalogue with a progress line; nothing is shown for what is already here."""
    if available(name):
        return
    with people.status(f"Fetching {name} …") as status:

        def progress(done: int, total: int | None) -> None:
            size = f" of {total / 1e6:.1f}" if total else ""
            status.update(f"Fetching {name} … {done / 1e6:.1f}{size} MB")

        fetch(name, progress)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="One session to its end, one JSON line, exit.")] = False,
    camera: Annotated[str, typer.Option(help="simulated, opencv:0, picamera2:0 or a video file.")] = "simulated",
    microphone: Annotated[str, typer.Option(help="simulated, sounddevice:default or a sound file.")] = "simulated",
    participant: Annotated[
        str | None, typer.Option(help="person or simulated; by default simulated, a person with real sensors.")
    ] = None,
    data: Annotated[Path, typer.Option(envvar="GLEANER_DEMO_DATA", help="Where the demo keeps its data.")] = Path(
        ".gleaner/demo"
    ),
    port: Annotated[int, typer.Option(help="Port of the collector, 0 for any free one.")] = 8700,
    page_port: Annotated[int, typer.Option(help="Port of the session page, 0 for any free one.")] = 8710,
    browser: Annotated[bool, typer.Option(help="Open the pages where there is a display.")] = True,
) -> None:
    """A whole installation on this machine: collector, one device, one guided session, the review page."""
    began = time.monotonic()
    for name in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal ends the demo as Ctrl-C does
        if signal.getsignal(name) != signal.SIG_IGN:  # nohup asked to go on
            signal.signal(name, signal.default_int_handler)
    live = any(spec.partition(":")[0] in ("opencv", "picamera2", "sounddevice") for spec in (camera, microphone))
    who = participant or ("person" if live and not once else "simulated")
    run = Demo(data.absolute(), port, page_port, camera, microphone, who)
    try:
        run.prepare()
        run.start_collector()
        run.join_device()
        if once:
            typer.echo(json.dumps(run_once(run, began)))
        else:
            stay(run, browser)
    except KeyboardInterrupt:
        people.print("\nStopping. The data stay in " + str(run.data) + "; `make clean-demo` forgets them.")
    finally:
        run.end()


def run_once(run: Demo, began: float) -> dict[str, Any]:
    """One session from end to end; the JSON line that docs/first-session.md describes."""
    with people.status("The session is running …"):
        agent = run.start_agent()
        link, token = run.reviewer_link(), run.token()
        try:
            agent.process.wait(SESSION_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ChildFailed("The session did not end in time.", hint=f"Look into {agent.log}.") from error
    printed = last_line(agent.output())
    if not printed.startswith("{"):
        raise ChildFailed(last_line(agent.said()) or "The device ended without a word.")
    facts = json.loads(printed)
    tasks, first_task_seconds = settled(run, token, facts["session"])
    return {
        "session": facts["session"],
        "takes": facts["takes"],
        "captures": facts["captures"],
        "bytes": facts["bytes"],
        "prelabels": facts["prelabels"],
        "tasks": len(tasks),
        "lost": facts["lost"],
        "seconds": round(time.monotonic() - began, 3),
        "playing_seconds": facts["playing_seconds"],
        "first_task_seconds": first_task_seconds,
        "frames_dropped": facts["frames_dropped"],
        "agent_peak_mib": round(agent.peak_bytes / (1 << 20), 1),
        "url": link,
    }


def settled(run: Demo, token: str, session: str) -> tuple[list[dict[str, Any]], float | None]:
    """The tasks of a session once every closed take has its own, and the seconds from the first one's take to it."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        closed = {take["take"]: take for take in run.session(token, session)["takes"] if take["state"] == "closed"}
        tasks = sorted(run.tasks(token, session), key=lambda row: str(row["created_at"]))
        if len(tasks) >= sum(len(take["reviews"]) for take in closed.values()) or time.monotonic() > until:
            break
        time.sleep(0.1)
    if not tasks:
        return tasks, None
    made = datetime.fromisoformat(tasks[0]["created_at"])
    return tasks, round((made - datetime.fromisoformat(closed[tasks[0]["take"]]["closed_at"])).total_seconds(), 3)


def stay(run: Demo, browser: bool) -> None:
    """Show the session page, then the review page, and keep everything up until Ctrl-C."""
    agent = run.start_agent()
    link, token = run.reviewer_link(), run.token()
    agent.wait_until(lambda: "Session page" in agent.said(), START_SECONDS)
    page = session_page(agent)
    people.print(f"\n  Session page   {page}")
    people.print(f"  Review page    {link}")
    people.print(f"                 works once; another: {gleaner_program()} {run.link_words}")
    display = browser and has_display()
    if not display:
        forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in (run.port, run.page_port))
        people.print(f"  From elsewhere ssh {forwards} {os.environ.get('USER', 'user')}@{socket.gethostname()}")
    people.print("  Stop           Ctrl-C\n")
    if display and page:
        webbrowser.open(page)
    told = opened = False
    while True:
        tasks = run.tasks(token)
        waiting = [row for row in tasks if row["state"] == "open"]
        if waiting and not opened:
            opened = True
            people.print(f"The first task is in the queue: {link}")
            if display:
                webbrowser.open(link)
        if not agent.running and not told:
            told = True
            people.print(ending(agent, len(waiting)))
        time.sleep(0.5)


def session_page(agent: Child) -> str | None:
    """The address that the agent printed, with the key of its session."""
    found = re.search(r"http://\S+\?key=\S+", agent.said())
    return found.group() if found is not None else None


def ending(agent: Child, waiting: int) -> str:
    printed = last_line(agent.output())
    if not printed.startswith("{"):
        return last_line(agent.said()) or "The device ended without a word."
    facts = json.loads(printed)
    return (
        f"The session is over: {facts['takes']} takes, {facts['lost']} lost, {waiting} tasks wait for a person. "
        "The review page stays up until Ctrl-C."
    )


def gleaner_program() -> Path:
    """The `gleaner` of this installation, which need not be on the person's PATH."""
    return Path(sys.executable).parent / "gleaner"


def has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

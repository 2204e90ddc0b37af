"""`gleaner demo`: a whole installation on one machine: collector, one device, one guided session, the review page.

It does nothing that the `gleaner` commands cannot do by hand (docs/first-session.md).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from hardware.installation import PAGE_WAIT_SECONDS, START_SECONDS, Installation, Restarts, SilenceTimer, session_page
from hardware.processes import Child, ChildFailed, last_line
from prelabel.models.catalogue import (
    CacheUnwritable,
    ModelTask,
    ModelUnavailable,
    available,
    choose,
    download_candidates,
    fetch,
)
from scripts import load
from wire.interrupted import interrupt

people = Console(stderr=True, soft_wrap=True)
app = typer.Typer(add_completion=False)

LEAD = "demo"
SESSION_SECONDS = 900.0
TASKS_SECONDS = 60.0
MODEL_SECONDS = 60.0  # for a model that the demo can do without


@contextlib.contextmanager
def doing(what: str) -> Iterator[Callable[[str], None]]:
    """Show what is going on: a spinner in a terminal, else one line. Gives a function that changes the words."""
    if not people.is_terminal:
        people.print(f"{what} …")
        yield lambda _: None
        return
    with people.status(f"{what} …") as status:
        yield lambda words: status.update(f"{words} …")


def pull(name: str, seconds: float | None = None) -> None:
    """Download an item of the catalogue; nothing is shown for what is already here."""
    if available(name):
        return
    with doing(f"Downloading {name}") as change:

        def progress(done: int, total: int | None) -> None:
            size = f" of {total / 1e6:.1f}" if total else ""
            change(f"Downloading {name}: {done / 1e6:.1f}{size} MB")

        fetch(name, progress, seconds)


def pull_first(names: list[str], failed: set[str]) -> None:
    """Download the first of these models that can be had, which stays in the cache; the demo goes on without them."""
    for name in names:
        if name in failed:
            continue
        try:
            pull(name, MODEL_SECONDS)
            return
        except (ModelUnavailable, CacheUnwritable) as error:
            failed.add(name)
            people.print(
                f"{error.message} The demo goes on with another model; `gleaner prelabel pull {name}` tries again."
            )


def prepare(run: Installation) -> None:
    """Script, ports, disk space and models, each checked before anything starts."""
    load(run.script)
    run.choose_ports()
    failed: set[str] = set()
    tasks: tuple[ModelTask, ...] = ("people", "objects", "speech")
    for task in tasks:
        pull_first(download_candidates(task), failed)
    wanted = [choose(task) for task in tasks]
    if run.camera == "simulated":
        wanted += ["photo-person", "photo-cup"]
    for name in dict.fromkeys(wanted):
        pull(name)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="One session to its end, one JSON line, exit.")] = False,
    script: Annotated[
        str, typer.Option(help="A shipped script's name or your own YAML file (`gleaner scripts new` writes one).")
    ] = "kitchen-greeting",
    camera: Annotated[str, typer.Option(help="simulated, opencv:0, picamera2:0 or a video file.")] = "simulated",
    microphone: Annotated[str, typer.Option(help="simulated, sounddevice:default or a sound file.")] = "simulated",
    participant: Annotated[
        str | None,
        typer.Option(help="person or simulated.", show_default="simulated; person when a real sensor is used"),
    ] = None,
    data: Annotated[Path, typer.Option(envvar="GLEANER_DEMO_DATA", help="Folder of the demo's data.")] = Path(
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
            signal.signal(name, interrupt)
    live = any(spec.partition(":")[0] in ("opencv", "picamera2", "sounddevice") for spec in (camera, microphone))
    who = participant or ("person" if live and not once else "simulated")
    run = Installation(data.absolute(), port, page_port, camera, microphone, who, script)
    try:
        prepare(run)
        with doing("Starting the collector"):
            collector = run.start_collector()
            run.join_device()
            run.add_lead(LEAD)
        if once:
            typer.echo(json.dumps(run_once(run, began)))
            people.print("The collector has ended. `gleaner demo` starts it again and shows these tasks.")
        else:
            Stay(run, collector, browser=browser and has_display()).until_interrupted()
    except KeyboardInterrupt:
        people.print(f"\nStopping. Data kept in {run.data}; delete with `make clean-demo`.")
    finally:
        run.end()


def run_once(run: Installation, began: float) -> dict[str, Any]:
    """One session from end to end; the JSON line that docs/first-session.md describes."""
    with doing("The session is running"):
        device = run.start_device()
        token = run.token(LEAD)
        try:
            device.process.wait(SESSION_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ChildFailed("The session did not end in time.", hint=f"Look into {device.log}.") from error
    facts = result_of(device)
    if facts is None:
        raise ChildFailed.from_output(device.logged(), device.process.returncode, device.ending())
    with doing("Waiting for the last task"):
        tasks, first_task_seconds = wait_for_tasks(run, token, facts["session"])
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
        "agent_peak_mib": round(device.peak_bytes / (1 << 20), 1),
        "url": run.page_link(LEAD),
    }


def wait_for_tasks(run: Installation, token: str, session: str) -> tuple[list[dict[str, Any]], float | None]:
    """The tasks of a session once every closed take has its own, and the seconds from the first one's take to it."""
    until = time.monotonic() + TASKS_SECONDS
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


def result_of(device: Child) -> dict[str, Any] | None:
    """What a run of the device came to, None when it ended without its line of JSON."""
    printed = last_line(device.output())
    facts: dict[str, Any] | None = json.loads(printed) if printed.startswith("{") else None
    return facts


class Stay:
    """The pages' addresses first, then the session, then the review, until Ctrl-C."""

    def __init__(self, run: Installation, collector: Child, *, browser: bool) -> None:
        self._run = run
        self._collector = collector
        self._browser = browser
        self._token = run.token(LEAD)
        self._restarts = {"collector": Restarts(), "device": Restarts()}
        self._silence = SilenceTimer()
        self._device: Child | None = None
        self._shown_first_task = False

    def until_interrupted(self) -> None:
        page = self._begin_session()
        self._show_links(page)
        while True:
            self._watch_collector()
            waiting = self._open_tasks()
            if waiting and not self._shown_first_task:
                self._shown_first_task = True
                self._show_first_task()
            if self._device is not None and not self._device.running:
                self._session_ended(self._device, waiting)
            if self._device is None and enter_was_pressed():
                people.print(f"  Session page   {self._begin_session()}")
            time.sleep(0.5)

    def _begin_session(self) -> str:
        """Start the device; gives the address of its session page, which is opened where there is a display."""
        with doing("Starting the device"):
            self._device = device = self._run.start_device(wait_for_page=True)
            device.wait_until(lambda: bool(session_page(device)), START_SECONDS)
        address = session_page(device)
        if self._browser:
            webbrowser.open(address)
        return address

    def _show_links(self, page: str) -> None:
        run = self._run
        people.print(f"\n  Session page   {page}")
        people.print(f"  Review page    {run.page_link(LEAD)}")
        program = Path(sys.executable).parent / "gleaner"  # it need not be on the person's PATH
        people.print("                 single use; for a new link run:")
        people.print(f"                 {program} collector user link {LEAD} --data {run.collector_data}")
        if not self._browser:
            forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in (run.port, run.page_port))
            people.print(f"  From elsewhere ssh {forwards} {os.environ.get('USER', 'user')}@{socket.gethostname()}")
        people.print("  Stop           Ctrl-C\n")
        if run.participant == "simulated":
            people.print(
                f"The simulated participant begins once the session page is open, or after {PAGE_WAIT_SECONDS:g} s."
            )

    def _watch_collector(self) -> None:
        if self._collector.running:
            return
        why = self._restarts["collector"].check(self._collector)
        people.print(f"{why} Starting it again; nothing that it has confirmed is lost.")
        self._collector = self._run.start_collector()

    def _open_tasks(self) -> list[dict[str, Any]]:
        try:
            tasks = self._run.tasks(self._token)
        except httpx.HTTPError:
            self._silence.silent(self._run.url, self._collector.log)
            return []
        self._silence.answered()
        return [row for row in tasks if row["state"] == "open"]

    def _show_first_task(self) -> None:
        link = self._run.page_link(LEAD)
        people.print(f"The first task is in the queue: {link}")
        if self._browser:
            webbrowser.open(link)

    def _session_ended(self, device: Child, waiting: list[dict[str, Any]]) -> None:
        facts = result_of(device)
        self._device = None
        if facts is not None:
            people.print(
                f"The session is over: {facts['takes']} takes, {facts['lost']} lost, {len(waiting)} tasks to review. "
                "The review page stays up until Ctrl-C."
            )
            if sys.stdin.isatty():
                people.print("Press Enter to run another session.")
            return
        try:
            why = self._restarts["device"].check(device)
        except ChildFailed as failure:
            people.print(f"{failure} [{failure.code}]", markup=False)
            people.print("The review page stays up until Ctrl-C; `gleaner demo` starts the session again.")
            return
        people.print(f"{why} Starting it again; the session continues at the same step.")
        people.print(f"  Session page   {self._begin_session()}")


def enter_was_pressed() -> bool:
    """Whether the person at the terminal has asked for another session."""
    if not sys.stdin.isatty():
        return False
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and sys.stdin.readline() != ""


def has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

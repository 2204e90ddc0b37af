"""`gleaner agent`: join a collector, run a session, say how things stand."""

from __future__ import annotations

import json
import platform
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from device_agent import spool_cli
from device_agent.settings import AgentSettings, default_state, read_settings
from wire.device import DeviceInfo
from wire.interrupted import interrupt
from wire.version import installed_version

if TYPE_CHECKING:
    from device_agent.spool.spool import Spool
    from device_agent.uplink.uplink import Uplink
    from wire.script import Plan


app = typer.Typer(no_args_is_help=True, help="The smart camera: join a collector, run a session.")
app.add_typer(spool_cli.app, name="spool")
people = Console(stderr=True)

State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="GLEANER_STATE",
        help="Folder of the device's token, journal and spool.",
        show_default="~/.local/share/gleaner/agent",
    ),
]
DEFAULT_STATE = default_state()


def _load_config(ctx: typer.Context, path: Path | None) -> Path | None:
    if path is not None:
        found = read_settings(path, {parameter.name or "" for parameter in ctx.command.params})
        several = {parameter.name for parameter in ctx.command.params if getattr(parameter, "multiple", False)}
        ctx.default_map = {
            name: [value] if name in several and isinstance(value, str) else value for name, value in found.items()
        }
    return path


@app.command()
def join(
    address: Annotated[
        str,
        typer.Argument(
            metavar="[ADDRESS]",
            help="Address of the collector, e.g. http://127.0.0.1:8700. Without it the local network is searched.",
        ),
    ],
    code: Annotated[
        str | None,
        typer.Argument(metavar="CODE", help="What `gleaner collector join-code` printed.", show_default=False),
    ] = None,
    state: State = DEFAULT_STATE,
    name: Annotated[str, typer.Option(envvar="GLEANER_NAME", help="How people call this device.")] = platform.node(),
    insecure: Annotated[
        bool, typer.Option(help="Allow plain http to another machine (a trusted network only).")
    ] = False,
) -> None:
    """Make this device known to a collector with a join code; saves the token in the state folder.

    Without ADDRESS the collector of the local network is used: one that listens beyond its machine announces itself.
    What still waits on the device stays, under the id it was recorded with, and is sent to this collector.
    """
    from device_agent.joining import join_again

    info = DeviceInfo(name=name or "camera", model=platform.machine() or "unknown", agent_version=installed_version())
    if code is None:
        address, code = _announced_address(address), address
    credentials, waiting = join_again(address, code, info, state, insecure=insecure)
    people.print(f"Joined {credentials.collector} as {credentials.device}.")
    if waiting:
        people.print(f"{waiting} captures wait here; `gleaner agent deliver` sends them, and so does the next session.")


def _announced_address(code: str) -> str:
    """The address of the one collector that announces itself. Nothing is sent to it yet."""
    if "/" in code or ":" in code:
        raise typer.BadParameter("The join code is missing.", param_hint="CODE")
    from device_agent.uplink.discovery import find_the_collector

    with people.status("Searching the local network …"):
        found = find_the_collector()
    people.print(f"Found {found.name} at {found.url}.", markup=False)
    return found.url


@app.command()
def run(
    script: Annotated[
        str, typer.Argument(help="A shipped script's name or a YAML file.", envvar="GLEANER_SCRIPT")
    ] = "kitchen-greeting",
    state: State = DEFAULT_STATE,
    collector: Annotated[
        str | None, typer.Option(envvar="GLEANER_COLLECTOR", help="The collector's address, when it has moved.")
    ] = None,
    camera: Annotated[
        str, typer.Option(envvar="GLEANER_CAMERA", help="simulated, a file, opencv:0, picamera2:0, none.")
    ] = "simulated",
    microphone: Annotated[
        str, typer.Option(envvar="GLEANER_MICROPHONE", help="simulated, a file, sounddevice:default, none.")
    ] = "simulated",
    participant: Annotated[
        str, typer.Option(envvar="GLEANER_PARTICIPANT", help="person (follows the page) or simulated.")
    ] = "person",
    wait_for_page: Annotated[
        float,
        typer.Option(
            envvar="GLEANER_WAIT_FOR_PAGE",
            min=0,
            help="Seconds a simulated participant waits for somebody to open the session page.",
        ),
    ] = 0.0,
    pseudonym: Annotated[
        str | None,
        typer.Option(envvar="GLEANER_PSEUDONYM", help="Of the participant, never a name; otherwise this device's own."),
    ] = None,
    home: Annotated[
        str | None, typer.Option(envvar="GLEANER_HOME", help="Pseudonym of the home; otherwise this device's own.")
    ] = None,
    page_host: Annotated[
        str, typer.Option(envvar="GLEANER_PAGE_HOST", help="Address the session page listens on.")
    ] = "127.0.0.1",
    page_port: Annotated[int, typer.Option(envvar="GLEANER_PAGE_PORT", help="0 takes any free one.")] = 8710,
    models: Annotated[bool, typer.Option(envvar="GLEANER_PRELABELS", help="Pre-label on the device.")] = True,
    video_model: Annotated[
        str | None,
        typer.Option(
            envvar="GLEANER_VIDEO_MODEL",
            help="A detector to follow things on video with, by name, package folder or file; else the catalogue's.",
        ),
    ] = None,
    still_model: Annotated[
        list[str] | None,
        typer.Option(envvar="GLEANER_STILL_MODEL", help="The same for stills: any model of pictures. Repeatable."),
    ] = None,
    sound_model: Annotated[
        list[str] | None,
        typer.Option(
            envvar="GLEANER_SOUND_MODEL",
            help="A tagger, keyword spotter or recogniser for sound, or another model of speech. Repeatable.",
        ),
    ] = None,
    bandwidth: Annotated[
        int | None, typer.Option(envvar="GLEANER_BANDWIDTH", help="Upload limit in bytes a second.")
    ] = None,
    deliver_seconds: Annotated[
        float, typer.Option(envvar="GLEANER_DELIVER_SECONDS", help="How long to wait for the last receipts.")
    ] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the run came to as one JSON line.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="GLEANER_CONFIG", help="TOML file of these settings.", is_eager=True, callback=_load_config
        ),
    ] = None,
) -> None:
    """Run one guided session, or go on with the one that was interrupted, and deliver it."""
    if participant not in ("person", "simulated"):
        raise typer.BadParameter("It is person or simulated.", param_hint="--participant")
    if not models and (video_model or still_model or sound_model):
        raise typer.BadParameter("With it no model labels anything; leave it out.", param_hint="--no-models")
    settings = AgentSettings(
        state=state.absolute(),
        script=script,
        collector=collector,
        camera=camera,
        microphone=microphone,
        participant="simulated" if participant == "simulated" else "person",
        wait_for_page=wait_for_page,
        pseudonym=pseudonym,
        home=home,
        page_host=page_host,
        page_port=page_port,
        models=models,
        video_model=video_model,
        still_models=tuple(still_model or ()),
        sound_models=tuple(sound_model or ()),
        bandwidth=bandwidth,
    )
    facts = _run(settings, deliver_seconds)
    if as_json:
        typer.echo(json.dumps(facts))
    raise typer.Exit(0 if facts["lost"] == 0 else 1)


def _run(settings: AgentSettings, deliver_seconds: float) -> dict[str, Any]:
    from device_agent.agent import Agent
    from device_agent.labelling.models import Models, NamedModels
    from device_agent.uplink.pairing import check_address, is_loopback
    from device_agent.uplink.pairing import load as load_credentials
    from scripts import load as load_script

    began = time.monotonic()
    signal.signal(signal.SIGTERM, interrupt)
    plan = load_script(settings.script)
    credentials = load_credentials(settings.state)
    if settings.collector is not None:
        # Plain http to another machine was allowed once, by `join --insecure`, or it is not allowed.
        open_before = credentials.url.startswith("http:") and not is_loopback(urlsplit(credentials.url).hostname or "")
        credentials = credentials.model_copy(update={"url": check_address(settings.collector, open_before)})
    reading = any("image" in step.record and "text" in step.reviews for step in plan.steps)
    named = NamedModels(settings.video_model, settings.still_models, settings.sound_models)
    models = (
        Models.open(named, reading=reading, language=plan.language, followed=plan.labels.tracks)
        if settings.models
        else Models()
    )
    _check_sensors(settings, plan)
    agent = Agent(settings, credentials, plan, models, people.print)
    try:
        people.print(f"Session page: [link]{agent.start()}[/link]", soft_wrap=True)
        header = agent.runner.replayed.header
        if agent.runner.resumed:
            people.print(f"Going on with the session {header.session} of {header.participant}.")
        elif settings.pseudonym is None or settings.home is None:
            people.print(
                f"The session is of {header.participant} in {header.home}. Name others with --pseudonym and --home."
            )
        if agent.torn:
            people.print(
                f"{len(agent.torn)} captures were interrupted; they are kept as torn and their steps run again."
            )
            masks = agent.runner.replayed.header.plan.redaction
            if masks is not None:
                people.print(f"Of each the last {masks.margin_seconds:g} s waited in memory to be masked and are lost.")
        record = agent.run()
        people.print(f"Session {record.state if record else 'refused'}.")
        _deliver(agent.spool, agent.uplink, deliver_seconds)
        outcome = agent.outcome()
    finally:
        agent.stop()
    return {
        "session": agent.runner.replayed.header.session,
        "state": record.state if record else "refused",
        "takes": outcome.closed,
        "captures": outcome.captures,
        "bytes": outcome.bytes,
        "prelabels": outcome.prelabels,
        "lost": outcome.lost,
        "seconds": round(time.monotonic() - began, 3),
        "playing_seconds": round(outcome.playing_seconds, 3),
        "frames_dropped": outcome.frames_dropped,
    }


def _check_sensors(settings: AgentSettings, plan: Plan) -> None:
    """What is wrong with the names of sensors is told before the consent page, where nothing has to be opened."""
    from device_agent.sensors import check_camera, check_microphone

    uses = set(plan.consent.uses)
    if uses & {"video", "image"}:
        check_camera(settings.camera)
    if "audio" in uses:
        check_microphone(settings.microphone)


def _deliver(spool: Spool, uplink: Uplink, seconds: float) -> bool:
    """Wait for the last receipts with a bar; what is not delivered stays in the spool for the next run."""
    until = time.monotonic() + seconds
    total = max(1, spool.backlog().captures)
    with Progress(TextColumn("delivering"), BarColumn(), TextColumn("{task.fields[left]} left"), console=people) as bar:
        task = bar.add_task("deliver", total=total, left=total)
        while time.monotonic() < until:
            done = uplink.drain(0.25)
            left = spool.backlog().captures
            bar.update(task, completed=total - min(left, total), left=left)
            if done:
                return True
    message = uplink.state.message or "The collector has not confirmed everything yet."
    people.print(f"{message} {spool.backlog().captures} captures stay in the spool; the next run sends them.")
    return False


@app.command()
def deliver(
    state: State = DEFAULT_STATE,
    bandwidth: Annotated[
        int | None, typer.Option(envvar="GLEANER_BANDWIDTH", help="Upload limit in bytes a second.")
    ] = None,
    deliver_seconds: Annotated[
        float, typer.Option(envvar="GLEANER_DELIVER_SECONDS", help="How long to wait for the last receipts.")
    ] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what it came to as one JSON line.")] = False,
) -> None:
    """Send what waits, without a session: no sensor is opened. An interrupted session can go on afterwards."""
    from device_agent.delivery import Delivery

    signal.signal(signal.SIGTERM, interrupt)
    with Delivery(state, bandwidth) as delivery:
        before = delivery.spool.backlog().captures
        done = _deliver(delivery.spool, delivery.uplink, deliver_seconds)
        left = delivery.spool.backlog().captures
        aside = delivery.spool.set_aside_count
    if as_json:
        typer.echo(json.dumps({"sent": before - left - aside, "left": left, "set_aside": aside}))
    else:
        people.print(
            f"{before - left - aside} captures are safe at the collector, {left} wait, {aside} were set aside."
        )
    raise typer.Exit(0 if done and not aside else 1)


@app.command()
def status(
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """What this device has joined, whether a session waits to go on, and what is not yet delivered."""
    from device_agent.session.resume import unfinished_session
    from device_agent.spool.inspection import backlog_of, set_aside_of
    from device_agent.uplink.pairing import load as load_credentials

    credentials = load_credentials(state)
    waiting = unfinished_session(state)
    backlog = backlog_of(state / "spool")
    facts: dict[str, Any] = {
        "device": credentials.device,
        "collector": credentials.url,
        "unfinished_session": waiting[0].session if waiting else None,
        "captures_pending": backlog.captures,
        "bytes_pending": backlog.bytes,
        "free_bytes": backlog.free_bytes,
        "set_aside": set_aside_of(state / "spool"),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    aside = facts.pop("set_aside")
    for name, value in {**facts, "set_aside": len(aside)}.items():
        typer.echo(f"{name.replace('_', ' '):20} {'none' if value is None else value}")
    for name, reason in aside.items():
        typer.echo(f"  {name}: {reason}")


if __name__ == "__main__":
    sys.exit(app())

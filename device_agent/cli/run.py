"""`gleaner agent run`: one guided session, and its delivery."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from device_agent.cli.delivery import wait_for_receipts
from device_agent.cli.options import DEFAULT_STATE, Bandwidth, DeliverSeconds, State, people
from device_agent.settings import AgentSettings, read_settings
from wire.interrupted import interrupt

if TYPE_CHECKING:
    from wire.script import Plan


def _load_config(ctx: typer.Context, path: Path | None) -> Path | None:
    if path is not None:
        found = read_settings(path, {parameter.name or "" for parameter in ctx.command.params})
        several = {parameter.name for parameter in ctx.command.params if getattr(parameter, "multiple", False)}
        ctx.default_map = {
            name: [value] if name in several and isinstance(value, str) else value for name, value in found.items()
        }
    return path


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
    bandwidth: Bandwidth = None,
    deliver_seconds: DeliverSeconds = 120.0,
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
        wait_for_receipts(agent.spool, agent.uplink, deliver_seconds)
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

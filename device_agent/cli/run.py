"""`gleaner agent run`: one guided session, and its delivery."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from device_agent.cli.delivery import wait_for_receipts
from device_agent.cli.options import DeliverSeconds, load_config, people, with_agent_settings
from device_agent.settings import AgentSettings
from wire.interrupted import interrupt

if TYPE_CHECKING:
    from device_agent.agent import Agent
    from wire.script import Plan


@with_agent_settings
def run(
    *,
    settings: AgentSettings,
    deliver_seconds: DeliverSeconds = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the run came to as one JSON line.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(envvar="GLEANER_CONFIG", help="TOML file of these settings.", is_eager=True, callback=load_config),
    ] = None,
) -> None:
    """Run one guided session, or resume the one that was interrupted, and deliver it."""
    if not settings.models and (settings.video_model or settings.still_model or settings.sound_model):
        raise typer.BadParameter("--no-models cannot be combined with --video-model, --still-model or --sound-model.")
    found = _run(replace(settings, state=settings.state.absolute()), deliver_seconds)
    if as_json:
        typer.echo(json.dumps(found))
    raise typer.Exit(0 if found["lost"] == 0 else 1)


def _run(settings: AgentSettings, deliver_seconds: float) -> dict[str, Any]:
    from device_agent.failed_start import show_failed_start

    began = time.monotonic()
    signal.signal(signal.SIGTERM, interrupt)
    try:
        agent = _prepare(settings)
    except Exception as error:
        show_failed_start(settings, error)
        raise
    try:
        people.print(f"Session page: [link]{agent.start()}[/link]", soft_wrap=True)
        _print_session(agent, settings)
        record = agent.run()
        people.print(f"Session {record.state if record else 'refused'}.")
        wait_for_receipts(agent.spool, agent.uplink, deliver_seconds)
        outcome = agent.outcome()
    except BaseException as error:
        agent.fail(error)
        raise
    finally:
        agent.stop()
    return {**asdict(outcome), "seconds": round(time.monotonic() - began, 3)}


def _prepare(settings: AgentSettings) -> Agent:
    """An agent that only has to be started. Raises GleanerError."""
    from device_agent.agent import Agent
    from device_agent.labelling.models import Models, NamedModels
    from device_agent.uplink.pairing import load as load_credentials
    from scripts import load as load_script

    plan = load_script(settings.script)
    credentials = load_credentials(settings.state).moved_to(settings.collector)
    named = NamedModels(settings.video_model, tuple(settings.still_model or ()), tuple(settings.sound_model or ()))
    models = Models.for_plan(plan, named) if settings.models else Models()
    _check_sensors(settings, plan)
    return Agent(settings, credentials, plan, models, people.print)


def _print_session(agent: Agent, settings: AgentSettings) -> None:
    """Whose session it is, and what an interruption has cost."""
    header = agent.runner.replayed.header
    if agent.runner.resumed:
        people.print(f"Resuming the session {header.session} of {header.participant}.")
    elif settings.pseudonym is None or settings.home is None:
        people.print(
            f"The session is of {header.participant} in {header.home}. Name others with --pseudonym and --home."
        )
    if agent.torn:
        people.print(f"{len(agent.torn)} captures were interrupted. They are saved as torn, and their steps run again.")
        masks = header.plan.redaction
        if masks is not None:
            people.print(f"The last {masks.margin_seconds:g} s of each were not masked yet and are lost.")


def _check_sensors(settings: AgentSettings, plan: Plan) -> None:
    """Report a wrong name of a sensor before the consent page, as far as it shows without opening one."""
    from device_agent.sensors import check_camera, check_microphone

    uses = set(plan.consent.uses)
    if uses & {"video", "image"}:
        check_camera(settings.camera)
    if "audio" in uses:
        check_microphone(settings.microphone)

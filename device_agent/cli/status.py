"""`gleaner agent status`: how things stand on this device."""

from __future__ import annotations

import json
from typing import Any

import typer

from device_agent.cli.options import Json
from device_agent.settings import DEFAULT_STATE, State


def status(
    state: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """What this device has joined, whether a session waits to resume, and what is not yet delivered."""
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

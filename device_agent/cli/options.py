"""Options that several verbs share, and the console for people, which is standard error."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from rich.console import Console

from device_agent.settings import AgentSettings, read_settings

people = Console(stderr=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
DeliverSeconds = Annotated[
    float, typer.Option(envvar="GLEANER_DELIVER_SECONDS", help="How long to wait for the last receipts.")
]


def load_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Callback of `--config`: the members of a TOML file become the defaults of the flags."""
    if path is not None:
        found = read_settings(path, {parameter.name or "" for parameter in ctx.command.params})
        several = {parameter.name for parameter in ctx.command.params if getattr(parameter, "multiple", False)}
        ctx.default_map = {
            name: [value] if name in several and isinstance(value, str) else value for name, value in found.items()
        }
    return path


def with_agent_settings(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb with a flag for each member of AgentSettings, ahead of its own; it gets them as `settings`."""
    own = [one for one in inspect.signature(verb, eval_str=True).parameters.values() if one.name != "settings"]
    hints = get_type_hints(AgentSettings, include_extras=True)
    flags = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(AgentSettings)
    ]

    def command(**given: Any) -> None:
        settings = AgentSettings(**{flag.name: given.pop(flag.name) for flag in flags})
        verb(settings=settings, **given)

    shown: Any = command
    shown.__doc__ = verb.__doc__
    shown.__signature__ = inspect.Signature([*flags, *own])
    shown.__annotations__ = {one.name: one.annotation for one in (*flags, *own)}
    return command

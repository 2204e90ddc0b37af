"""`gleaner agent join`: make this device known to a collector."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli.options import people
from device_agent.settings import DEFAULT_STATE, State
from wire.device import DeviceInfo
from wire.version import installed_version


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
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="Trust only this authority's certificate (PEM) of the collector."),
    ] = None,
) -> None:
    """Make this device known to a collector with a join code; saves the token in the state folder.

    Without ADDRESS the collector of the local network is used: one that listens beyond its machine announces itself.
    What still waits on the device stays, under the id it was recorded with, and is sent to this collector.
    """
    from device_agent.join import join_again
    from device_agent.uplink.pairing import read_authority

    info = DeviceInfo(name=name or "camera", model=platform.machine() or "unknown", agent_version=installed_version())
    if code is None:
        address, code = _announced_address(address), address
    authority = None if ca is None else read_authority(ca)
    credentials, waiting = join_again(address, code, info, state, insecure=insecure, authority=authority)
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

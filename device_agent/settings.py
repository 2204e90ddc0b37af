"""The agent's settings: flag > environment GLEANER_… > TOML file > default. Each is declared once, in AgentSettings."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from wire.errors import GleanerError


class SettingsUnreadable(GleanerError):
    """The settings file is not TOML or names a setting that does not exist."""

    code = "settings-unreadable"
    exit_code = 2
    hint = "`gleaner agent run --help` names every setting."


def default_state() -> Path:
    return Path.home() / ".local" / "share" / "gleaner" / "agent"


DEFAULT_STATE = default_state()
State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="GLEANER_STATE",
        help="Folder of the device's token, journal and spool.",
        show_default="~/.local/share/gleaner/agent",
    ),
]
Bandwidth = Annotated[int | None, typer.Option(envvar="GLEANER_BANDWIDTH", help="Upload limit in bytes per second.")]


@dataclass(frozen=True)
class AgentSettings:
    """Everything that one session is told from outside; `gleaner agent run` has a flag for each member."""

    script: Annotated[str, typer.Argument(help="A shipped script's name or a YAML file.", envvar="GLEANER_SCRIPT")] = (
        "kitchen-greeting"
    )
    state: State = DEFAULT_STATE
    collector: Annotated[
        str | None, typer.Option(envvar="GLEANER_COLLECTOR", help="The collector's address, when it has moved.")
    ] = None
    camera: Annotated[
        str, typer.Option(envvar="GLEANER_CAMERA", help="simulated, a file, opencv:0, picamera2:0, none.")
    ] = "simulated"
    microphone: Annotated[
        str, typer.Option(envvar="GLEANER_MICROPHONE", help="simulated, a file, sounddevice:default, none.")
    ] = "simulated"
    participant: Annotated[
        Literal["person", "simulated"],
        typer.Option(envvar="GLEANER_PARTICIPANT", help="person (follows the page) or simulated."),
    ] = "person"
    wait_for_page: Annotated[
        float,
        typer.Option(
            envvar="GLEANER_WAIT_FOR_PAGE",
            min=0,
            help="Seconds a simulated participant waits for somebody to open the session page.",
        ),
    ] = 0.0
    pseudonym: Annotated[
        str | None,
        typer.Option(envvar="GLEANER_PSEUDONYM", help="Of the participant, never a name; otherwise this device's own."),
    ] = None
    home: Annotated[
        str | None, typer.Option(envvar="GLEANER_HOME", help="Pseudonym of the home; otherwise this device's own.")
    ] = None
    page_host: Annotated[str, typer.Option(envvar="GLEANER_PAGE_HOST", help="Address the session page listens on.")] = (
        "127.0.0.1"
    )
    page_port: Annotated[int, typer.Option(envvar="GLEANER_PAGE_PORT", help="0 takes any free one.")] = 8710
    models: Annotated[bool, typer.Option(envvar="GLEANER_PRELABELS", help="Pre-label on the device.")] = True
    video_model: Annotated[
        str | None,
        typer.Option(
            envvar="GLEANER_VIDEO_MODEL",
            help="A detector to follow things on video with, by name, package folder or file; else the catalogue's.",
        ),
    ] = None
    still_model: Annotated[
        list[str] | None,
        typer.Option(envvar="GLEANER_STILL_MODEL", help="The same for stills: any model of pictures. Repeatable."),
    ] = None
    sound_model: Annotated[
        list[str] | None,
        typer.Option(
            envvar="GLEANER_SOUND_MODEL",
            help="A tagger, keyword spotter or recogniser for sound, or another model of speech. Repeatable.",
        ),
    ] = None
    bandwidth: Bandwidth = None


def read_settings(path: Path, known: set[str]) -> dict[str, Any]:
    """The settings of a TOML file, by flag name with underscores; a missing file has none.

    Raises:
        SettingsUnreadable: not TOML, or a name that is no setting.
    """
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(f"{path} is not TOML: {error}.") from error
    unknown = sorted(set(found) - known)
    if unknown:
        raise SettingsUnreadable(f"{path} names a setting that does not exist: {unknown[0]}.")
    return found

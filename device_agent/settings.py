"""The agent's settings: flag > environment GLEANER_… > TOML file > default; the flags live in cli/run.py."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wire.errors import GleanerError

Person = Literal["person", "simulated"]


class SettingsUnreadable(GleanerError):
    """The settings file is not TOML or names a setting that does not exist."""

    code = "settings-unreadable"
    exit_code = 2
    hint = "`gleaner agent run --help` names every setting."


@dataclass(frozen=True)
class AgentSettings:
    """Everything an agent is told from outside. Paths are absolute."""

    state: Path
    script: str
    collector: str | None = None  # the collector's address when it has moved
    camera: str = "simulated"
    microphone: str = "simulated"
    wait_for_page: float = 0.0
    participant: Person = "person"
    pseudonym: str | None = None  # None, both: this device's own, or those of the session that goes on
    home: str | None = None
    page_host: str = "127.0.0.1"
    page_port: int = 8710
    models: bool = True
    video_model: str | None = None  # the three: instead of the catalogue's choice
    still_models: tuple[str, ...] = ()
    sound_models: tuple[str, ...] = ()
    bandwidth: int | None = None


def default_state() -> Path:
    return Path.home() / ".local" / "share" / "gleaner" / "agent"


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

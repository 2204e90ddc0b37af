"""Which version of Gleaner is installed."""

from __future__ import annotations

from importlib.metadata import version

DISTRIBUTION = "gleaner-suite"  # as pyproject.toml names it; the command and the modules are called otherwise


def installed_version() -> str:
    """The version of the installed distribution, e.g. `0.1.0`."""
    return version(DISTRIBUTION)

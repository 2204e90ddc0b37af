"""The scripts that ship with Gleaner, and the one door to a plan: by shipped name or by path."""

from __future__ import annotations

from pathlib import Path

from scripts.check import examine
from scripts.compile import compile_plan
from scripts.findings import Finding, Place, ScriptInvalid, ScriptMissing, did_you_mean
from wire.errors import GleanerError
from wire.script import Plan

_FOLDER = Path(__file__).resolve().parent


def shipped() -> list[str]:
    """The names of the scripts that ship with Gleaner."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/script.yaml"))


def source_path(name_or_path: str) -> Path:
    """Where a script is read from. A path that exists wins over a shipped name.

    Raises:
        ScriptMissing: neither a file nor a shipped name.
    """
    path = Path(name_or_path)
    if path.is_dir() and (path / "script.yaml").is_file():
        return path / "script.yaml"
    if path.exists():
        return path
    if name_or_path in shipped():
        return _FOLDER / name_or_path / "script.yaml"
    if "/" in name_or_path or path.suffix in (".yaml", ".yml", ".json"):
        raise ScriptMissing(f"There is no script file {name_or_path}.")
    near = did_you_mean(name_or_path, shipped())
    raise ScriptMissing(f"No shipped script is called {name_or_path}; there is {', '.join(shipped())}.{near}")


def load(name_or_path: str | Path) -> Plan:
    """The plan of a shipped script, of a YAML file, of a folder that holds a script.yaml, or of a compiled .json.

    Raises:
        ScriptMissing: there is no such script.
        ScriptInvalid: it has errors; all of them are in `facts["findings"]`.
        BadDocument, SchemaTooNew: a compiled plan does not have its shape.
    """
    path = source_path(str(name_or_path))
    if path.suffix == ".json" and path.is_file():
        return _load_compiled(path)
    source, findings = examine(path)
    if any(row.severity == "error" for row in findings):
        raise ScriptInvalid(findings)
    if source is None:
        raise ScriptInvalid([Finding(str(path), Place(1, 1), "empty", "The file holds no script.")])
    return compile_plan(source)


def _load_compiled(path: Path) -> Plan:
    try:
        return Plan.read(path.read_bytes())
    except OSError as error:
        raise ScriptMissing(f"The plan {path} cannot be read: {error.strerror or error}.") from error
    except GleanerError as error:
        error.message = f"{path}: {error.message}"
        raise


def playing_seconds(plan: Plan) -> float:
    """Countdowns and recordings together; typed answers take as long as they take and are not in it."""
    return sum(step.countdown_seconds + step.seconds for step in plan.steps)

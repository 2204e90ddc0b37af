"""`gleaner collector prelabel …`: run a model again over what is here, and learn what its scores are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.cli.waiting import Shown, wait_for
from collector.local_service import ask, find_service
from collector.settings import Settings, load_settings

if TYPE_CHECKING:
    from prelabel.triage.calibration import Calibration

app = typer.Typer(no_args_is_help=True, help="Run models again over old captures; calibrate their scores.")
Run = Annotated[str, typer.Argument(help="The id that `prelabel run` printed, or how it begins.")]
PARTS = {
    "waiting": "waiting",
    "failed": "failed",
    "withheld": "left out (their consent has ended)",
    "stopped": "not begun",
}


@app.command("run")
def run(
    model: Annotated[str, typer.Argument(help="A name of `gleaner prelabel models`, a package folder, or `ocr`.")],
    study: Annotated[str | None, typer.Option(help="Only captures of this study.")] = None,
    step: Annotated[str | None, typer.Option(help="Only captures of this step.")] = None,
    medium: Annotated[Literal["video", "audio", "image"] | None, typer.Option(help="Only this medium.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done, with a progress bar.")] = False,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Run a model over captures that are here, by the running collector's bulk processes.

    Open tasks that nobody has looked at show the new pre-labels; the others keep theirs, and the new ones count in
    `report prelabels`.
    """
    from pathlib import Path

    from collector.prelabels.runs import RunAsked
    from prelabel.labelling.one_file import describe

    settings = load_settings({"data": data}, settings_file)
    # A folder is found by the service from where it runs, not from here.
    name = str(Path(model).resolve()) if Path(model).exists() else model
    facts = describe(name)
    asked = RunAsked(model=name, study=study, step=step, medium=medium)
    given = {
        "asked": asked.model_dump_json(),
        "source": facts.source.model_dump_json(),
        "media": " ".join(facts.media),
    }
    found = ask(settings, "prelabel-run", given)
    if wait:
        found = _wait(settings, found)
    if as_json:
        typer.echo(_text(found))
        return
    typer.echo(_sentence(found))
    if not wait and find_service(settings) is None:
        typer.echo("It starts when `gleaner collector serve` runs.", err=True)


@app.command("list")
def list_runs(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """The runs there were, the newest first, and how far each is."""
    found = ask(load_settings({"data": data}, settings_file), "prelabel-list", {})["runs"]
    if as_json:
        typer.echo(_text(found))
        return
    for row in found:
        typer.echo(_sentence(row))
    if not found:
        typer.echo("No re-runs yet.")


@app.command("pause")
def pause(run: Run, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Do nothing more of it until it is resumed; what is done stays."""
    _change("pause", run, data, as_json, settings_file)


@app.command("resume")
def resume(run: Run, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Continue a paused run, and try again what failed."""
    _change("resume", run, data, as_json, settings_file)


@app.command("cancel")
def cancel(run: Run, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """End it: what has not begun is left as it is, what is done stays."""
    _change("cancel", run, data, as_json, settings_file)


def _change(verb: str, run: str, data: Data, as_json: bool, settings_file: SettingsFile) -> None:
    found = ask(load_settings({"data": data}, settings_file), f"prelabel-{verb}", {"run": run})
    typer.echo(_text(found) if as_json else _sentence(found))


@app.command("failures")
def failures(run: Run, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """The captures that a run could not label, and why; at most 1,000. `resume` tries them again."""
    found = ask(load_settings({"data": data}, settings_file), "prelabel-failures", {"run": run})["failures"]
    if as_json:
        typer.echo(_text(found))
        return
    for row in found:
        typer.echo(f"{row['capture']}  {row['error']}")
    if not found:
        typer.echo("Nothing failed.")


@app.command("calibrate")
def calibrate(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Learn from reviewed pre-labels what each model's scores are worth, for the order of the queue.

    Each model file has a line, and under it one for each configuration, with the reason why it got a fit of its own or
    that of the file. The service does the same automatically every hour when there is enough new.
    """
    from collector.prelabels.report_worker import DataLocation, calibrations_of

    settings = load_settings({"data": data}, settings_file)
    fitted = calibrations_of(DataLocation.of(settings))
    for one in fitted:
        ask(settings, "calibration-save", {"calibration": one.model_dump_json(by_alias=True)})
    if as_json:
        typer.echo(_text([one.to_json() for one in fitted]))
        return
    for line in _calibration_lines(fitted):
        typer.echo(line)
    if not fitted:
        typer.echo("Nothing of the random share has been reviewed yet.")


def _calibration_lines(fitted: Sequence[Calibration]) -> Iterator[str]:
    from prelabel.quality.configurations import configurations

    sources = [
        one.model.model_copy(update={"package": one.settings.get("package"), "settings": one.configuration})
        for one in fitted
    ]
    settings = [{name: value for name, value in one.settings.items() if name != "package"} for one in fitted]
    described = configurations(
        {source: one for source, one in zip(sources, settings, strict=True) if source.settings is not None}
    )
    for one, source in zip(fitted, sources, strict=True):
        name = f"{one.model.name} {one.model.version}"
        if one.configuration is not None:
            name = f"  {described.get(source, f'settings {one.configuration[:8]}')}"
        yield (
            f"{name}: {one.method} from {one.pairs} reviewed pre-labels of the random share; calibration error"
            f" {one.before.ece:.3f}, now {one.after.ece:.3f}"
        )
        if one.why:
            yield f"    {one.why}"


def _wait(settings: Settings, found: dict[str, Any]) -> dict[str, Any]:
    stopped = "The run continues in the service: `prelabel list` shows it, `prelabel cancel` ends it."
    return wait_for(found, lambda: ask(settings, "prelabel-list", {})["runs"], _shown, stopped)


def _shown(row: dict[str, Any]) -> Shown:
    name = row["source"]["name"]
    return Shown(name, row["captures"], row["captures"] - row["waiting"]) if row["counted"] else Shown(name)


def _sentence(row: dict[str, Any]) -> str:
    captures = row["captures"] if row["counted"] else "(counting)"
    parts = [f"{row['state']}, {row['done']} of {captures} captures done"]
    parts += [f"{row[name]} {word}" for name, word in PARTS.items() if row[name]]
    if row["state"] == "running" and row["seconds_left"]:
        end = datetime.now() + timedelta(seconds=row["seconds_left"])
        parts.append(f"{row['per_second']:.1f} per second, until about {end:%Y-%m-%d %H:%M}")
    problem = f" ({row['problem']})" if row["problem"] else ""
    return f"{row['id']}  {row['source']['name']} {row['source']['version']}: {', '.join(parts)}{problem}"


def _text(value: Any) -> str:
    import json

    return json.dumps(value)

"""`gleaner hardware`: a device on the bench."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from device_agent.settings import default_state
from hardware import report
from hardware.checks.base import Check, ReportProgress, carry_out
from wire.errors import GleanerError

app = typer.Typer(help="A device on the bench: measurements with limits.", no_args_is_help=True)


DEFAULT_STATE = default_state()


class NothingToCheck(GleanerError):
    code = "nothing-to-check"
    status = 422
    exit_code = 2
    hint = "Leave out --camera none or --model none."


@app.callback()
def hardware() -> None:
    """A device on the bench: measurements with limits."""


@app.command()
def check(
    camera: Annotated[
        str,
        typer.Option(
            envvar="GLEANER_CAMERA",
            help="simulated, opencv:0, picamera2:0, a video file, or none to leave it out.",
        ),
    ] = "simulated",
    picture: Annotated[
        str,
        typer.Option(
            help="What the study needs of the camera, 1280x720@25 for instance; any: only the camera's own rate."
            " A file is compared with its own header.",
        ),
    ] = "1280x720@25",
    model: Annotated[
        str,
        typer.Option(
            help="auto (the model that finds people in a session), a name of the catalogue, a folder, a file, or none."
        ),
    ] = "auto",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How many seconds the camera is measured.")] = 5.0,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads within the model.")] = 1,
    work: Annotated[
        bool,
        typer.Option("--work", help="Also record as in a session, with models, and count what is on the disk."),
    ] = False,
    microphone: Annotated[
        str, typer.Option(envvar="GLEANER_MICROPHONE", help="For --work: simulated, sounddevice:default, a file, none.")
    ] = "none",
    state: Annotated[
        Path, typer.Option(envvar="GLEANER_STATE", help="For --work: a folder on the disk of the device's state.")
    ] = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="The record as JSON on standard output.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the record as JSON in this file as well.")
    ] = None,
) -> None:
    """Measure the camera's rate and jitter and the model's time per frame, each against its limit.

    Exit code 0: all within their limits; 1: something is not (FAIL); 3: something could not be measured (ERROR).
    """
    checks = declared(camera, model, seconds, threads, picture)
    if work:
        checks.append(_work(camera, microphone, picture, state, seconds, models=model != "none"))
    console = Console(stderr=True)
    done = []
    for one in checks:
        with progress(console, one.title) as report_progress:
            done.append(carry_out(one, report_progress))
    made = report.make_record(done)
    if record is not None:
        report.write(made, record)
    if as_json:
        typer.echo(json.dumps(made.to_json(), ensure_ascii=False, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 120).print(report.table(made), highlight=False)
    for line in report.reasons(made):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(made.exit_code)


def declared(camera: str, model: str, seconds: float, threads: int, picture: str = "any") -> list[Check]:
    """The checks that were asked for. Raises: NothingToCheck, PictureUnclear."""
    # Here, not above: --help needs neither OpenCV nor onnxruntime.
    from hardware.checks import Wanted, camera_check, model_check

    checks = []
    wanted = None if picture == "any" else Wanted.read(picture)
    if camera != "none":
        checks.append(camera_check(camera, seconds, None if Path(camera).is_file() else wanted))
    if model != "none":
        checks.append(model_check(model, threads))
    if not checks:
        raise NothingToCheck("There is nothing to check: neither a camera nor a model.")
    return checks


def _work(camera: str, microphone: str, picture: str, state: Path, seconds: float, *, models: bool) -> Check:
    from hardware.checks import Wanted, work_check

    wanted = None if picture == "any" or Path(camera).is_file() else Wanted.read(picture)
    return work_check(camera, microphone, wanted, state, seconds, models=models)


@contextmanager
def progress(console: Console, title: str) -> Iterator[ReportProgress]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda part, what: bar.update(task, completed=part, description=what)

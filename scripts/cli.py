"""`gleaner scripts`: check, show, list, compile."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scripts.check import check as check_file
from scripts.findings import Finding
from scripts.library import load, playing_seconds, shipped, source_path
from wire.canonical import canonical_json
from wire.errors import GleanerError
from wire.files import write_whole
from wire.script import Plan, PlanStep, Redaction

TEMPLATE = Path(__file__).parent / "template.yaml"
app = typer.Typer(help="Check, compile and show the scripts that sessions run.", no_args_is_help=True)


class OutputFailed(GleanerError):
    """The compiled plan could not be written."""

    code = "output-failed"
    status = 500
    exit_code = 3
    hint = "Name a file in a folder that you may write to."


class ScriptExists(GleanerError):
    """`scripts new` does not write over a file."""

    code = "script-exists"
    status = 409
    exit_code = 2
    hint = "Choose another name, or delete the file first."


@app.command()
def new(
    path: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The file to write.")],
) -> None:
    """Write a script to start from, with a comment on every part and each kind of step once."""
    if path.exists():
        raise ScriptExists(f"{path} exists already.")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-") or "my-study"
    template = TEMPLATE.read_text(encoding="utf-8").replace("my-study", name).replace("FILE", shlex.quote(str(path)))
    _write(path, template.encode())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"Wrote {path}. Change it, then:", markup=False)
    for verb in ("scripts check", "demo --script"):
        console.print(f"  gleaner {verb} {shlex.quote(str(path))}", markup=False)


@app.command()
def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Script files, or names of shipped scripts.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON list.")] = False,
) -> None:
    """Print every finding as path:line:column code message; exit 1 when one of them is an error."""
    findings: list[Finding] = []
    for path in paths:
        findings += check_file(source_path(path) if path in shipped() and not Path(path).exists() else path)
    errors = [row for row in findings if row.severity == "error"]
    if as_json:
        print(json.dumps([row.to_json() for row in findings], ensure_ascii=False, indent=2))
    else:
        for row in findings:
            print(row)
        if not errors:
            Console(stderr=True).print(f"{len(paths)} checked, no errors.", highlight=False)
    if errors:
        raise typer.Exit(1)


@app.command()
def show(
    script: Annotated[str, typer.Argument(metavar="NAME_OR_PATH", help="A shipped script, a YAML file or a plan.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as canonical JSON (RFC 8785).")] = False,
) -> None:
    """Show what a script asks for, step by step, with its hash and length."""
    plan = load(script)
    if as_json:
        print(canonical_json(plan).decode())
        return
    console = Console(highlight=False)
    console.print(f"[bold]{plan.title}[/]  {plan.id} {plan.version}  {plan.language}  study {plan.study}", markup=True)
    console.print(f"sha256 {plan.ref.sha256}")
    console.print(f"{len(plan.steps)} steps, {_length(playing_seconds(plan))} of countdowns and recording")
    console.print(f"consent asks for {', '.join(plan.consent.uses)}")
    if plan.redaction is not None:
        console.print(_masks(plan.redaction))
    console.print(_steps_table(plan))


@app.command("list")
def list_scripts(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the scripts that ship with Gleaner."""
    plans = [load(name) for name in shipped()]
    if as_json:
        rows = [{**plan.ref.to_json(), "title": plan.title, "steps": len(plan.steps)} for plan in plans]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("name", "version", "title", "steps", "length", "sha256", box=None)
    for plan in plans:
        length = _length(playing_seconds(plan))
        table.add_row(plan.id, plan.version, plan.title, str(len(plan.steps)), length, plan.ref.sha256[:12])
    Console(highlight=False).print(table)


@app.command("compile")
def compile_script(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A script file, or the name of a shipped script.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where the plan is written.")],
) -> None:
    """Compile a script to the plan that devices run: canonical JSON, known by its sha256."""
    plan = load(path)
    _write(output, canonical_json(plan))
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"{output}: sha256 {plan.ref.sha256}")


def _write(path: Path, data: bytes) -> None:
    """Write a file for everybody to read, whole or not at all.

    Raises:
        OutputFailed: the folder is not there, may not be written to, or is full.
    """
    try:
        write_whole(path, data, 0o644)
    except OSError as error:
        raise OutputFailed(f"{path} cannot be written: {error.strerror or error}.") from error


def _masks(redaction: Redaction) -> str:
    """What is masked, in one line."""
    parts = []
    if redaction.faces is not None:
        place = f", zone {' '.join(f'{edge:g}' for edge in redaction.zone)}" if redaction.zone is not None else ""
        parts.append(f"faces of {redaction.faces} ({redaction.method}{place})")
    if redaction.speech is not None:
        parts.append(f"speech {redaction.speech} ({redaction.sound})")
    return f"masks {'; '.join(parts)}; with {redaction.margin_seconds:g} s before and after"


def _steps_table(plan: Plan) -> Table:
    columns = ("", "step", "kind", "prompt", "records", "reviewed as", "countdown", "seconds")
    table = Table(*columns, box=None, pad_edge=False)
    for number, step in enumerate(plan.steps, 1):
        lists = (", ".join(step.record), ", ".join(step.reviews))
        table.add_row(str(number), step.id, step.kind, step.prompt, *lists, *_times(step))
    return table


def _times(step: PlanStep) -> tuple[str, str]:
    return f"{step.countdown_seconds:g}", f"{step.seconds:g}" if step.seconds else "-"


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"

"""`gleaner prelabel check`: does a model do what its package states, and is it fast enough here."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelabel.cli.output import Json, Threads, listed, taken, to_people
from prelabel.models.package import ModelPackage, open_model
from prelabel.models.paths import MANIFEST_FILE

if TYPE_CHECKING:
    from prelabel.checks.any_model import AnyModel
    from prelabel.checks.timing import Cost
    from wire.labels import Label

Model = Annotated[str, typer.Argument(help="A name, a model package folder, or a model file.")]
BudgetMs = Annotated[
    float | None, typer.Option(min=0.001, help="Milliseconds allowed per picture or block, instead of its own budget.")
]
GoldenFile = Annotated[
    Path | None, typer.Option("--golden", help="Make this picture or sound the golden sample of a package folder.")
]


def check(
    model: Model,
    threads: Threads = 1,
    budget_ms: BudgetMs = None,
    golden: GoldenFile = None,
    as_json: Json = False,
) -> None:
    """Load a model, hold it against its manifest and golden sample, and time it on this machine.

    Exit status 1: it is bad, or slower than its budget; 3: it is not here.
    """
    # Here, not above: listing and pulling pictures need no onnxruntime.
    from prelabel.checks.golden import golden_or_why
    from prelabel.checks.timing import load_and_measure
    from prelabel.models.budget import allowed_ms, board_name, check_budget

    package = open_model(model)
    with to_people().status(f"{package.name}: trying it out"):
        loaded, cost = load_and_measure(package, threads)
        found, why = (None, None) if golden is not None else golden_or_why(loaded)
    if golden is not None:
        package, found = _new_golden(model, loaded, golden)
    board = board_name()
    allowed = budget_ms if budget_ms is not None else allowed_ms(package.manifest.budget, board)
    timing = cost.timings[0]
    if allowed is not None:
        check_budget(package.name, timing.what, timing.median_ms, allowed, board)
    if as_json:
        typer.echo(json.dumps(_facts(package, threads, cost, found, allowed, board) | {"golden_problem": why}))
    else:
        _show(package, threads, cost, found, allowed, board, why)


def _new_golden(model: str, loaded: AnyModel, file: Path) -> tuple[ModelPackage, list[Label]]:
    """Write the file into the package as its golden sample, and open the package again."""
    from prelabel.checks.golden import found_in, summary
    from prelabel.checks.golden_sample import make_small, put_golden, reread
    from prelabel.checks.samples import read_file

    place = Path(model) / MANIFEST_FILE
    if not place.is_file():
        raise typer.BadParameter("only a package folder takes a golden sample", param_hint="--golden")
    sample = make_small(read_file(file))
    found = found_in(loaded, reread(sample))
    typer.echo(f"In {file}, scaled down, {loaded.package.name} finds {len(found)}:", err=True)
    for label in found:
        typer.echo(f"  {summary(label)}", err=True)
    put_golden(place, sample, found)
    typer.echo(f"Saved as its golden sample ({place}).", err=True)
    return open_model(model), found


def _facts(
    package: ModelPackage, threads: int, cost: Cost, found: list[Label] | None, allowed: float | None, board: str
) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "family": package.family,
        "sha256": package.sha256,
        "path": str(package.path),
        "names": package.manifest.names,
        "licence": package.manifest.licence,
        "threads": threads,
        "golden": None if found is None else len(found),
        "board": board,
        "budget_ms": allowed,
        **asdict(cost),
    }


def _show(
    package: ModelPackage,
    threads: int,
    cost: Cost,
    found: list[Label] | None,
    allowed: float | None,
    board: str,
    why: str | None,
) -> None:
    from prelabel.checks.golden import summary

    manifest = package.manifest
    typer.echo(f"{package.name} {package.version} ({package.family}, {manifest.licence}) works.")
    typer.echo(f"  sha256 {package.sha256}")
    typer.echo(f"  takes  {taken(manifest)}")
    if manifest.names:
        typer.echo(f"  finds  {listed(manifest.names)}")
    if why is not None:
        typer.echo(f"  {why}")
    elif found is None:
        typer.echo("  golden sample: none stated (gleaner prelabel check FOLDER --golden FILE makes one)")
    else:
        typer.echo(f"  golden sample: as expected, {listed([summary(one) for one in found], 4) or 'nothing'}")
    typer.echo(f"  loads in {cost.load_ms:.0f} ms{_copy(cost)}; the process takes {cost.memory_mib:.0f} MiB")
    for timing in cost.timings:
        typer.echo(
            f"  {timing.what}: {timing.median_ms:.1f} ms, at worst {timing.worst_ms:.1f} ms ({threads} thread"
            f"{'s' if threads > 1 else ''})"
        )
    typer.echo(f"  budget: {'none stated' if allowed is None else f'{allowed:g} ms, met'} ({board})")


def _copy(cost: Cost) -> str:
    """How its network was loaded: from the optimised copy, or why not."""
    from prelabel.models.optimised_copies import OptimisedCopies

    if cost.graph == "copy":
        return " from an optimised copy"
    if cost.graph == "copy made":
        return " (an optimised copy is kept for the next time)"
    closed = OptimisedCopies().why_closed()
    return "" if closed is None else f" (no optimised copy: {closed})"

"""`gleaner prelabel pull`: download models and run each once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from prelabel.cli.output import fetching, licence_line, to_people
from prelabel.models import catalogue
from prelabel.models.package import ModelNotFound, ModelPackage, is_known, open_model
from wire.errors import GleanerError

Names = Annotated[
    list[str], typer.Argument(help="Names of `gleaner prelabel models`, your own package folders or model files.")
]


def pull(names: Names) -> None:
    """Bring models and pictures to this machine, and install packages of your own.

    Each model is tried out before it counts as installed: a dry run, and its golden sample where it has one.
    What is here already is only checked. The path of each is written to standard output.
    """
    wanted = [(name, _is_own(name)) for name in names]
    console = to_people()
    for name, own in wanted:
        typer.echo(str(_own(name, console) if own else _item(name, console)))


def _is_own(name: str) -> bool:
    """Whether a folder or file is meant; an unknown name is refused before anything is fetched."""
    if name.startswith(("http://", "https://")):
        raise ModelNotFound(
            f"{name} is an address, which has no sha256 and no licence.",
            hint="Download it, write its model.toml, and pull the folder.",
        )
    if Path(name).exists():
        return True
    if "/" in name or name.endswith(".onnx"):
        raise ModelNotFound(f"There is no folder or file {name}.")
    catalogue.item(name)
    return False


def _item(name: str, console: Console) -> Path:
    item = catalogue.item(name)
    console.print(licence_line(item.name, item.licence, item.attribution))
    path = catalogue.locate(name)
    here = path is not None
    if path is None:
        with fetching(console, item) as report:
            path = catalogue.fetch(name, report)
    if item.kind == "model":
        try:
            _dry_run(open_model(name), console)
        except GleanerError:
            if not here:
                catalogue.delete(name)
            raise
    return path


def _own(name: str, console: Console) -> Path:
    from prelabel.models.install import install, refuse_taken_name

    package = open_model(Path(name))
    console.print(licence_line(package.name, package.manifest.licence, package.manifest.attribution))
    known = is_known(package.name) and catalogue.item(package.name).sha256 == package.sha256
    if not known:
        refuse_taken_name(package)
    _dry_run(package, console)
    return catalogue.adopt(package.name, package.path) if known else install(package)


def _dry_run(package: ModelPackage, console: Console) -> None:
    # Here, not above: pictures need no onnxruntime.
    from prelabel.checks.any_model import open_any_model
    from prelabel.checks.golden import golden_or_why

    with console.status(f"{package.name}: trying it out"):
        found, why = golden_or_why(open_any_model(package))
    proof = "a dry run and its golden sample passed"
    if found is None:
        proof = f"a dry run passed; {why or 'it has no golden sample'}".rstrip(".")
    console.print(f"{package.name} {package.version} is installed: {proof.rstrip('.')}.")

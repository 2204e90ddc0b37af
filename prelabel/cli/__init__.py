"""`gleaner prelabel …`: one file per verb."""

from __future__ import annotations

import typer

from prelabel.cli import bench, check, models, pull, redact, run

app = typer.Typer(no_args_is_help=True)


@app.callback()
def prelabel() -> None:
    """Models that label what the device records.

    GLEANER_MODELS names folders with model files and packages that are used before anything is fetched; GLEANER_CACHE
    is where fetched files, installed packages and optimised copies are stored (default: gleaner in the user's cache
    folder).
    """


app.command("models")(models.models)
app.command("pull")(pull.pull)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("redact")(redact.redact)
app.command("bench")(bench.bench)

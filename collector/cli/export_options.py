"""The options of an export, for `export` and `exports start` alike."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from collector.cli.times import FORMATS, parser
from wire.tasks import TaskType

if TYPE_CHECKING:
    from collector.exports.asked import ExportAsked

Format = Annotated[
    Literal["jsonl", "coco"],
    typer.Option("--format", help="jsonl: every label and the original media; coco: pictures and boxes."),
]
WithPrelabels = Annotated[
    bool, typer.Option("--with-prelabels", help="Add what the models said, in a file of its own.")
]
NoMedia = Annotated[bool, typer.Option("--no-media", help="jsonl: labels alone; media are named by their hash.")]
Frames = Annotated[
    str,
    typer.Option(
        "--frames", metavar="keyframes|every|N", help="coco: which frames of videos; N: every N-th from the first."
    ),
]
Study = Annotated[str | None, typer.Option("--study", help="Of this study only.")]
Type = Annotated[TaskType | None, typer.Option("--type", help="Tasks of this type only.")]
Since = Annotated[
    datetime | None,
    typer.Option("--since", parser=parser(None), metavar="TIME", help=f"Submitted since then (local time): {FORMATS}."),
]
Licence = Annotated[
    str | None, typer.Option("--licence", metavar="NAME", help="Under which licence the export may be used.")
]


def asked_of(
    format: Literal["jsonl", "coco"],
    with_prelabels: bool,
    no_media: bool,
    frames: str,
    study: str | None,
    type: TaskType | None,
    since: datetime | None,
    licence: str | None,
) -> ExportAsked:
    """What they say together. Raises typer.BadParameter."""
    from pydantic import ValidationError

    from collector.exports.asked import ExportAsked, ExportOptionsInvalid

    try:
        asked = ExportAsked(
            format=format,
            study=study,
            type=type,
            since=None if since is None else since.isoformat(),
            frames=frames,
            media=not no_media,
            with_prelabels=with_prelabels,
            licence=licence,
        )
        asked.check()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise typer.BadParameter(f"{first['msg']}.", param_hint=f"--{first['loc'][0]}") from error
    except ExportOptionsInvalid as error:
        raise typer.BadParameter(error.message, param_hint=f"--{error.facts['option']}") from error
    return asked

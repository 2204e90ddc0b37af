"""`gleaner prelabel run`: label files, a few or thousands, with one model."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelabel.cli.shown import Json, Threads, listed, to_people
from wire.errors import GleanerError

if TYPE_CHECKING:
    from prelabel.bulk import Alone, Crew, Journal, Outcome

Model = Annotated[str, typer.Argument(help="A name, a package folder, a model file, or `ocr`.")]
Files = Annotated[
    list[Path] | None, typer.Argument(help="Pictures, videos, sound; of a folder, every such file in it.")
]
FilesFrom = Annotated[
    Path | None, typer.Option("--files-from", help="Read the files from here, one a line; - is standard input.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Write the documents here, one a line; the same command goes on after an interruption."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output, and begin anew.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes; by default one a core when there are many files.")
]
Looks = Annotated[
    float | None, typer.Option("--looks", min=0.1, max=1000, help="Looks at a video a second; every frame without it.")
]
Expected = Annotated[str | None, typer.Option(help="What was to be said: `expected` of speech, never its text.")]
Language = Annotated[
    str | None, typer.Option(help="What is spoken (BCP 47); a recogniser of another language writes no text.")
]
Answer = Annotated[bool, typer.Option("--answer", help="The sound is a spoken answer: its words are one text too.")]
ALONE_UP_TO = 3  # files that are labelled before a worker process would be up
INTERRUPTED = 130


class NoFiles(GleanerError):
    """Nothing was named that could be labelled."""

    code = "no-files"
    status = 422
    exit_code = 2
    hint = "Name pictures, videos or sound files, or a folder of them."


def run(
    model: Model,
    files: Files = None,
    files_from: FilesFrom = None,
    out: Out = None,
    force: Force = False,
    workers: Workers = None,
    threads: Threads = 1,
    looks: Looks = None,
    expected: Expected = None,
    language: Language = None,
    answer: Answer = False,
    as_json: Json = False,
) -> None:
    """Label files. With --json one labels document a line, in the order of the files; its capture is the file's sha256.

    Exit status 1: a file could not be labelled (each is named); the others are done.
    """
    from prelabel.bulk import Alone, Crew, Journal, OutputExists
    from prelabel.label_file import describe

    if out is not None and out.exists() and not force:
        raise OutputExists(f"{out} is there already.")
    _bring(model)
    source = describe(model).source
    paths, beside = _wanted(files or [], files_from)
    settings = {
        "model": model, "sha256": source.sha256, "threads": threads, "looks_per_second": looks, "expected": expected,
        "language": language,
        "answer": answer,
    }  # fmt: skip
    count = workers or (1 if len(paths) <= ALONE_UP_TO else min(len(paths), os.cpu_count() or 1))
    hands = Crew(count) if workers is not None or count > 1 else Alone()
    journal = Journal(out, source, settings, anew=force) if out is not None else None
    try:
        tally = _work(paths, settings, hands, count, journal, as_json)
        _close(out, journal, paths, tally, beside, as_json)
    finally:
        hands.stop()
        if journal is not None:
            journal.close()
    if tally["failed"]:
        raise typer.Exit(1)


def _bring(model: str) -> None:
    """A model of the catalogue that is not here is fetched first, with a bar and its licence."""
    from prelabel import catalogue
    from prelabel.cli.shown import fetching, licence_line
    from prelabel.label_file import READING

    wanted = [item for item in catalogue.items() if item.kind == "model" and item.name == model]
    if model == READING:
        from prelabel.text.reading import CATALOGUE_PARTS

        wanted = [catalogue.item(name) for name in CATALOGUE_PARTS]
    for item in wanted:
        if catalogue.locate(item.name) is None:
            console = to_people()
            console.print(licence_line(item.name, item.licence, item.attribution))
            with fetching(console, item) as report:
                catalogue.fetch(item.name, report)


def _wanted(files: list[Path], files_from: Path | None) -> tuple[list[Path], int]:
    """The files to label, each once, and how many of the folders' files are no media."""
    from prelabel.label_file import NotMedia, medium_of

    named = [*files, *_listed_in(files_from)]
    found: dict[Path, None] = {}
    beside = 0
    for path in named:
        if not path.is_dir():
            found[path] = None
            continue
        for inner in sorted(one for one in path.rglob("*") if one.is_file()):
            try:
                medium_of(inner)
            except (NotMedia, OSError):
                beside += 1
            else:
                found[inner] = None
    if not found:
        raise NoFiles("There is no file to label." if named else "No file was named.")
    return list(found), beside


def _listed_in(files_from: Path | None) -> Iterator[Path]:
    if files_from is None:
        return
    try:
        text = sys.stdin.read() if str(files_from) == "-" else files_from.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoFiles(f"{files_from} cannot be read as a list of files: {error}.") from error
    yield from (Path(line) for line in text.splitlines() if line.strip())


def _work(
    paths: list[Path],
    settings: dict[str, Any],
    hands: Crew | Alone,
    workers: int,
    journal: Journal | None,
    as_json: bool,
) -> Counter[str]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from prelabel.bulk import label_files

    console = to_people()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tally: Counter[str] = Counter()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(str(settings["model"]), total=len(paths))
        known = [journal.known(path) if journal is not None else None for path in paths]
        fresh = label_files(
            [path for path, row in zip(paths, known, strict=True) if row is None], settings, hands, workers
        )
        try:
            for earlier in known:
                _take(next(fresh) if earlier is None else earlier, journal, as_json, tally, console)
                progress.advance(bar)
        except KeyboardInterrupt:
            done = f"{sum(tally.values())} of {len(paths)} files"
            go_on = f"{done} are kept; the same command goes on." if journal is not None else f"{done} were done."
            console.print(f"Interrupted: {go_on}")
            raise typer.Exit(INTERRUPTED) from None
    return tally


def _take(outcome: Outcome, journal: Journal | None, as_json: bool, tally: Counter[str], console: Any) -> None:
    if outcome.document is None:
        tally["failed"] += 1
        console.print(f"{outcome.sentence} [{outcome.code}]", markup=False)
        return
    tally["again" if outcome.again else "done"] += 1
    if journal is not None and not outcome.again:
        journal.keep(outcome)
    if as_json:
        typer.echo(json.dumps(outcome.document, ensure_ascii=False, separators=(",", ":")))
    elif journal is None:
        typer.echo(f"{outcome.path}: {_found(outcome.document)}")


def _found(document: dict[str, Any]) -> str:
    """What a document says, in a line: texts as they stand, everything else counted."""
    texts = [f'"{label["text"]}"' for label in document["labels"] if label["kind"] == "text"]
    counts = Counter(label["label"] for label in document["labels"] if label["kind"] != "text" or not texts)
    if texts:
        return listed(texts)
    return listed([f"{count} {word}" for word, count in counts.most_common()]) or "nothing"


def _close(
    out: Path | None, journal: Journal | None, paths: list[Path], tally: Counter[str], beside: int, as_json: bool
) -> None:
    console = to_people()
    if beside:
        console.print(
            f"{beside} file{'s' if beside > 1 else ''} in the folders {'are' if beside > 1 else 'is'} no media."
        )
    if out is None or journal is None:
        return
    lines = journal.finish(paths)
    if not lines or as_json:
        return
    again = f", {tally['again']} of them from before" if tally["again"] else ""
    failed = f"; {tally['failed']} could not be labelled" if tally["failed"] else ""
    console.print(f"{lines} documents{again}: {out}{failed}")

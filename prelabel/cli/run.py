"""`gleaner prelabel run`: label files, a few or thousands, with one model."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelabel.cli.output import Threads, listed, to_people
from prelabel.labelling.file_list import NoFiles, listed_in, media_files, skipped_sentence

if TYPE_CHECKING:
    from rich.console import Console

    from prelabel.labelling.many_files import InProcess, WorkerPool
    from prelabel.labelling.run_journal import FileOutcome, RunJournal

Model = Annotated[str, typer.Argument(help="A name, a package folder, a model file, or `ocr`.")]
Files = Annotated[
    list[Path] | None, typer.Argument(help="Pictures, videos, sound; of a folder, every such file in it.")
]
FilesFrom = Annotated[
    Path | None, typer.Option("--files-from", help="Read the files from here, one per line; - is standard input.")
]
Null = Annotated[bool, typer.Option("--null", "-0", help="The list ends each name with NUL, as find -print0 does.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Write the documents here, one per line; the same command continues after an interruption."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output and start over.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes; by default one per core when there are many files.")
]
Looks = Annotated[
    float | None,
    typer.Option(
        "--looks", min=0.1, max=1000, help="Frames of a video per second that the model sees; all by default."
    ),
]
Expected = Annotated[
    str | None, typer.Option(help="What the person was asked to say; saved as `expected`, never as the text.")
]
Language = Annotated[
    str | None, typer.Option(help="Spoken language (BCP 47); a recogniser of another language writes no text.")
]
Answer = Annotated[
    bool, typer.Option("--answer", help="The sound is a spoken answer: write its words as one text too.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one labels document per line, as each file is done.")]
ALONE_UP_TO = 3  # files that are labelled before a worker process would be up
INTERRUPTED = 130


def run(
    model: Model,
    files: Files = None,
    files_from: FilesFrom = None,
    null: Null = False,
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
    """Label files. With --json one labels document per line, in the order of the files; its capture is the file's
    sha256, its `media` names the file. A file that failed has a line with `file`, `code` and `error`.

    Exit status 1: a file could not be labelled (each is named); the others are done. It is 2 or 3 when nothing else
    went wrong than that the model is one of another medium, or that files are not there.
    """
    from prelabel.labelling.many_files import InProcess, WorkerPool, model_fault
    from prelabel.labelling.one_file import describe
    from prelabel.labelling.run_journal import RunJournal

    _refuse_taken(out, force)
    _fetch_model(model)
    source = describe(model).source
    named = [*(files or []), *listed_in(files_from, null)]
    found, skipped = media_files(named)
    if not found:
        raise NoFiles("There is no file to label." if named else "No file was named.")
    paths = list(found)
    settings = {
        "model": model, "sha256": source.sha256, "package": source.package, "threads": threads,
        "looks_per_second": looks, "expected": expected, "language": language,
        "answer": answer,
    }  # fmt: skip
    count = workers or (1 if len(paths) <= ALONE_UP_TO else min(len(paths), os.cpu_count() or 1))
    runner = WorkerPool(count) if workers is not None or count > 1 else InProcess()
    journal, tally = None, RunTally()
    try:
        bad = model_fault(runner, settings)
        if bad is not None:
            to_people().print(f"{bad.sentence} [{bad.code}]")
            raise typer.Exit(bad.status)
        journal = RunJournal(out, source, settings, anew=force) if out is not None else None
        _work(paths, settings, runner, count, journal, as_json, tally)
        _close(out, journal, paths, tally, skipped, as_json)
    except KeyboardInterrupt:
        done = f"Interrupted: {tally.all} of {len(paths)} files"
        resumed = "are saved; run the same command again to continue"
        to_people().print(f"{done} {'were done' if out is None else resumed}.")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        runner.stop()
        if journal is not None:
            journal.close()
    if tally.failed:
        raise typer.Exit(tally.status)


@dataclass
class RunTally:
    """What became of the files so far. `again`: known from an earlier run; `failed`: exit status of each failure."""

    done: int = 0
    again: int = 0
    failed: list[int] = field(default_factory=list)

    @property
    def all(self) -> int:
        return self.done + self.again + len(self.failed)

    @property
    def status(self) -> int:
        """The status all failures have, 1 when they differ."""
        return self.failed[0] if len(set(self.failed)) == 1 else 1


def _refuse_taken(out: Path | None, force: bool) -> None:
    from prelabel.labelling.outputs import OutputExists

    if out is None or not out.exists():
        return
    if not out.is_file():
        raise OutputExists(f"{out} exists and is not a file.", hint="Choose another name.")
    if not force:
        raise OutputExists(f"{out} already exists.")


def _fetch_model(model: str) -> None:
    """A model of the catalogue that is not here is fetched first, with a bar and its licence."""
    from prelabel.cli.output import fetching, licence_line
    from prelabel.labelling.one_file import READING
    from prelabel.models import catalogue

    wanted = [item for item in catalogue.items() if item.kind == "model" and item.name == model]
    if model == READING:
        from prelabel.text.reader import CATALOGUE_PARTS

        wanted = [catalogue.item(name) for name in CATALOGUE_PARTS]
    for item in wanted:
        if catalogue.locate(item.name) is None:
            console = to_people()
            console.print(licence_line(item.name, item.licence, item.attribution))
            with fetching(console, item) as report:
                catalogue.fetch(item.name, report)


def _work(
    paths: list[Path],
    settings: dict[str, Any],
    runner: WorkerPool | InProcess,
    workers: int,
    journal: RunJournal | None,
    as_json: bool,
    tally: RunTally,
) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from prelabel.labelling.many_files import InProcess, label_files

    console = to_people()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task(str(settings["model"]), total=len(paths))
        if isinstance(runner, InProcess):
            runner.progress = lambda done, whole: progress.update(
                bar, completed=tally.all + min(1.0, done / whole if whole else 0.0)
            )
        again = {path for path in paths if journal is not None and journal.knows(path)}
        fresh = label_files([path for path in paths if path not in again], settings, runner, workers)
        for path in paths:
            earlier = journal.known(path) if journal is not None and path in again else None
            _take(earlier or next(fresh), journal, as_json, tally, console)
            progress.update(bar, completed=tally.all)


def _print_line(line: str, console: Console) -> None:
    """A line of output; above the bar, where both are on a terminal."""
    from prelabel.labelling.outputs import OutputUnwritable

    if console.is_terminal and sys.stdout.isatty():
        console.print(line)
        return
    try:
        typer.echo(line)
    except BrokenPipeError:  # who read it has enough
        raise
    except OSError as error:
        raise OutputUnwritable(f"Standard output cannot be written: {error.strerror or error}.") from error


def _take(outcome: FileOutcome, journal: RunJournal | None, as_json: bool, tally: RunTally, console: Console) -> None:
    from prelabel.labelling.one_file import with_media
    from prelabel.labelling.run_journal import json_line

    if outcome.document is None:
        tally.failed.append(outcome.status)
        console.print(f"{outcome.sentence} [{outcome.code}]")
        if as_json:
            row = {"file": str(outcome.path), "code": outcome.code, "error": outcome.sentence}
            _print_line(json_line(row), console)
        return
    if outcome.again:
        tally.again += 1
    else:
        tally.done += 1
        if journal is not None:
            journal.save(outcome)
    if as_json:
        _print_line(json_line(with_media(outcome.document, outcome.media, str(outcome.path))), console)
    elif journal is None:
        _print_line(f"{outcome.path}: {_found(outcome.document)}", console)


def _found(document: dict[str, Any]) -> str:
    """A document in one line: its texts, everything else counted."""
    texts = [f'"{label["text"]}"' for label in document["labels"] if label["kind"] == "text"]
    counts = Counter(label["label"] for label in document["labels"] if label["kind"] != "text" or not texts)
    if texts:
        return listed(texts)
    return listed([f"{count} {word}" for word, count in counts.most_common()]) or "nothing"


def _close(
    out: Path | None, journal: RunJournal | None, paths: list[Path], tally: RunTally, skipped: int, as_json: bool
) -> None:
    console = to_people()
    if skipped:
        console.print(skipped_sentence(skipped))
    if out is None or journal is None:
        return
    lines = journal.finish(paths)
    if not lines or as_json:
        return
    again = f", {tally.again} from an earlier run" if tally.again else ""
    failed = f"; {len(tally.failed)} could not be labelled" if tally.failed else ""
    console.print(f"{lines} document{'' if lines == 1 else 's'}{again}: {out}{failed}")

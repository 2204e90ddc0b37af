"""`gleaner prelabel redact`: mask faces and mute speech in files that exist."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from prelabel.labelling.file_list import NoFiles, media_files, skipped_sentence
from wire.errors import GleanerError

if TYPE_CHECKING:  # listing models must not load what redaction needs
    from prelabel.redaction.files import RedactedFile
    from prelabel.redaction.videofile import Progress as Report
    from wire.redaction import MaskRecord, Why
    from wire.script import Redaction


# Regions of a record that are pictures, by `why`.
_MASKED: dict[Why, str] = {"face": "faces", "person": "people", "undecided": "the whole picture"}


class FacesOption(StrEnum):
    everyone = "everyone"
    keep = "keep"


class SpeechOption(StrEnum):
    mute = "mute"
    keep = "keep"


class MethodOption(StrEnum):
    solid = "solid"
    mosaic = "mosaic"


class SoundOption(StrEnum):
    zeros = "zeros"
    noise = "noise"


def redact(
    files: Annotated[list[Path], typer.Argument(help="Videos, stills and sound; of a folder, all in it.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.redacted.EXT and NAME.EXT.redaction.json.")],
    faces: Annotated[
        FacesOption, typer.Option(help="Mask every face (the whole person where no face is seen), or nothing.")
    ] = (FacesOption.everyone),
    speech: Annotated[SpeechOption, typer.Option(help="Mute all speech, or nothing.")] = SpeechOption.mute,
    prompted: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM-TO", help="Range in seconds whose speech is not muted, such as 3.5-8. Repeatable."),
    ] = None,
    method: Annotated[
        MethodOption, typer.Option(help="How a mask looks: solid, or a coarse mosaic.")
    ] = MethodOption.solid,
    sound: Annotated[
        SoundOption, typer.Option(help="What replaces muted sound: zeros, or noise of constant level.")
    ] = SoundOption.zeros,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier run wrote.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per file on standard output.")] = False,
) -> None:
    """Write copies of files with faces masked and speech muted; the originals stay as they are.

    Nothing is written of a file for which it is uncertain what has to be masked; the others are done, and the exit
    status is that of the first failure. Needs the models centerface, yolox-nano and silero-vad (gleaner prelabel pull).
    """
    from prelabel.redaction.files import Claimed, NothingToRedact, redact_file

    if faces is FacesOption.keep and speech is SpeechOption.keep:
        raise NothingToRedact("Nothing is left to redact: faces and speech are both left as they are.")
    stretches = [_stretch(text) for text in prompted or ()]
    if stretches and speech is SpeechOption.keep:
        raise typer.BadParameter("--prompted cannot be combined with --speech keep.", param_hint="--prompted")
    policy = _policy(faces, speech, method, sound)
    console = Console(stderr=True, soft_wrap=True)
    status = 0
    found, skipped = media_files(files, outside=out)
    if not found:
        raise NoFiles("There is no file to redact.")
    claimed = Claimed(found)
    for path, below in found.items():
        try:
            with _progress(console, path) as report:
                made = redact_file(path, out / below, policy, report, prompted=stretches, force=force, claimed=claimed)
        except GleanerError as error:
            status = status or error.exit_code
            if as_json:
                typer.echo(json.dumps({"file": str(path), "code": error.code, "error": str(error)}))
            typer.echo(f"{error} [{error.code}]", err=True)
            continue
        typer.echo(_line(path, made) if as_json else _sentence(path, made))
    if skipped:
        typer.echo(skipped_sentence(skipped), err=True)
    raise typer.Exit(status)


def _policy(faces: FacesOption, speech: SpeechOption, method: MethodOption, sound: SoundOption) -> Redaction:
    from wire.script import Redaction

    return Redaction(
        faces="everyone" if faces is FacesOption.everyone else None,
        speech="outside-prompts" if speech is SpeechOption.mute else None,
        method=method.value,
        sound=sound.value,
    )


def _stretch(text: str) -> tuple[int, int]:
    """Seconds FROM-TO as microseconds [from, to)."""
    begin, _, end = text.partition("-")
    try:
        from_us, to_us = round(float(begin) * 1_000_000), round(float(end) * 1_000_000)
    except (ValueError, OverflowError):
        from_us, to_us = 0, 0
    if not 0 <= from_us < to_us:
        raise typer.BadParameter(f"{text!r} is not a range in seconds such as 3.5-8.", param_hint="--prompted")
    return from_us, to_us


def _line(path: Path, made: RedactedFile) -> str:
    return json.dumps(
        {"file": str(path), "output": str(made.output), "account": str(made.account), **made.facts.to_json()}
    )


def _sentence(path: Path, made: RedactedFile) -> str:
    return f"{path}: {what_was_masked(made.facts.masks)}; {made.output}"


def what_was_masked(masks: MaskRecord) -> str:
    """Pictures, faces and speech of an account, counted in one line."""
    parts = []
    if masks.frames:
        counts = Counter(row.why for row in masks.regions if row.keyframes)
        kinds = [f"{counts[why]} on {what}" for why, what in _MASKED.items() if counts[why]]
        noun = "picture" if masks.frames == 1 else "pictures"
        on = f" (masks: {', '.join(kinds)})" if kinds else ""
        parts.append(f"{masks.frames_masked} of {masks.frames} {noun} masked{on}")
    speech_us = sum(row.end_us - row.start_us for row in masks.regions if row.why == "speech")
    if speech_us:
        parts.append(f"{speech_us / 1e6:.1f} s of speech muted")
    return ", ".join(parts) or "nothing to mask was found"


@contextmanager
def _progress(console: Console, path: Path) -> Iterator[Report]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(path.name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)

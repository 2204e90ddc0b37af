"""Ctrl-C in a command that takes long: one line that says how things are now and how to continue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from wire.interrupted import Interrupted

NOTHING_CHANGED = "Nothing was changed; what was not read yet was not checked."
SAME_COMMAND = "The same command continues."


@contextmanager
def when_stopped(sentence: str | Callable[[], str | None]) -> Iterator[None]:
    """`sentence`: how things are then; None: there is nothing to say. The command ends with 130."""
    try:
        yield
    except KeyboardInterrupt:
        said = sentence if isinstance(sentence, str) else sentence()
        if said is not None:
            typer.echo(f"Stopped. {said}", err=True)
        raise


@contextmanager
def asking() -> Iterator[None]:
    """Around a question at the terminal, where click takes Ctrl-C for a no. Raises Interrupted."""
    try:
        yield
    except typer.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise Interrupted from error
        raise


def confirm(question: str) -> None:
    """Before a change that is hard to take back. A no, and Ctrl-C, end the command. Raises typer.Abort, Interrupted."""
    with when_stopped("Nothing was changed."), asking():
        typer.confirm(question, abort=True)

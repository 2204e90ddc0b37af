"""Files that a command writes, and why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wire.errors import GleanerError


class OutputExists(GleanerError):
    """A file that would be written already exists."""

    code = "output-exists"
    status = 409
    exit_code = 2
    hint = "Choose another name, or pass --force to replace it."


class OutputUnwritable(GleanerError):
    """The place for the result cannot be written."""

    code = "output-unwritable"
    exit_code = 3
    hint = "Free space there, or choose another folder."


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Raises OutputUnwritable for an error of the system in the block."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror or error}.") from error

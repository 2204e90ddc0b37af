"""Ctrl-C, and other signals that ask a command to end, as an exception."""

from __future__ import annotations

from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal asked to end.

    Python remembers a plain KeyboardInterrupt that leaves an `exec` of text, which dataclasses run while modules are
    imported, and at last ends by the signal, whatever was caught and printed. Of a subclass it remembers nothing.
    """


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """A handler for `signal.signal`. Raises Interrupted."""
    raise Interrupted

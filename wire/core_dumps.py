"""What a crash may leave on a disk: nothing of the memory of a process that has keys, recordings or names in it."""

from __future__ import annotations

import resource


def forbid_core_dumps() -> None:
    """Keep a crash of this process, and of those it starts, from writing its memory to a disk.

    Too small a limit keeps Linux from writing a file, but not from giving the memory to a program that collects
    crashes; one byte keeps it from both (core(5); fs/coredump.c).
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if most == 0 else 1, most))

"""Where the files of a backup repository are: names like `objects/ab/abcd…` with bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class BackupStorage(Protocol):
    """Nine duties. Names are relative, with `/` between their parts; a file is there whole or not at all.

    Each method raises BackupStorageUnusable where the disk, share or service refuses.
    """

    def list(self, folder: str) -> Iterator[tuple[str, int]]:
        """Name and size in bytes of every whole file below a folder, in no order; nothing where there is no folder."""
        ...

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file. Raises FileNotFoundError."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write or replace a small file; it is durable when this returns."""
        ...

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write or replace a file; it may get its name, and is durable, only after `commit`.

        Where the pieces raise, nothing of the file remains.
        """
        ...

    def commit(self) -> None:
        """Make every file that was put durable under its name."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; one that is not there is no error."""
        ...

    def is_versioned(self) -> bool:
        """Whether what is deleted or replaced from now on can still be had here. It may write a small file for that."""
        ...

    def delete_unfinished(self) -> None:
        """Delete what interrupted processes have left of files that were put; nobody else writes meanwhile."""
        ...

    def lock(self, name: str, *, shared: bool = False) -> AbstractContextManager[None]:
        """Hold a lock for a block; it ends with the process. Raises BackupInUse: another process holds it."""
        ...

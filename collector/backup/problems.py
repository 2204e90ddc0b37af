"""What can be wrong with a backup or with where it is saved.

GleanerError
├── BackupDamaged               backup-damaged
├── BackupInUse                 backup-in-use
├── BackupNotFound              backup-not-found
├── BackupStorageUnusable       backup-storage-unusable
├── BackupTooNew                backup-too-new
├── ParticipantNotInBackups     participant-not-in-backups
├── PassphraseMissing           passphrase-missing
├── PassphraseWrong             passphrase-wrong
├── RestoreTargetNotEmpty       restore-target-not-empty
└── SchemaDiffers               schema-differs
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from wire.errors import GleanerError


class BackupDamaged(GleanerError):
    """A file of a backup repository is missing, cut off or changed. `facts["files"]` has the names."""

    code = "backup-damaged"
    exit_code = 1
    hint = (
        "Move the named files out of the repository and run `gleaner collector backup` again: it saves anew what is"
        " still in the collector. To restore what is left, use an older snapshot or --without-damaged."
    )


class BackupInUse(GleanerError):
    """Another process uses the repository."""

    code = "backup-in-use"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Wait until the other command has ended."


class BackupNotFound(GleanerError):
    """The folder or address is no backup repository, or has no such snapshot."""

    code = "backup-not-found"
    status = 404
    exit_code = 3
    hint = (
        "Name the folder or address that `gleaner collector backup` filled; `gleaner collector backups list` shows its"
        " snapshots."
    )


class BackupStorageUnusable(GleanerError):
    """The disk, share or S3 server of the repository is full, missing, or cannot be read or written."""

    code = "backup-storage-unusable"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Make room there, or mount it again; then run the same command: what was saved is not copied again."


class BackupTooNew(GleanerError):
    """The repository or the snapshot was written by a newer version."""

    code = "backup-too-new"
    status = 409
    exit_code = 3
    hint = "Install the version that made the backup, or a later one."


class ParticipantNotInBackups(GleanerError):
    """No snapshot has anything of a participant."""

    code = "participant-not-in-backups"
    status = 404
    exit_code = 1
    hint = "Compare the id with that in the collector, letter by letter. Who was erased before is not there, either."


class PassphraseMissing(GleanerError):
    """No passphrase was given, or one that is too short for a new repository."""

    code = "passphrase-missing"
    status = 422
    exit_code = 2
    hint = (
        "Choose one of at least 12 characters, write it into a file that only you can read, and name that file with"
        " --passphrase-file. Save a copy away from this machine: without it nobody can restore."
    )


class PassphraseWrong(GleanerError):
    """The passphrase does not open the repository."""

    code = "passphrase-wrong"
    status = 403
    exit_code = 2
    hint = "Give the passphrase with which the first backup was made. There is no other way to open it."


class RestoreTargetNotEmpty(GleanerError):
    """The folder to restore into has something in it."""

    code = "restore-target-not-empty"
    status = 409
    exit_code = 2
    hint = "Name a new or empty folder with --data. To replace a collector, move its data folder away first."


class SchemaDiffers(GleanerError):
    """The database is at another schema than this version's."""

    code = "schema-differs"
    status = 409
    exit_code = 2
    hint = "Run `gleaner collector migrate`, or use the `gleaner` of the version that runs the service."


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Map what the system reports of the repository's disk; `what` begins the sentence.

    Raises:
        BackupStorageUnusable.
    """
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        place = f" ({error.filename})" if error.filename else ""
        raise BackupStorageUnusable(f"{what}: {reason}{place}.") from error

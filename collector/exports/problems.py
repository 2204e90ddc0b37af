"""What can go wrong in an export.

GleanerError
├── FolderNotEmpty      export-folder-not-empty
├── FolderNotWritable   export-folder-not-writable
├── ExportRunning       export-running
├── MediaDamaged        media-damaged
├── MediaNotExported    media-not-exported
└── ExportDamaged       export-damaged
"""

from __future__ import annotations

from wire.errors import GleanerError


class FolderNotEmpty(GleanerError):
    code = "export-folder-not-empty"
    status = 409
    exit_code = 2
    hint = "Name a folder that is empty or does not exist yet; an export is never mixed with existing files."


class FolderNotWritable(GleanerError):
    """The folder cannot be made or filled: permissions, a full disk, a file in its place."""

    code = "export-folder-not-writable"
    status = 500
    exit_code = 3
    hint = "Free some disk space or name another folder."


class ExportRunning(GleanerError):
    """Another process makes an export to the same folder."""

    code = "export-running"
    status = 409
    exit_code = 2
    hint = "Wait until it ends, or name another folder."


class MediaDamaged(GleanerError):
    """A blob does not have the bytes its name promises, or does not decode as far as its frame table says."""

    code = "media-damaged"
    status = 500
    exit_code = 1
    hint = "Check the disk that holds the data folder and restore the blob from a backup, then run the export again."


class MediaNotExported(GleanerError):
    """The files of a capture could not be made, for a reason that the sentence has."""

    code = "media-not-exported"
    status = 500
    exit_code = 1
    hint = "Correct what the sentence names, then run the export again: it continues."


class ExportDamaged(GleanerError):
    """A folder is not, or no longer, what was exported. `facts["file"]` names the file."""

    code = "export-damaged"
    status = 500
    exit_code = 1
    hint = "Copy the folder again from where it was made, or export anew."

"""What can go wrong in an export.

GleanerError
├── FolderNotEmpty      export-folder-not-empty
├── FolderNotWritable   export-folder-not-writable
├── MediaDamaged        media-damaged
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
    hint = "Free some disk space or name another folder. No partial files were left behind."


class MediaDamaged(GleanerError):
    """A blob does not have the bytes its name promises, or does not decode as far as its frame table says."""

    code = "media-damaged"
    status = 500
    exit_code = 1
    hint = "Check the disk that holds the data folder and restore the blob from a backup; nothing was exported."


class ExportDamaged(GleanerError):
    """A folder is not, or no longer, what was exported. `facts["file"]` names the file."""

    code = "export-damaged"
    status = 500
    exit_code = 1
    hint = "Copy the folder again from where it was made, or export anew."

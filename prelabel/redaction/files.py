"""Files that exist, redacted into new ones: the same masks as on the device, the original untouched.

Each NAME.redacted.EXT comes with NAME.EXT.redaction.json: hashes of both files and what was masked, never a picture.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import av
import cv2

from prelabel.audio.vad import VadModel
from prelabel.labelling.one_file import FileMissing
from prelabel.labelling.outputs import OutputExists, OutputUnwritable
from prelabel.media.pictures import is_still, read_picture
from prelabel.redaction.people_finder import PeopleFinder, from_catalogue, voice_from_catalogue
from prelabel.redaction.soundfile import Stretches, redact_sound, sound_suffix
from prelabel.redaction.source_file import opened
from prelabel.redaction.video import redact_picture
from prelabel.redaction.videofile import MAX_SIDE, Progress, redact_video, video_stream, video_suffix
from wire.base import Count, Document, Sha256, WireModel
from wire.errors import GleanerError
from wire.files import file_sha256, sync_file, sync_folder
from wire.redaction import MaskRecord
from wire.script import Redaction

JPEG_QUALITY = 92


class NothingToRedact(GleanerError):
    """What was asked for has nothing to do on this file, so no new file is made that would look redacted."""

    code = "nothing-to-redact"
    status = 422
    exit_code = 2
    hint = "Pictures are masked with --faces everyone, sound is muted with --speech mute."


class HashedFile(WireModel):
    """A file by name, hash and size."""

    name: str
    sha256: Sha256
    bytes: Count


class FileRedaction(Document):
    """What NAME.EXT.redaction.json holds."""

    original: HashedFile
    redacted: HashedFile
    masks: MaskRecord


@dataclass(frozen=True)
class RedactedFile:
    """A file that was written, its account, and the content of the account."""

    output: Path
    account: Path
    facts: FileRedaction


_Writer = Callable[[Path], MaskRecord]


class Claimed:
    """The files that no other file of a run may replace: the originals, and what the run has written."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._files: dict[tuple[int, int], Path] = {}
        for path in paths:
            with suppress(OSError):  # what is not there is reported when it is its turn
                self.add(path, path)

    def add(self, path: Path, original: Path) -> None:
        """Claim a file for an original. Raises OSError: it is not there."""
        self._files[_identity(path)] = original

    def owner(self, path: Path) -> Path | None:
        """Whose file is there, None when nobody claims it. Names that differ in case may be one file."""
        try:
            return self._files.get(_identity(path))
        except OSError:
            return None


def redact_file(
    path: Path,
    out_folder: Path,
    policy: Redaction,
    progress: Progress | None = None,
    *,
    finder: Callable[[], PeopleFinder] | None = None,
    voice: Callable[[], VadModel] | None = None,
    prompted: Stretches = (),
    force: bool = False,
    claimed: Claimed | None = None,
) -> RedactedFile:
    """Write NAME.redacted.EXT and NAME.EXT.redaction.json into a folder; the first never without the second.

    Where EXT changes, NAME is the whole name of the original (`a.mp3` becomes `a.mp3.redacted.flac`), so files with
    different names never share an output or an account.

    Videos become H.264 in MP4 (Matroska stays Matroska), stills stay JPEG or PNG (all else becomes PNG), WAV stays
    WAV, other sound becomes FLAC. Tags, EXIF, thumbnails, covers and subtitles are left behind. In a file nobody is
    known as the participant, so everybody is masked.

    Args:
        progress: called with what is done and the whole, microseconds of media time; the whole may be 0 (not known).
        finder, voice: give the models, asked for when the file needs them; the catalogue's when None, loaded once.
        prompted: stretches [from, to) in microseconds of media time whose speech was asked for and stays.
        force: replace what an earlier run wrote.
        claimed: what even `force` does not replace; the new file and its account are added.

    Raises:
        FileMissing: there is no such file.
        OutputExists: it was written before, or another file of the run has that name.
        OutputUnwritable: the folder takes no files.
        NothingToRedact: the policy has nothing to do on it.
        RedactionUnavailable: a model it needs is not on this machine.
        NotRedactable, PictureUnreadable, PictureTooLarge: the file cannot be read to its end.
        RedactionFailed: it is uncertain what has to be masked.
    """
    if not path.is_file():
        raise FileMissing(f"There is no file {path}.")
    suffix, write = _plan(
        path,
        policy,
        progress or (lambda done, total: None),
        finder or catalogue_finder,
        voice or catalogue_voice,
        prompted,
    )
    output, account = _targets(path, out_folder, suffix)
    claimed = Claimed() if claimed is None else claimed
    _check_free(path, (output, account), force, claimed)
    try:
        out_folder.mkdir(parents=True, exist_ok=True)
        facts = _write_both(path, output, account, write)
        claimed.add(output, path)
        claimed.add(account, path)
        sync_folder(out_folder)
    except (OSError, av.error.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputUnwritable(f"{output} cannot be written: {reason}.") from error
    return RedactedFile(output, account, facts)


def _targets(path: Path, folder: Path, suffix: str) -> tuple[Path, Path]:
    """Where the redacted file and its account go."""
    base = path.stem if path.suffix == suffix else path.name
    return folder / f"{base}.redacted{suffix}", folder / f"{base}{suffix}.redaction.json"


def _write_both(path: Path, output: Path, account: Path, write: _Writer) -> FileRedaction:
    """Write the redacted file and its account, each whole or not at all; the folder is yet to be synced."""
    folder = output.parent
    with _temporary(folder, output.suffix) as made, _temporary(folder, ".json") as told:
        masks = write(made)
        facts = FileRedaction(original=_facts(path, path.name), redacted=_facts(made, output.name), masks=masks)
        told.write_text(json.dumps(facts.to_json(), indent=1) + "\n", encoding="utf-8")
        sync_file(made)
        sync_file(told)
        # The account first: a redacted file without one cannot be distinguished from a copy.
        told.replace(account)
        made.replace(output)
    return facts


def _check_free(path: Path, targets: tuple[Path, Path], force: bool, claimed: Claimed) -> None:
    for target in targets:
        owner = claimed.owner(target)
        if owner is not None:
            raise OutputExists(
                f"{path} would replace {target}, which is {'an original' if owner == target else f'of {owner}'}.",
                hint="Redact files of one name into different folders.",
            )
    if targets[0].exists() and not force:
        raise OutputExists(f"{targets[0]} already exists.")


@cache
def catalogue_finder() -> PeopleFinder:
    """The catalogue's models for files: small faces count there, and nobody waits for the next frame."""
    return from_catalogue(MAX_SIDE)


@cache
def catalogue_voice() -> VadModel:
    return voice_from_catalogue()


def _plan(
    path: Path,
    policy: Redaction,
    progress: Progress,
    finder: Callable[[], PeopleFinder],
    voice: Callable[[], VadModel],
    prompted: Stretches,
) -> tuple[str, _Writer]:
    """How the new file ends, and what writes it."""
    if is_still(path):
        if policy.faces is None:
            raise NothingToRedact(f"{path} is a still, and its faces are left as they are.")
        suffix = path.suffix.lower() if path.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        return suffix, partial(_redact_still, path, policy, finder())
    with opened(path) as container:
        film = video_stream(container) is not None
        heard = bool(container.streams.audio)
    if film:
        if policy.faces is None and not heard:
            raise NothingToRedact(f"{path} has no sound, and its faces are left as they are.")
        seer = finder() if policy.faces is not None else None
        hearer = voice() if policy.speech is not None and heard else None
        return video_suffix(path), lambda out: redact_video(path, out, policy, seer, hearer, progress, prompted)
    if policy.speech is None:
        raise NothingToRedact(f"{path} is sound, and its speech is left as it is.")
    listener = voice()
    return sound_suffix(path), lambda out: redact_sound(path, out, policy, listener, progress, prompted)


def _redact_still(path: Path, policy: Redaction, finder: PeopleFinder, out: Path) -> MaskRecord:
    masked, record = redact_picture(read_picture(path), policy, finder, allowed=False)
    options = [] if out.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    done, data = cv2.imencode(out.suffix, masked, options)
    if not done:
        raise OutputUnwritable(f"A picture of shape {masked.shape} could not be encoded.")
    out.write_bytes(data.tobytes())
    return record


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _facts(path: Path, name: str) -> HashedFile:
    return HashedFile(name=name, sha256=file_sha256(path), bytes=path.stat().st_size)


@contextmanager
def _temporary(folder: Path, suffix: str) -> Iterator[Path]:
    """A file next to its target that is deleted afterwards, unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".redacting-", suffix=suffix)
    os.close(handle)
    path = Path(name)
    path.chmod(0o644)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)

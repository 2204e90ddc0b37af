"""The files of one capture in an export: the item of its bulk work, on this machine or another. Knows no database.

What is there already is not made again: a file that an interrupted export left is used where its hash is right.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2

from collector.bulk.batch import BulkUnable
from collector.bulk.media import open_media
from collector.exports.folder import DONE, EARLIER
from collector.exports.frames import Picture, exact_frames
from collector.exports.problems import FolderNotWritable, MediaDamaged
from collector.store.blobs import MAX_BYTES, BlobStore, read_whole
from wire.canonical import document_hash
from wire.capture import FrameTable
from wire.files import file_sha256, write_whole

WORK = "collector.exports.media_work:export_media"


@dataclass(frozen=True)
class ExportedFile:
    """One file of an export. `name`: from the folder of the export; `frame` and `start_us`: of a video's picture;
    the size where it was asked for.
    """

    name: str
    sha256: str
    width: int | None = None
    height: int | None = None
    frame: int | None = None
    start_us: int | None = None


def export_media(inputs: dict[str, Any]) -> dict[str, Any]:
    """Put the files of one capture into the folder of an export.

    Args:
        inputs: `folder` and `blobs` (`BlobsLocation`), and for a copy of a blob `key`, `name`, `sized`; for pictures
            of a video `key`, `table` (the key of its frame table), `prefix` of their names, and `every` or `frames`.

    Returns:
        `{"files": [ExportedFile]}`, in the order of frames.

    Raises:
        MediaDamaged, FolderNotWritable; BulkUnable: the folder is not on this machine; what reading blobs raises.
    """
    folder = Path(inputs["folder"])
    if not (folder / DONE).is_dir():
        raise BulkUnable(
            f"The folder of the export, {folder}, is not on this machine.",
            hint="Export to a folder that every node of the cluster has at the same path.",
        )
    blobs = open_media(inputs["blobs"])
    try:
        if "table" in inputs:
            files = _pictures(folder, blobs, inputs)
        else:
            files = [_copy(folder, blobs, inputs["key"], inputs["name"], inputs["sized"])]
    except OSError as error:
        raise FolderNotWritable(f"The export to {folder} failed: {error.strerror or error}.") from error
    return {"files": [asdict(file) for file in files]}


def _copy(folder: Path, blobs: BlobStore, key: str, name: str, sized: bool) -> ExportedFile:
    if not _is_there(folder, name, key):
        digest = hashlib.sha256()
        made = _making(folder, name)
        with made.open("wb") as file:
            for piece in blobs.read(key, 0, MAX_BYTES):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != key:
            made.unlink()
            raise MediaDamaged(f"The blob {key[:12]}… has changed since it was stored.")
        made.rename(folder / name)
    return ExportedFile(name, key, *(_size(folder / name) if sized else ()))


def _size(path: Path) -> tuple[int, int]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise MediaDamaged(f"The still {path.name} is not a picture.")
    return int(picture.shape[1]), int(picture.shape[0])


def _pictures(folder: Path, blobs: BlobStore, inputs: dict[str, Any]) -> Sequence[ExportedFile]:
    asked = {name: inputs[name] for name in ("key", "table", "prefix", "every", "frames")}
    record = folder / DONE / f"{document_hash(asked)}.json"
    files = _recorded(folder, record)
    if files is None:
        times = FrameTable.read(read_whole(blobs, inputs["table"])).times_us
        files = list(_make_pictures(folder, blobs, inputs, times))
        write_whole(record, json.dumps([asdict(file) for file in files]).encode())
    return files


def _recorded(folder: Path, record: Path) -> list[ExportedFile] | None:
    """What was made for the same input, if all of it is there and right."""
    if not record.is_file():
        return None
    try:
        files = [ExportedFile(**row) for row in json.loads(record.read_text(encoding="utf-8"))]
    except (ValueError, TypeError):  # a power cut
        return None
    return files if all(_is_there(folder, file.name, file.sha256) for file in files) else None


def _make_pictures(
    folder: Path, blobs: BlobStore, inputs: dict[str, Any], times: Sequence[int]
) -> Iterator[ExportedFile]:
    every = inputs["every"]
    wanted = inputs["frames"] if every is None else list(range(0, len(times), every))
    with blobs.local_file(inputs["key"]) as video:
        for frame, picture in exact_frames(video, wanted):
            name = f"{inputs['prefix']}_{frame:06d}.png"
            height, width = picture.shape[:2]
            yield ExportedFile(name, _write(folder, name, picture), width, height, frame, times[frame])


def _write(folder: Path, name: str, picture: Picture) -> str:
    """Returns the sha256 of the file."""
    # PNG, because a JPEG would no longer be the frame that was decoded.
    done, body = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:
        raise FolderNotWritable(f"The picture {name} could not be encoded.")
    made = _making(folder, name)
    made.write_bytes(body.tobytes())
    made.rename(folder / name)
    return hashlib.sha256(body.tobytes()).hexdigest()


def _is_there(folder: Path, name: str, sha256: str) -> bool:
    """Whether the file is in its place with this hash, or came there from what an earlier export left."""
    target, left = folder / name, folder / EARLIER / Path(name).name
    if target.is_file():
        return file_sha256(target) == sha256
    if not left.is_file() or file_sha256(left) != sha256:
        return False
    left.rename(target)
    return True


def _making(folder: Path, name: str) -> Path:
    """A file in the making, next to its place; two processes may make the same one."""
    return folder / DONE / f"{Path(name).name}.{secrets.token_hex(4)}"

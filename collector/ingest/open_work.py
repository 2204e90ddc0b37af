"""Opening a capture in a worker process: is every part as sent, does it decode, then the blob.

A device deletes only what this function has read. Each part is hashed once, from the disk: that hash says whether the
part is as sent, whether the original is the one its manifest names, and under which key its blob is. Input and output
are JSON types (see `prelabel.labelling.worker`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.ingest import media
from collector.ingest.scan import scan_parts
from collector.ingest.staged_parts import staged_parts
from collector.setting_tables import ScanSettings
from collector.store.blobs import BlobStore
from collector.store.blobs_local import disk_errors
from collector.store.open_blobs import BlobsLocation, open_blobs
from prelabel.geometry.validity import readable_part
from wire.canonical import canonical_json, sha256_hex
from wire.capture import CaptureManifest, FrameTable
from wire.errors import GleanerError
from wire.labels import LabelsDocument
from wire.redaction import MaskRecord

MAX_DOCUMENT_BYTES = 64 * 2**20  # of a part that is read whole: frame table, labels, masks


class PartMismatch(GleanerError):
    """A part belongs to another capture, or disagrees with its media."""

    code = "part-mismatch"
    status = 422
    hint = "The device keeps its copy; its log says what it recorded."


def open_capture(inputs: dict[str, Any]) -> dict[str, Any]:
    """`{"manifest": text, "parts": {name: path}, "blobs": BlobsLocation, "staging": see staged_parts,
    "scan": ScanSettings}` -> one of

    `{"send_again": [names]}`    parts whose bytes are not the ones their manifest names
    `{"found": sentence}`        the virus scanner found something
    `{"unreadable": sentence}`   every byte is right and the capture cannot be read
    `{"opened": {sha256, bytes, duration_us, frames, original, frame_table, labels, redaction, staged, note}}`
    """
    manifest = CaptureManifest.read(inputs["manifest"])
    blobs = open_blobs(BlobsLocation.read(inputs["blobs"]))
    with staged_parts(inputs, blobs) as found:
        wrong = [
            part.name
            for part in manifest.parts
            if part.name not in found or found[part.name].sha256 != part.sealed_sha256
        ]
        if wrong:
            return {"send_again": wrong}
        parts = {name: part.path for name, part in found.items()}
        scan = ScanSettings.model_validate(inputs.get("scan", {}))
        if scan.clamd is not None and (found_in := scan_parts(scan, parts)) is not None:
            return {"found": found_in}
        try:
            return {"opened": _open(manifest, parts, found["media"].sha256, blobs)}
        except GleanerError as error:
            if error.retryable:
                raise
            return {"unreadable": error.message}


def _open(manifest: CaptureManifest, parts: dict[str, Path], original: str, blobs: BlobStore) -> dict[str, Any]:
    """`original`: the sha256 of the media."""
    path = parts["media"]
    if not path.exists():
        path.touch()
    if manifest.sha256 is not None and original != manifest.sha256:
        raise PartMismatch("The original does not have the sha256 its manifest names.")
    facts, table = _read_torn(manifest, parts) if not manifest.complete else _read_complete(manifest, parts)
    labels = [_labels(manifest, name, place) for name, place in parts.items() if name.startswith("labels:")]
    redaction = _redaction(manifest, parts.get("redaction"), table)
    blobs.put_file(path, original)
    frame_table = None
    if table is not None:
        frame_table = _put_bytes(blobs, canonical_json(table))
    return {
        "sha256": original,
        "bytes": path.stat().st_size,
        "original": original,
        "frame_table": frame_table,
        "labels": labels,
        "redaction": None if redaction is None else _put_bytes(blobs, redaction),
        "staged": [place.name for place in parts.values()],
        **facts,
    }


def _read_complete(manifest: CaptureManifest, parts: dict[str, Path]) -> tuple[dict[str, Any], FrameTable | None]:
    """Facts and frame table of a complete capture. Raises MediaUnreadable, PartMismatch, BadDocument."""
    path = parts["media"]
    facts: dict[str, Any] = {"duration_us": manifest.duration_us, "frames": manifest.frames, "note": None}
    if manifest.medium == "video":
        table = _frame_table(manifest, parts)
        index = media.index_video(path)
        if len(index.pts) != len(table.times_us):
            raise PartMismatch(f"The video has {len(index.pts)} frames, its frame table {len(table.times_us)}.")
        media.decode_video_edges(path, index)
        facts["frames"] = len(table.times_us)
        return facts, table
    if manifest.medium == "audio":
        samples, rate = media.decode_audio(path)
        facts["duration_us"] = facts["duration_us"] or round(samples * 1_000_000 / rate)
    elif manifest.medium == "image":
        media.decode_image(path)
    else:
        media.decode_text(path)
    return facts, None


def _read_torn(manifest: CaptureManifest, parts: dict[str, Path]) -> tuple[dict[str, Any], FrameTable | None]:
    """What is left of a torn capture; never an error, because the device has nothing better to send."""
    path = parts["media"]
    facts: dict[str, Any] = {"duration_us": manifest.duration_us or 0, "frames": None, "note": None}
    table = None
    try:
        if manifest.medium == "video":
            table = _frame_table(manifest, parts)
            count = min(media.count_torn_frames(path), len(table.times_us))
            table = FrameTable(capture=manifest.capture, times_us=table.times_us[:count])
            facts |= {"frames": count, "duration_us": _end_of(table.times_us)}
        elif manifest.medium == "audio":
            samples, rate = media.decode_audio(path)
            facts["duration_us"] = round(samples * 1_000_000 / rate)
        elif manifest.medium == "image":
            media.decode_image(path)
        else:
            media.decode_text(path)
    except media.MediaUnreadable as error:
        facts |= {"duration_us": 0, "note": f"Torn: {error.message}"}
    return facts, table


def _document_bytes(name: str, path: Path) -> bytes:
    """A part that is read whole. Raises PartMismatch: no document is that long."""
    size = path.stat().st_size
    if size > MAX_DOCUMENT_BYTES:
        raise PartMismatch(f"The part {name} has {size} bytes; a document has {MAX_DOCUMENT_BYTES} at most.")
    return path.read_bytes()


def _frame_table(manifest: CaptureManifest, parts: dict[str, Path]) -> FrameTable:
    table = FrameTable.read(_document_bytes("frames", parts["frames"]))
    if table.capture != manifest.capture:
        raise PartMismatch(f"The frame table is of the capture {table.capture}.")
    return table


def _redaction(manifest: CaptureManifest, path: Path | None, table: FrameTable | None) -> bytes | None:
    """The part `redaction` as sent, when it agrees with its manifest and accounts for every frame there is.

    Raises:
        BadDocument, PartMismatch.
    """
    if path is None:
        return None
    raw = _document_bytes("redaction", path)
    record = MaskRecord.read(raw)
    if record.capture != manifest.capture:
        raise PartMismatch(f"The part redaction is about the capture {record.capture}.")
    if record.counted(manifest.medium) != manifest.redaction:
        raise PartMismatch("The manifest's count of masks differs from the part redaction.")
    frames = 1 if manifest.medium == "image" else len(table.times_us) if table is not None else 0
    if record.frames < frames:
        raise PartMismatch(f"The part redaction accounts for {record.frames} of {frames} frames.")
    return raw


def _end_of(times_us: list[int]) -> int:
    """The end of the last frame: as long as the one before it."""
    if len(times_us) < 2:
        return 0
    return 2 * times_us[-1] - times_us[-2]


def _labels(manifest: CaptureManifest, name: str, path: Path) -> dict[str, Any]:
    """The document as sent, or without the labels that no reader takes: one bad label costs no capture."""
    raw = _document_bytes(name, path)
    document = LabelsDocument.read(raw)
    if document.capture != manifest.capture:
        raise PartMismatch(f"The part {name} is about the capture {document.capture}.")
    document.check_settings()
    width, height = manifest.format.width, manifest.format.height
    part = readable_part(document, None if width is None or height is None else (width, height))
    return {
        "name": name.removeprefix("labels:"),
        "source_kind": document.source.kind,
        "source_name": document.source.name,
        "source_sha256": document.source.sha256,
        "body": raw.decode() if part is document else canonical_json(part).decode(),
        "raw_sha256": sha256_hex(raw),
    }


def _put_bytes(blobs: BlobStore, data: bytes) -> dict[str, Any]:
    with blobs.working_folder() as folder:
        path = folder / "bytes"
        with disk_errors("A document could not be stored"):
            path.write_bytes(data)
        return {"blob": blobs.put_file(path), "bytes": len(data)}

"""A capture that ended without its manifest becomes a torn one, from what is on the disk and nothing else.

Every step may be repeated: a process killed in here leaves what the next one needs to do the same again.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from device_agent.record.times import frame_clock_map, read_points, read_stamps
from device_agent.spool.header import CaptureHeader
from device_agent.spool.layout import TIMES, part_name
from wire.canonical import canonical_json
from wire.capture import CaptureManifest, Counts, FrameTable, Part, Redacted
from wire.files import LEFTOVER, file_sha256, sync_file, write_whole
from wire.redaction import MaskRecord


def media_bytes(folder: Path) -> int:
    """Size of what was recorded; 0: nothing was."""
    media = folder / "media"
    return media.stat().st_size if media.is_file() else 0


def close_torn_capture(folder: Path, header: CaptureHeader) -> CaptureManifest:
    """Write the frame table and the manifest of a capture that holds media. Idempotent.

    The frame table may name frames past the last one that decodes: up to one cluster was still in the muxer.

    Raises:
        OSError: the disk refused; nothing that was there is gone.
    """
    for leftover in folder.glob(f"*{LEFTOVER}"):
        with contextlib.suppress(FileNotFoundError):
            leftover.unlink()
    log = (folder / TIMES).read_bytes() if (folder / TIMES).exists() else b""
    frames: int | None = None
    clock_map: list[tuple[int, int]] = []
    if header.medium == "video":
        stamps = read_stamps(log)
        clock_map = frame_clock_map(stamps)
        table = frame_table(header.capture, [stamp - stamps[0] for stamp in stamps])
        write_whole(folder / "frames", table)
        frames = len(stamps)
    elif header.medium == "audio":
        clock_map = read_points(log, header.format.sample_rate or 1)
    manifest = header.manifest(
        parts=hashed_parts(folder), clock_map=clock_map or [(0, header.opened_us)], complete=False, sha256=None,
        size=None, duration_us=None, frames=frames, counts=Counts(), redaction=redacted(folder, header),
    )  # fmt: skip
    write_whole(folder / "manifest.json", canonical_json(manifest))
    return manifest


def redacted(folder: Path, header: CaptureHeader) -> Redacted | None:
    """What the part `redaction` of a folder comes to; without numbers when the process died before it was there.

    Raises:
        OSError, BadDocument: the disk changed it.
    """
    if not header.masked:
        return None
    path = folder / "redaction"
    if not path.exists():
        return Redacted()
    return MaskRecord.read(path.read_bytes()).counted(header.medium)


def frame_table(capture: str, times_us: list[int]) -> bytes:
    """The part `frames`: a FrameTable as canonical JSON."""
    return canonical_json(FrameTable(capture=capture, times_us=times_us))


def hashed_parts(folder: Path) -> list[Part]:
    """Every part that lies in a folder, synced and hashed, media first."""
    parts = []
    for path in sorted(folder.iterdir(), key=lambda entry: (entry.name != "media", entry.name)):
        name = part_name(path.name)
        if name is not None:
            sync_file(path)
            parts.append(Part(name=name, sealed_sha256=file_sha256(path), sealed_bytes=path.stat().st_size))
    return parts

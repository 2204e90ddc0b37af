"""One capture on its way into the spool: growing files, whole parts, and at last the manifest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from device_agent.record.recorded import Recorded
from device_agent.record.sink import ByteSink
from device_agent.spool.header import CaptureHeader, CaptureState
from device_agent.spool.layout import TIMES, file_name, part_name
from device_agent.spool.signal import ChangeSignal
from device_agent.spool.space import SpoolSpace
from device_agent.spool.torn import frame_table, redacted
from device_agent.spool.writer import AppendFile, SpoolSink, SpoolWriter
from wire.canonical import canonical_json, sha256_hex
from wire.capture import CaptureManifest, Counts, Part
from wire.errors import GleanerError
from wire.files import write_whole


class CaptureInvalid(GleanerError):
    """What a recorder says and what lies in the spool differ, or a closed capture is written to."""

    code: ClassVar[str] = "capture-invalid"
    status: ClassVar[int] = 500
    hint = "The capture is kept; the agent marks it torn at its next start."


@dataclass
class Entry:
    """What the spool knows of a capture. Changed under `ChangeSignal`."""

    header: CaptureHeader
    folder: Path
    state: CaptureState = "open"
    files: dict[str, AppendFile] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    manifest: bytes | None = None

    def size_of(self, part: str) -> tuple[int, bool]:
        """(durable bytes, whether that is all there will be)."""
        if part in self.parts:
            return self.parts[part].sealed_bytes, True
        if part in self.files and part_name(part) is not None:
            file = self.files[part]
            return file.durable, False
        return 0, False


class SpoolCapture:
    """Made by `Spool.open_capture`; its header is durable before this object exists.

    One thread opens sinks, puts parts and ends the capture; each sink is written by one recorder's thread. It ends
    once, by `finish` or `close`, `close_torn` or `drop`.
    """

    def __init__(
        self, entry: Entry, writer: SpoolWriter, space: SpoolSpace, changes: ChangeSignal,
        make_torn: Callable[[Entry], CaptureManifest | None], drop: Callable[[Entry, str], None],
    ) -> None:  # fmt: skip
        self._entry, self._writer, self._space, self._changes = entry, writer, space, changes
        self._make_torn, self._drop = make_torn, drop

    @property
    def header(self) -> CaptureHeader:
        return self._entry.header

    @property
    def is_open(self) -> bool:
        """Whether it has not been ended yet."""
        return self._entry.state == "open"

    def sink(self, part: str) -> ByteSink:
        """A growing file: `media`, or `times` for the times log that never leaves the device.

        Raises:
            CaptureInvalid: another name, or a sink that was opened before.
            SpoolFull, SpoolFailed: the disk's answer.
        """
        self._must_be_open()
        if part not in ("media", TIMES) or part in self._entry.files or part in self._entry.parts:
            raise CaptureInvalid(f"{self.header.capture} has no sink {part}, or it was opened before.")
        file = self._writer.open(self._entry.folder / part, is_media=part == "media")
        with self._changes:
            self._entry.files[part] = file
        self._changes.notify()
        return SpoolSink(self._writer, file)

    def put(self, part: str, data: bytes) -> None:
        """A whole part (`labels:NAME`, `redaction`, `frames`, the media of a still or a text); durable on return.

        Raises:
            CaptureInvalid: no such part name, or it is there with other bytes.
            SpoolFull, SpoolFailed: the disk's answer.
        """
        self._must_be_open()
        try:
            made = Part(name=part, sealed_sha256=sha256_hex(data), sealed_bytes=len(data))
        except ValueError as error:
            raise CaptureInvalid(f"{part!r} is not a valid name of a part.") from error
        if self._entry.parts.get(part) == made:
            return
        if part in self._entry.parts or part in self._entry.files:
            raise CaptureInvalid(f"{self.header.capture} has the part {part} already.")

        def write() -> None:
            if part == "media":
                self._space.check(len(data))
            write_whole(self._entry.folder / file_name(part), data)
            self._space.reserve(len(data))

        self._writer.call(write, f"writing {part}")
        with self._changes:
            self._entry.parts[part] = made
        self._changes.notify()

    def finish(self, recorded: Recorded, counts: Counts | None = None) -> CaptureManifest:
        """The usual end: writes the frame table of a video, then the manifest. Labels are put before.

        Raises:
            CaptureInvalid: the recorder's hash is not that of the spooled bytes, or nobody put what was masked.
            SpoolFull, SpoolFailed: the disk's answer; `close_torn` keeps what is there.
        """
        counts = counts or Counts()
        self._close_sinks()
        if self.header.medium == "video":
            self.put("frames", frame_table(self.header.capture, recorded.times_us))
        parts = self._own_parts()
        media = next((part for part in parts if part.name == "media"), None)
        if media is None or (media.sealed_sha256, media.sealed_bytes) != (recorded.sha256, recorded.bytes):
            raise CaptureInvalid(f"The spooled bytes of {self.header.capture} differ from what was recorded.")
        if bool(self.header.masked) != any(part.name == "redaction" for part in parts):
            raise CaptureInvalid(
                f"{self.header.capture} has no redaction record although the study masks this medium."
                if self.header.masked
                else f"{self.header.capture} has a redaction record although the study does not mask this medium."
            )
        manifest = self.header.manifest(
            parts=parts, clock_map=recorded.clock_map or [(0, self.header.opened_us)], complete=True,
            sha256=recorded.sha256, size=recorded.bytes, duration_us=recorded.duration_us, frames=recorded.frames,
            counts=counts.model_copy(update={"clock_steps": counts.clock_steps + recorded.clock_steps}),
            redaction=redacted(self._entry.folder, self.header),
        )  # fmt: skip
        self.close(manifest)
        return manifest

    def close(self, manifest: CaptureManifest) -> None:
        """Write the manifest: from here on the capture does not change and may be sent whole.

        Raises:
            CaptureInvalid: the manifest names other parts, or belongs to another capture.
            SpoolFull, SpoolFailed: the disk's answer.
        """
        self._must_be_open()
        self._close_sinks()
        parts = self._own_parts()
        if manifest.capture != self.header.capture or {part.name: part for part in manifest.parts} != {
            part.name: part for part in parts
        }:
            raise CaptureInvalid(f"The manifest of {self.header.capture} does not name the parts in the spool.")
        data = canonical_json(manifest)
        self._writer.call(lambda: write_whole(self._entry.folder / "manifest.json", data), "closing a capture")
        self._space.reserve(len(data))
        with self._changes:
            self._entry.parts = {part.name: part for part in parts}
            self._entry.manifest = data
            self._entry.state = "closed"
        self._changes.notify()

    def close_torn(self, reason: str) -> CaptureManifest | None:
        """End it as an attempt that does not count; what was recorded is kept. None: nothing was.

        Raises:
            SpoolFull, SpoolFailed: not even the manifest fits; it is written when there is room again.
        """
        self._must_be_open()
        with contextlib.suppress(GleanerError):  # the sink's failure is why it is torn, and was told
            self._close_sinks()
        with self._changes:
            self._entry.state = "unfinished"
        manifest = self._make_torn(self._entry)
        if manifest is None:
            self._drop(self._entry, reason)
        return manifest

    def drop(self, reason: str) -> None:
        """Nothing of it shall stay: its take never began, or was taken back before it was closed."""
        self._must_be_open()
        with contextlib.suppress(GleanerError):
            self._close_sinks()
        self._drop(self._entry, reason)

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise CaptureInvalid(f"{self.header.capture} is {self._entry.state} and cannot be changed.")

    def _close_sinks(self) -> None:
        problem: GleanerError | None = None
        for file in self._entry.files.values():
            try:
                self._writer.close(file)
            except GleanerError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    def _own_parts(self) -> list[Part]:
        grown = [
            Part(name=name, sealed_sha256=file.sha256, sealed_bytes=file.written)
            for name, file in self._entry.files.items()
            if part_name(name) is not None
        ]
        return sorted([*grown, *self._entry.parts.values()], key=lambda part: (part.name != "media", part.name))

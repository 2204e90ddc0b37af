"""Sound from files, block by block: WAV, FLAC, Opus, Ogg, MP3, AAC and the sound of videos, by PyAV."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from wire.capture import sample_time_us
from wire.errors import GleanerError

Samples = NDArray[np.float32]

BLOCK = 16_384  # samples of silence at once, where a file has a hole
_HOLE_US = 50_000  # a step in a file's own times under this is the container's rounding
_MAX_HOLE_US = 600_000_000
_CUT_US = 100_000
_TELLABLE_SECONDS = 0.01
_OPPOSITE = 0.9  # correlation of a channel with the loudest one, with its sign changed
_MAX_DAMAGED = 0.1
_STREAMED = (0, 0xFFFFFFFF)
_SCALES: dict[str, tuple[float, float]] = {
    "u8": (-128.0, 1 / 128), "s16": (0.0, 1 / 32768), "s32": (0.0, 1 / 2147483648), "s64": (0.0, 2.0**-63),
    "flt": (0.0, 1.0), "dbl": (0.0, 1.0),
}  # fmt: skip


class SoundMissing(GleanerError):
    """There is no such sound file, or it may not be read."""

    code = "sound-missing"
    status = 404
    exit_code = 3
    hint = "Check the path."


class SoundUnreadable(GleanerError):
    """A file in which no sound can be decoded: no media file, one without sound, or a damaged one."""

    code = "sound-unreadable"
    status = 422
    hint = "Play it in a media player; copy it again if it does not play there."


class SoundEmpty(GleanerError):
    """A sound of no length."""

    code = "sound-empty"
    status = 422
    hint = "Record it again; there is nothing in it."


class SoundCut(GleanerError):
    """A file whose header promises more sound than there is."""

    code = "sound-cut"
    status = 422
    hint = "Copy it again from where it came from; nothing was labelled."


class SoundFile:
    """An open file, read once. Made by `open_sound`.

    Times are the file's own: where its sound begins later than its picture, or has a hole, silence stands in.
    """

    def __init__(self, path: Path, container: Any, stream: Any) -> None:
        self.path = path
        self.rate = int(stream.codec_context.sample_rate or 0)
        self.channels = int(stream.codec_context.channels or 0)
        if self.rate <= 0 or self.channels <= 0:
            raise SoundUnreadable(f"{path} does not say how its sound was sampled.")
        self.samples = 0
        self._container, self._stream = container, stream
        origin = container.start_time if stream.start_time is not None else None
        self._origin = Fraction(origin or 0, av.time_base)
        self._promised = _promised(container, stream)
        self._damaged = 0

    @property
    def duration_us(self) -> int | None:
        """As the file says it, None if it does not."""
        if self._promised is not None:
            return self._promised
        return int(self._container.duration) if self._container.duration else None

    def blocks(self) -> Iterator[Samples]:
        """The samples, float32 -1..1, mono, in blocks of a size the file gives. `samples` counts them.

        Channels that are the opposite of each other do not cancel out. Raises as `channel_blocks`.
        """
        for rows in self.channel_blocks():
            yield mixed(rows)

    def channel_blocks(self) -> Iterator[Samples]:
        """The samples of every channel, float32 -1..1 of shape (channels, n).

        Raises:
            SoundUnreadable: nothing can be decoded, a tenth of it is damaged, or a value is not finite.
            SoundEmpty: there is no sample.
            SoundCut: there is less than the file promises.
        """
        heard = 0
        for frame in self._frames():
            yield from self._silence(frame)
            rows = self._rows(frame)
            if not np.isfinite(rows).all():
                raise SoundUnreadable(f"{self.path} holds values that are not finite.")
            heard += 1
            self.samples += rows.shape[1]
            yield rows
        if self._damaged > _MAX_DAMAGED * (heard + self._damaged):
            raise SoundUnreadable(f"{self.path} is damaged: {self._damaged} of its packets cannot be decoded.")
        if not self.samples:
            raise SoundEmpty(f"{self.path} has no sound in it: its length is zero.")
        there = sample_time_us(self.samples, self.rate)
        if self._promised is not None and there < self._promised - _CUT_US:
            raise SoundCut(_cut_sentence(self.path, self._promised / 1e6, there / 1e6))

    def _frames(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                frames = [] if packet is None else packet.decode()
            except av.error.EOFError:
                return
            except av.error.InvalidDataError:
                # One bad packet is a hole; its place is known by the times of the next ones.
                self._damaged += 1
                continue
            except (av.FFmpegError, OSError) as error:
                raise SoundUnreadable(f"{self.path} cannot be decoded: {_reason(error)}.") from error
            if packet is None:
                return
            yield from frames

    def _silence(self, frame: Any) -> Iterator[Samples]:
        if frame.pts is None or frame.time_base is None:
            return
        at = round((frame.pts * frame.time_base - self._origin) * self.rate)
        missing = at - self.samples
        if missing <= self.rate * _HOLE_US // 1_000_000:
            return
        if missing > self.rate * _MAX_HOLE_US // 1_000_000:
            raise SoundUnreadable(f"{self.path} has a hole of {missing / self.rate:.0f} s in its sound.")
        for start in range(0, missing, BLOCK):
            count = min(BLOCK, missing - start)
            self.samples += count
            yield np.zeros((self.channels, count), dtype=np.float32)

    def _rows(self, frame: Any) -> Samples:
        if frame.sample_rate != self.rate or frame.layout.nb_channels != self.channels:
            raise SoundUnreadable(f"{self.path} changes its sample rate or its channels on the way.")
        kind = frame.format.name.removesuffix("p")
        if kind not in _SCALES:
            raise SoundUnreadable(f"{self.path} has samples of kind {frame.format.name}.")
        values = frame.to_ndarray()
        rows = values if frame.format.is_planar else values.reshape(-1, self.channels).T
        shift, scale = _SCALES[kind]
        floats = (rows.astype(np.float64 if kind in ("s32", "s64", "dbl") else np.float32) + shift) * scale
        samples: Samples = np.ascontiguousarray(floats, dtype=np.float32)
        return samples


def mixed(rows: Samples) -> Samples:
    """The mean of channels (channels, n), those that are the opposite of the loudest one turned over."""
    if len(rows) == 1:
        return rows.reshape(-1)
    loudest = rows[int(np.square(rows).sum(axis=1).argmax())]
    alike = rows @ loudest
    against = alike < -_OPPOSITE * np.sqrt(np.square(rows).sum(axis=1) * np.square(loudest).sum())
    signs = np.where(against, -1, 1).astype(np.float32)
    mono: Samples = (signs @ rows / len(rows)).astype(np.float32)
    return mono


@contextmanager
def open_sound(path: Path) -> Iterator[SoundFile]:
    """The sound of a file, or of a video.

    Raises:
        SoundMissing: no such file, or it may not be read.
        SoundEmpty: no bytes, or no sample.
        SoundCut: a WAV file that promises more than there is.
        SoundUnreadable: no media file, or one without sound.
    """
    with _opened(path) as file:
        _check_wav(path, file)
    try:
        # `file:` keeps FFmpeg from taking a path for an address.
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SoundUnreadable(f"{path} is not a sound file: {_reason(error)}.") from error
    with container:
        if not container.streams.audio:
            raise SoundUnreadable(f"{path} has no sound in it.")
        yield SoundFile(path, container, container.streams.audio[0])


def read_sound(path: Path) -> tuple[Samples, int]:
    """All samples of a file (float32, mono, -1..1) and its rate. Raises as `open_sound` and `SoundFile.blocks`."""
    with open_sound(path) as sound:
        blocks = list(sound.blocks())
        return np.concatenate(blocks), sound.rate


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if path.is_dir():
            raise SoundMissing(f"{path} is a folder, not a file.")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise SoundMissing(f"There is no file {path}.") from error
    except OSError as error:
        raise SoundMissing(f"{path} cannot be read: {error.strerror or error}.") from error


def _check_wav(path: Path, file: BinaryIO) -> None:
    """Hold a WAV file (RIFF, RF64) against its header; FFmpeg plays what is there and says nothing.

    Chunks are four letters and a little-endian size, even in length (Multimedia Programming Interface 1.0; EBU 3306
    for RF64). A size of 0 or of all ones is a program's that could not seek back.
    """
    size = file.seek(0, 2)
    if size == 0:
        raise SoundEmpty(f"{path} is empty (0 bytes).")
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        return
    bytes_a_second, long_size = 0, None
    while len(chunk := file.read(8)) == 8:
        name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        at = file.tell()
        if name == b"ds64":
            body = file.read(16)
            long_size = struct.unpack("<8xQ", body)[0] if len(body) == 16 else None
        elif name == b"fmt ":
            body = file.read(12)
            bytes_a_second = struct.unpack("<8xI", body)[0] if len(body) == 12 else 0
        elif name == b"data":
            promised = long_size if long_size is not None and length == _STREAMED[1] else length
            rate = max(1, bytes_a_second)
            if promised not in _STREAMED and promised > size - at:
                raise SoundCut(_cut_sentence(path, promised / rate, (size - at) / rate, promised - (size - at)))
            if size == at:
                raise SoundEmpty(f"{path} has no sound in it: its length is zero.")
            if promised not in _STREAMED:
                _check_rest(path, file, at + promised, size, rate)
            return
        file.seek(at + length + length % 2)
    raise SoundCut(f"{path} is cut off in its header: no sound is left of it.")


def _check_rest(path: Path, file: BinaryIO, end: int, size: int, bytes_a_second: int) -> None:
    """What follows the sound of a WAV file has to be chunks: a recorder that crashed wrote more than it says."""
    if size - end <= bytes_a_second * _CUT_US // 1_000_000:
        return
    file.seek(end + end % 2)
    chunk = file.read(8)
    follows = len(chunk) == 8 and chunk[:4].isascii() and chunk[:4].decode().isprintable()
    if not follows or struct.unpack("<I", chunk[4:])[0] > size - file.tell():
        raise SoundUnreadable(
            f"{path} holds more sound than its header says: {(size - end) / bytes_a_second:.2f} s follow the "
            "end that it names.",
            hint="Write its header again: ffmpeg -ignore_length 1 -i FILE -c copy NEW.wav",
        )


def _promised(container: Any, stream: Any) -> int | None:
    """Microseconds of sound a file promises, where its kind counts them exactly."""
    names = set(container.format.name.split(","))
    if not names & {"flac", "mov", "mp4"} or not stream.duration or stream.time_base is None:
        return None
    seconds: Fraction = stream.duration * stream.time_base
    return round(seconds * 1_000_000)


def _cut_sentence(path: Path, promised: float, there: float, missing_bytes: int | None = None) -> str:
    if missing_bytes is not None and promised - there < _TELLABLE_SECONDS:
        noun = "byte is" if missing_bytes == 1 else "bytes are"
        return f"{path} is cut off: the last {missing_bytes} {noun} missing that its header promises."
    return (
        f"{path} is cut off: its header promises {promised:.2f} s of sound, {there:.2f} s are there, "
        f"{promised - there:.2f} s are missing."
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)

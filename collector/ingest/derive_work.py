"""What browsers play, in a worker process: a remux without re-encoding, peaks of sound, a thumbnail.

Times of the remux come from the frame table at timescale 1,000,000: Matroska keeps whole milliseconds only.
"""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from collector.ingest import media
from collector.store.blobs import read_whole
from collector.store.open_blobs import BlobsLocation, open_blobs
from wire.capture import FrameTable

MICROSECOND = Fraction(1, 1_000_000)
THUMBNAIL_WIDTH = 320
PEAKS_PER_SECOND = 100
# An hour has one every 20 ms.
MAX_PEAKS = 200_000
# STREAMINFO (RFC 9639, 8.2): 36 bits of total samples after 20 + 3 + 5 bits of rate, channels and depth.
FLAC_TOTAL_SAMPLES_AT = 21
FLAC_HEAD_BYTES = 42
COPY_BYTES = 1 << 20
BLOCK_SAMPLES = 1 << 16

Samples = np.ndarray[Any, np.dtype[np.float32]]


def derive_capture(inputs: dict[str, Any]) -> dict[str, Any]:
    """`{"medium", "container", "media_type", "original": key, "frames": key|None, "blobs": BlobsLocation}`
    -> `{"derived": [{kind, blob, bytes, media_type}]}`; an empty list when nothing of a torn capture can be played.

    Raises:
        MediaUnreadable: a complete capture that decoded before does not now.
        BlobMissing, BlobDamaged, DiskFull, StorageUnusable.
    """
    blobs = open_blobs(BlobsLocation.read(inputs["blobs"]))
    times = None if inputs["frames"] is None else FrameTable.read(read_whole(blobs, inputs["frames"])).times_us
    with blobs.local_file(inputs["original"]) as path, blobs.working_folder() as folder:
        made = _derive(inputs, path, times, folder)
        rows = []
        for kind, (file, media_type) in made.items():
            key = inputs["original"] if file == path else blobs.put_file(file)
            rows.append({"kind": kind, "blob": key, "bytes": file.stat().st_size, "media_type": media_type})
    return {"derived": rows}


def _derive(inputs: dict[str, Any], path: Path, times: list[int] | None, folder: Path) -> dict[str, tuple[Path, str]]:
    medium = inputs["medium"]
    if medium == "video":
        if not times:
            return {}
        remux_video(path, times, folder / "play.mp4")
        thumbnail(folder / "play.mp4", folder / "thumbnail.jpg")
        return {"play": (folder / "play.mp4", "video/mp4"), "thumbnail": (folder / "thumbnail.jpg", "image/jpeg")}
    if medium == "audio":
        return _derive_audio(inputs, path, folder)
    if medium == "image":
        thumbnail(path, folder / "thumbnail.jpg")
        return {"play": (path, inputs["media_type"]), "thumbnail": (folder / "thumbnail.jpg", "image/jpeg")}
    return {"play": (path, "text/plain; charset=utf-8")}


def _derive_audio(inputs: dict[str, Any], path: Path, folder: Path) -> dict[str, tuple[Path, str]]:
    peaks, samples = audio_peaks(path)
    (folder / "peaks.json").write_text(json.dumps(peaks, separators=(",", ":")), encoding="ascii")
    made = {"peaks": (folder / "peaks.json", "application/json")}
    if inputs["container"] == "flac":
        with_flac_length(path, samples, folder / "play.flac")
        return made | {"play": (folder / "play.flac", "audio/flac")}
    return made | {"play": (path, inputs["media_type"])}


def remux_video(source: Path, times_us: list[int], target: Path) -> None:
    """Copy the packets of the first `len(times_us)` frames into MP4 with the frame table's times, index in front.

    Raises:
        MediaUnreadable: there are fewer packets than times.
    """
    index = media.index_video(source)
    order = sorted(index.pts)[: len(times_us)]
    if len(order) < len(times_us):
        raise media.MediaUnreadable(f"The video has {len(order)} frames, its frame table {len(times_us)}.")
    rank = {pts: number for number, pts in enumerate(order)}
    options = {"movflags": "faststart", "video_track_timescale": "1000000"}
    with media.opened(source) as container, av.open(str(target), "w", format="mp4", options=options) as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        copy.time_base = MICROSECOND
        # Decoding times rise in file order and never pass the presentation times; without B-frames both are equal.
        numbers = [rank[pts] for pts in index.pts if pts in rank][: len(times_us)]
        lag = max((times_us[place] - times_us[number] for place, number in enumerate(numbers)), default=0)
        place = 0
        for packet in container.demux(stream):
            if packet.pts is None or not packet.size or packet.pts not in rank:
                continue
            number = rank[packet.pts]
            packet.stream = copy
            packet.time_base = MICROSECOND
            packet.pts = times_us[number]
            packet.dts = times_us[place] - lag
            packet.duration = _length_of(times_us, number)
            output.mux(packet)
            place += 1
            if place == len(times_us):
                break


def _length_of(times_us: list[int], number: int) -> int:
    if number + 1 < len(times_us):
        return times_us[number + 1] - times_us[number]
    return times_us[number] - times_us[number - 1] if number else 40_000


def thumbnail(source: Path, target: Path) -> None:
    """A JPEG, 320 pixels wide, of the picture or the video's first frame. Raises MediaUnreadable."""
    with media.opened(source) as container:
        frame = next(iter(container.decode(video=0)), None)
    if frame is None:
        raise media.MediaUnreadable("There is no picture in it.")
    width = min(THUMBNAIL_WIDTH, frame.width) // 2 * 2 or 2
    height = max(2, round(frame.height * width / frame.width / 2) * 2)
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = MICROSECOND
    encoder.options = {"qmin": "4", "qmax": "4"}
    small.pts = None
    target.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)]))


def audio_peaks(source: Path) -> tuple[dict[str, Any], int]:
    """`{"schema": 1, "samples_per_peak", "sample_rate", "minimum": [-1..1], "maximum": [-1..1]}` and the sample count.

    All channels together; 10 ms a peak, doubled until there are 200,000 peaks at most. A torn tail ends the sound.
    """
    peaks = PeakCounter()
    with media.opened(source) as container:
        resampler = av.AudioResampler(format="fltp")
        try:
            for frame in container.decode(audio=0):
                for even in resampler.resample(frame):
                    samples = even.to_ndarray()
                    peaks.add(samples.min(axis=0), samples.max(axis=0), frame.sample_rate)
        except av.error.FFmpegError:
            if not peaks.total:
                raise
    if not peaks.total:
        raise media.MediaUnreadable("There is no sample in it.")
    low, high = peaks.close()
    made = {
        "schema": 1,
        "samples_per_peak": peaks.per_peak,
        "sample_rate": peaks.rate,
        "minimum": [round(float(value), 4) for value in np.clip(low, -1, 1)],
        "maximum": [round(float(value), 4) for value in np.clip(high, -1, 1)],
    }
    return made, peaks.total


class PeakCounter:
    """Lowest and highest sample per peak while sound streams by; memory is bounded by the number of peaks.

    Peaks begin 10 ms long. Whenever there are more than MAX_PEAKS, each two neighbours become one.
    """

    def __init__(self, most: int = MAX_PEAKS) -> None:
        self._most = most // 2 * 2
        self._low = np.empty(0, np.float32)
        self._high = np.empty(0, np.float32)
        self._rest_low = np.empty(0, np.float32)
        self._rest_high = np.empty(0, np.float32)
        self.per_peak = 0
        self.rate = 0
        self.total = 0

    def add(self, low: Samples, high: Samples, rate: int) -> None:
        """Take in the next samples: the lowest and the highest of all channels."""
        if not self.per_peak:
            self.rate, self.per_peak = rate, max(1, rate // PEAKS_PER_SECOND)
        self.total += len(low)
        self._rest_low = np.concatenate([self._rest_low, low])
        self._rest_high = np.concatenate([self._rest_high, high])
        if len(self._rest_low) >= BLOCK_SAMPLES:
            self._fold()

    def close(self) -> tuple[Samples, Samples]:
        """All peaks; the last one may stand for fewer samples."""
        self._fold()
        if len(self._rest_low):
            self._append(self._rest_low[None, :], self._rest_high[None, :])
            self._rest_low = self._rest_high = np.empty(0, np.float32)
        self._halve_while_too_many(1)
        return self._low, self._high

    def _fold(self) -> None:
        whole = len(self._rest_low) // self.per_peak * self.per_peak
        self._append(
            self._rest_low[:whole].reshape(-1, self.per_peak), self._rest_high[:whole].reshape(-1, self.per_peak)
        )
        self._rest_low, self._rest_high = self._rest_low[whole:], self._rest_high[whole:]
        self._halve_while_too_many(2)

    def _append(self, low: Samples, high: Samples) -> None:
        self._low = np.concatenate([self._low, low.min(axis=1)])
        self._high = np.concatenate([self._high, high.max(axis=1)])

    def _halve_while_too_many(self, whole: int) -> None:
        # While sound still comes, only whole pairs are merged: an odd last peak goes back with the samples to come.
        while len(self._low) > self._most:
            if len(self._low) % 2 and whole == 2:
                self._rest_low = np.concatenate([np.full(self.per_peak, self._low[-1]), self._rest_low])
                self._rest_high = np.concatenate([np.full(self.per_peak, self._high[-1]), self._rest_high])
                self._low, self._high = self._low[:-1], self._high[:-1]
            elif len(self._low) % 2:
                self._low, self._high = np.append(self._low, self._low[-1]), np.append(self._high, self._high[-1])
            self._low = self._low.reshape(-1, 2).min(axis=1)
            self._high = self._high.reshape(-1, 2).max(axis=1)
            self.per_peak *= 2


def with_flac_length(source: Path, samples: int, target: Path) -> None:
    """Copy a streamed FLAC file and write its sample count into STREAMINFO, so that a browser knows its length.

    Raises:
        MediaUnreadable: it does not begin as FLAC does.
    """
    with source.open("rb") as file:
        head = bytearray(file.read(FLAC_HEAD_BYTES))
        if len(head) < FLAC_HEAD_BYTES or head[:4] != b"fLaC" or head[4] & 0x7F != 0:
            raise media.MediaUnreadable("It does not begin with fLaC and STREAMINFO.")
        at = FLAC_TOTAL_SAMPLES_AT
        head[at] = (head[at] & 0xF0) | (samples >> 32 & 0x0F)
        head[at + 1 : at + 5] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
        with target.open("wb") as copy:
            copy.write(head)
            shutil.copyfileobj(file, copy, COPY_BYTES)

"""What browsers play, in a worker process: a remux without re-encoding, peaks of sound, a thumbnail.

Times of the remux come from the frame table at timescale 1,000,000: Matroska keeps whole milliseconds only.
"""

from __future__ import annotations

import json
import math
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from collector.ingest import media
from collector.store.blobs_local import LocalBlobs
from wire.capture import FrameTable

MICROSECOND = Fraction(1, 1_000_000)
THUMBNAIL_WIDTH = 320
PEAKS_PER_SECOND = 100
MOST_PEAKS = 60_000
# STREAMINFO (RFC 9639, 8.2): 36 bits of total samples after 20 + 3 + 5 bits of rate, channels and depth.
FLAC_TOTAL_SAMPLES_AT = 21


def derive_capture(inputs: dict[str, Any]) -> dict[str, Any]:
    """`{"medium", "container", "media_type", "original": path, "original_key", "frames": path|None, "blobs": folder}`
    -> `{"derived": [{kind, blob, bytes, media_type}]}`; an empty list when nothing of a torn capture can be played.

    Raises:
        MediaUnreadable: a complete capture that decoded before does not now.
    """
    blobs = LocalBlobs(Path(inputs["blobs"]))
    path = Path(inputs["original"])
    with tempfile.TemporaryDirectory(dir=blobs.root, prefix=".made-") as folder:
        made = _derive(inputs, path, Path(folder))
        rows = []
        for kind, (file, media_type) in made.items():
            key = inputs["original_key"] if file == path else blobs.put_file(file)
            rows.append({"kind": kind, "blob": key, "bytes": file.stat().st_size, "media_type": media_type})
    return {"derived": rows}


def _derive(inputs: dict[str, Any], path: Path, folder: Path) -> dict[str, tuple[Path, str]]:
    medium = inputs["medium"]
    if medium == "video":
        times = FrameTable.read(Path(inputs["frames"]).read_bytes()).times_us
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
    order = sorted(media.index_video(source).pts)[: len(times_us)]
    if len(order) < len(times_us):
        raise media.MediaUnreadable(f"The video has {len(order)} frames, its frame table {len(times_us)}.")
    rank = {pts: number for number, pts in enumerate(order)}
    options = {"movflags": "faststart", "video_track_timescale": "1000000"}
    with media.opened(source) as container, av.open(str(target), "w", format="mp4", options=options) as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        copy.time_base = MICROSECOND
        packets = []
        for packet in container.demux(stream):
            if packet.pts is None or not packet.size or packet.pts not in rank:
                continue
            packets.append((rank[packet.pts], packet))
            if len(packets) == len(times_us):
                break
        # Decoding times rise in file order and never pass the presentation times; without B-frames both are equal.
        lag = max((times_us[place] - times_us[number] for place, (number, _) in enumerate(packets)), default=0)
        for place, (number, packet) in enumerate(packets):
            packet.stream = copy
            packet.time_base = MICROSECOND
            packet.pts = times_us[number]
            packet.dts = times_us[place] - lag
            packet.duration = _length_of(times_us, number)
            output.mux(packet)


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

    All channels together; 10 ms a peak, more when that would be over 60,000 peaks. A torn tail ends the sound.
    """
    blocks: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    rate = 0
    with media.opened(source) as container:
        resampler = av.AudioResampler(format="fltp")
        try:
            for frame in container.decode(audio=0):
                rate = frame.sample_rate
                for even in resampler.resample(frame):
                    samples = even.to_ndarray()
                    blocks.append(np.stack([samples.min(axis=0), samples.max(axis=0)]))
        except av.error.FFmpegError:
            if not blocks:
                raise
    if not blocks:
        raise media.MediaUnreadable("There is no sample in it.")
    both = np.concatenate(blocks, axis=1)
    total = both.shape[1]
    per_peak = max(1, rate // PEAKS_PER_SECOND, math.ceil(total / MOST_PEAKS))
    padded = np.pad(both, ((0, 0), (0, -total % per_peak)), mode="edge").reshape(2, -1, per_peak)
    peaks = {
        "schema": 1,
        "samples_per_peak": per_peak,
        "sample_rate": rate,
        "minimum": [round(float(value), 4) for value in np.clip(padded[0].min(axis=1), -1, 1)],
        "maximum": [round(float(value), 4) for value in np.clip(padded[1].max(axis=1), -1, 1)],
    }
    return peaks, total


def with_flac_length(source: Path, samples: int, target: Path) -> None:
    """Copy a streamed FLAC file and write its sample count into STREAMINFO, so that a browser knows its length.

    Raises:
        MediaUnreadable: it does not begin as FLAC does.
    """
    data = bytearray(source.read_bytes())
    if data[:4] != b"fLaC" or data[4] & 0x7F != 0 or len(data) < 42:
        raise media.MediaUnreadable("It does not begin with fLaC and STREAMINFO.")
    at = FLAC_TOTAL_SAMPLES_AT
    data[at] = (data[at] & 0xF0) | (samples >> 32 & 0x0F)
    data[at + 1 : at + 5] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
    target.write_bytes(data)

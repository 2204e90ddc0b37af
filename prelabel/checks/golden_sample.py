"""A golden sample for a package: a file of the user, scaled down, and what the model finds in it."""

from __future__ import annotations

import base64
import io
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from prelabel.checks.samples import INLINE, MAX_INLINE_BYTES, SampleSound, read_sample
from prelabel.media.pictures import Image
from prelabel.media.resample import Resampler
from prelabel.models.manifest import ManifestInvalid
from wire.files import write_whole
from wire.labels import Label

_MAX_SIDE = 640
_QUALITIES = (90, 75, 60)
_RATE = 16_000
_SECONDS = 10
_LEFT_OUT = frozenset({"id", "source", "edited", "parent", "words"})
_HEADER = re.compile(r"^\s*\[\[?\s*([^\]\s]+)\s*\]")


def make_small(sample: Image | SampleSound) -> str:
    """A picture or sound as the text of a manifest: a JPEG of 640 pixels at most, a FLAC of 10 s at most."""
    data = _jpeg(sample) if not isinstance(sample, SampleSound) else _flac(sample)
    return INLINE + base64.b64encode(data).decode()


def put_golden(manifest: Path, sample: str, labels: Sequence[Label]) -> None:
    """Write `[golden]` into a `model.toml`, in the place of one that is there. All else stays as it is.

    Raises:
        ManifestInvalid: its text cannot be changed without touching something else.
        OSError: it cannot be written.
    """
    text = manifest.read_text(encoding="utf-8")
    kept = _without_golden(text)
    rows = "".join(f"  {_value(_without_defaults(label.to_json()))},\n" for label in labels)
    changed = f"{kept.rstrip()}\n\n[golden]\nsample = {_value(sample)}\nexpect = [\n{rows}]\n"
    if _other_tables(text) != _other_tables(changed):
        raise ManifestInvalid(
            f"{manifest} is written in a way that leaves no place to add [golden].",
            hint="Make [golden] a table of its own at the end of the file.",
        )
    write_whole(manifest, changed.encode(), manifest.stat().st_mode & 0o777)


def reread(sample: str) -> Image | SampleSound:
    """What `make_small` made, as a check will see it."""
    return read_sample(sample, "the new sample")


def _jpeg(picture: Image) -> bytes:
    side = _MAX_SIDE
    while True:
        ratio = min(1.0, side / max(picture.shape[:2]))
        size = (max(1, round(picture.shape[1] * ratio)), max(1, round(picture.shape[0] * ratio)))
        small = picture if ratio == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for quality in _QUALITIES:
            data: bytes = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
            if len(data) <= MAX_INLINE_BYTES:
                return data
        side //= 2


def _flac(sound: SampleSound) -> bytes:
    resampler = Resampler(sound.rate, _RATE)
    whole = np.concatenate([resampler.push(sound.samples[: sound.rate * _SECONDS]), resampler.finish()])
    seconds: float = _SECONDS
    while True:
        data = _encoded(whole[: int(seconds * _RATE)])
        if len(data) <= MAX_INLINE_BYTES:
            return data
        seconds /= 2


def _encoded(samples: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    whole = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(whole[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = _RATE
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return out.getvalue()


def _without_golden(text: str) -> str:
    kept, inside = [], False
    for line in text.split("\n"):
        header = _HEADER.match(line)
        if header:
            inside = header[1] == "golden" or header[1].startswith("golden.")
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def _other_tables(text: str) -> dict[str, Any] | None:
    """All tables of a TOML text except `[golden]`; None when it is no TOML."""
    try:
        return {name: row for name, row in tomllib.loads(text).items() if name != "golden"}
    except tomllib.TOMLDecodeError:
        return None


def _without_defaults(value: Any) -> Any:
    """Without defaults and what is written anew, and without None, which TOML does not have."""
    if isinstance(value, dict):
        return {
            name: _without_defaults(row) for name, row in value.items() if row is not None and name not in _LEFT_OUT
        }  # fmt: skip
    return [_without_defaults(row) for row in value] if isinstance(value, list) else value


def _value(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_value(row)}" for name, row in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(row) for row in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's strings are TOML's, but for the one control character JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)

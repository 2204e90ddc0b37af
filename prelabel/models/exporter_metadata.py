"""What the exporters of networks write into an ONNX file in addition to the network, as parts of a `model.toml`.

Ultralytics 8: task, names, imgsz, stride, channels, kpt_shape, head, end2end, args, license, version, description
(its engine/exporter.py). YOLOv5: stride, names. RapidOCR's PP-OCR recognisers: character, one character per line.
sherpa-onnx: blank_id, subsampling_factor, vocab_size, lfr_window_size (sherpa-onnx/csrc/offline-*-model.cc).

A name or a description never decides how a network is read.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TASKS = {"detect": "detect", "segment": "segment", "pose": "pose", "obb": "obb"}
# Heads of ultralytics whose output is neither of the three of YOLO, whatever the task.
_RTDETR_HEAD = "RTDETRDecoder"
_RANKED_SINCE = (8, 4, 47)  # of ultralytics: RTDETRDecoder.postprocess
_MAX_TEXT = 4_000_000
_FEATURE_HOP_MS = 10.0  # sherpa-onnx computes its features every 10 ms


@dataclass(frozen=True)
class ExporterMetadata:
    """The content of a file's metadata.

    table         parts of a `model.toml`
    end2end       whether boxes are merged within the network; None when it is not stated
    modern        whether the head is one of YOLO 8 and later, which has no objectness
    vocabulary    how many tokens the network knows, where it is stated
    beyond        why the network cannot be read here, as the end of a sentence; None when nothing speaks against it
    ranked        whether an RT-DETR gives its best rows with a class number each, not a probability of every class;
                  None when it does not say, or is none
    unreadable    keys whose text is not what their exporter writes
    """

    table: dict[str, Any] = field(default_factory=dict)
    end2end: bool | None = None
    modern: bool = False
    vocabulary: int | None = None
    beyond: str | None = None
    ranked: bool | None = None
    unreadable: tuple[str, ...] = ()


def read_metadata(metadata: Mapping[str, str], family: str | None) -> ExporterMetadata:
    """The content of a file's metadata; `family` is the manifest's word, for what means nothing without it."""
    if "character" in metadata:
        return _recogniser(metadata)
    if "stride" in metadata and "names" in metadata:
        return _ultralytics(metadata) if "task" in metadata else _yolov5(metadata)
    if family == "ctc":
        return _sherpa(metadata)
    return ExporterMetadata(table=_words(metadata))


def _ultralytics(metadata: Mapping[str, str]) -> ExporterMetadata:
    table = _words(metadata)
    unreadable: list[str] = []
    version = metadata.get("version")
    if version:
        table["version"] = f"ultralytics-{version}"[:64]
    made = re.match(r"Ultralytics (\S+) model", metadata.get("description", ""))
    if made is not None and (name := as_name(made[1])):
        table["name"] = name
    names = _names(metadata["names"])
    if names:
        table["names"] = names
    else:
        unreadable.append("names")
    picture = _picture(metadata, unreadable)
    task = metadata["task"]
    beyond, ranked = None, None
    if metadata.get("head") == _RTDETR_HEAD and task == "detect":
        table["family"] = "detr"
        table["decode"] = {"box": "cxcywh", "unit": "normalised"}
        made_by = _version(version)
        ranked = None if made_by is None else made_by >= _RANKED_SINCE
    elif task == "classify":
        table["family"] = "classification"
        # Its own preprocessing: the shorter side to the size with antialiasing, the middle cut out, bytes / 255.
        picture = {"colour": "RGB", "fit": "crop-centre", "scale": 1 / 255, "antialias": True, **picture}
    elif task in _TASKS:
        table["family"] = "yolo"
        table["decode"] = {"task": _TASKS[task]}
        points = _literal(metadata.get("kpt_shape"))
        if task == "pose" and _whole(points, 2):
            table["decode"]["keypoints"] = list(points)
        elif task == "pose":
            unreadable.append("kpt_shape")
    else:
        beyond = f"its metadata say task {task!r}, which is not read here"
    if picture:
        table["input"] = picture
    return ExporterMetadata(
        table, _end2end(metadata), modern=True, beyond=beyond, ranked=ranked, unreadable=tuple(unreadable)
    )


def _yolov5(metadata: Mapping[str, str]) -> ExporterMetadata:
    names = _names(metadata["names"])
    table = _words(metadata) | ({"names": names} if names else {})
    return ExporterMetadata(table, unreadable=() if names else ("names",))


def _recogniser(metadata: Mapping[str, str]) -> ExporterMetadata:
    characters = metadata["character"].removesuffix("\n").split("\n")
    table = _words(metadata) | {"family": "ocr", "decode": {"part": "recognition", "alphabet": characters}}
    return ExporterMetadata(table)


def _sherpa(metadata: Mapping[str, str]) -> ExporterMetadata:
    decode: dict[str, Any] = {}
    blank, factor, vocabulary = (_int(metadata.get(key)) for key in ("blank_id", "subsampling_factor", "vocab_size"))
    if blank is not None:
        decode["blank"] = blank
    if factor:
        decode["frame_ms"] = factor * _FEATURE_HOP_MS
    stacked = _int(metadata.get("lfr_window_size"))
    beyond = f"it takes stacked features (lfr_window_size {stacked}), which are not made here" if stacked else None
    table = _words(metadata) | ({"decode": decode} if decode else {})
    return ExporterMetadata(table, vocabulary=vocabulary, beyond=beyond)


def _words(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What any exporter may state about a model as a whole."""
    table: dict[str, Any] = {}
    licence = metadata.get("license") or metadata.get("licence")
    if licence and licence.strip():
        table["licence"] = licence.strip()
    if metadata.get("author"):
        table["attribution"] = metadata["author"]
    return table


def _picture(metadata: Mapping[str, str], unreadable: list[str]) -> dict[str, Any]:
    picture: dict[str, Any] = {}
    sides = _literal(metadata.get("imgsz"))
    if _whole(sides, 2):
        # A network of one fixed size declares it itself; one of any size was made for this one.
        picture["max_side"] = max(sides)
        picture["upscale"] = True  # its LetterBox scales small pictures up to the size
    elif "imgsz" in metadata:
        unreadable.append("imgsz")
    stride = _int(metadata.get("stride"))
    if stride and 1 <= stride <= 256:
        picture["multiple"] = stride
    if metadata.get("channels") == "1":
        picture["colour"] = "GRAY"
    return picture


def _end2end(metadata: Mapping[str, str]) -> bool | None:
    """Merged within the network: a head of its own, or the step that the export option `nms` adds."""
    own = _literal(metadata.get("end2end"))
    options = _literal(metadata.get("args"))
    merged = options.get("nms") if isinstance(options, dict) else None
    flags = [flag for flag in (own, merged) if isinstance(flag, bool)]
    return any(flags) if flags else None


def _names(text: str) -> list[str] | None:
    """The words of the classes, from a dict by number or a list; words that occur twice get their number."""
    found = _literal(text)
    if isinstance(found, dict):
        if sorted(found, key=str) != sorted(range(len(found)), key=str):
            return None
        found = [found[number] for number in range(len(found))]
    if not isinstance(found, list) or not found or not all(isinstance(word, str) and word.strip() for word in found):
        return None
    times = Counter(found)
    return [word if times[word] == 1 else f"{word} ({number})" for number, word in enumerate(found)]


def _literal(text: str | None) -> Any:
    """The Python value that a text spells, None when it spells none."""
    if text is None or len(text) > _MAX_TEXT:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _version(text: str | None) -> tuple[int, ...] | None:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text or "")
    return None if found is None else tuple(map(int, found.groups()))


def _whole(value: Any, count: int) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == count
        and all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in value)
    )


def _int(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def as_name(text: str) -> str:
    """A text as the name of a model: small letters, digits, dots, dashes; empty when nothing of it can stay."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64]

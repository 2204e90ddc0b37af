"""The families of models: the tensors each works with, by role, and what a manifest may state about their meaning.

A family is data here; its decoder is a module of its own. Sources of the tensors: docs/models.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from wire.base import WireModel

Family = Literal[
    "yolo", "yolox", "ssd", "detr", "yunet", "centerface", "classification", "segmentation",
    "vad", "tagging", "keyword", "ctc", "ocr",
]  # fmt: skip
Modality = Literal["image", "audio"]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
Activation = Literal["none", "sigmoid", "softmax"]


class YoloDecode(WireModel):
    """YOLO heads. `anchor`: v5 and v7, rows [N, 5 + classes] with objectness; `anchor-free`: v8, 11, 12, 26 raw,
    channels [4 + classes (+ extra), N]; `end2end`: rows [N, 6 (+ extra)] of x1, y1, x2, y2, score, class.

    Extra values: 32 mask coefficients (segment), keypoints x, y and perhaps v (pose), an angle (obb).
    """

    task: Literal["detect", "segment", "pose", "obb"] = "detect"
    head: Literal["anchor", "anchor-free", "end2end"]
    keypoints: tuple[Annotated[int, Field(ge=1, le=256)], Literal[2, 3]] | None = None


class SsdDecode(WireModel):
    """`detections`: the file has merged already and gives boxes, scores, classes, count (TensorFlow's object
    detection); `candidates`: every prior's scores [N, classes] and decoded boxes [N, 4] (UltraFace).

    `box`: order of a box's numbers; `unit`: fractions or pixels of the input. `first_class`: the number the file gives
    names[0].
    `class_ids`: the file's number of each name when they do not follow one another (COCO's have holes).
    `background`: the channel of candidates that means nothing, if there is one.
    """

    form: Literal["detections", "candidates"]
    box: Literal["yxyx", "xyxy"]
    unit: Literal["normalised", "pixels"] = "normalised"
    first_class: Annotated[int, Field(ge=0, le=1)] = 0
    class_ids: list[Annotated[int, Field(ge=0, le=65_535)]] | None = None
    background: Annotated[int, Field(ge=0)] | None = None


class DetrDecode(WireModel):
    """RT-DETR, D-FINE, RF-DETR. `deploy`: labels, boxes, scores out of the file; `logits`: class logits and boxes;
    `joined`: a box and the probability of each class in one row; `rows`: a box, its score and its class's number.

    `target`: what the second input holds, if there is one: the size boxes come back in. `class_ids`: the file's
    number of each name when they are not 0, 1, 2, … (COCO's have holes).
    """

    form: Literal["deploy", "logits", "joined", "rows"]
    box: Literal["cxcywh", "xyxy"]
    unit: Literal["normalised", "target"]
    target: Literal["width-height", "height-width"] | None = None
    class_ids: list[Annotated[int, Field(ge=0, le=65_535)]] | None = None


class ClassificationDecode(WireModel):
    """`activation` None: the dry run decides between probabilities (they sum to one) and logits."""

    activation: Activation | None = None
    top: Annotated[int, Field(ge=1, le=100)] = 1


class SegmentationDecode(WireModel):
    """`logits` [1, classes, h, w] or `classes` [1, h, w]; regions under `min_area` pixels are left out.

    `activation`: what turns logits into probabilities. A map of one channel has to state it (sigmoid, or none where it
    is 0..1 already); with several the dry run shows it.
    """

    form: Literal["logits", "classes"]
    activation: Activation | None = None
    background: Annotated[int, Field(ge=0)] | None = None
    min_area: Annotated[int, Field(ge=1)] = 64


class LogMel(WireModel):
    """Log-mel features made here because the file wants them: frames of `window_ms` every `hop_ms`.

    `log`: natural, base ten, or decibels of power, of the value raised to `floor` at least, plus `offset`. `mel`: the
    scale's formula. `triangles`: whether the bands' slopes are straight over mel (HTK, Kaldi, TensorFlow) or over hertz
    (librosa, torchaudio); by default mel with htk, hertz with slaney. `symmetric`: hann and hamming as in HTK and
    Kaldi, else periodic. `remove_dc`: each frame loses its mean and `preemphasis` works inside the frame (Kaldi), else
    over the whole sound. `centre`: frames are centred on their instant (reflected edges), else they start there.
    """

    bands: Annotated[int, Field(ge=8, le=256)]
    window_ms: Annotated[float, Field(gt=0, le=1000)]
    hop_ms: Annotated[float, Field(gt=0, le=1000)]
    fft: Annotated[int, Field(ge=64, le=8192)]
    low_hz: Annotated[float, Field(ge=0)]
    high_hz: Annotated[float, Field(gt=0)]
    mel: Literal["htk", "slaney"] = "htk"
    norm: Literal["none", "slaney"] = "none"
    triangles: Literal["mel", "hertz"] | None = None
    window: Literal["hann", "hamming", "povey"] = "hann"
    symmetric: bool = False
    remove_dc: bool = False
    power: Literal[1, 2] = 2
    log: Literal["natural", "ten", "decibel"] = "natural"
    floor: Annotated[float, Field(gt=0)] = 1e-6
    offset: float = 0.0
    preemphasis: Fraction = 0.0
    centre: bool = False
    normalise: Literal["none", "per-band"] = "none"
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0
    layout: Literal["frames-bands", "bands-frames"] = "frames-bands"


class AudioInput(WireModel):
    """How sound is prepared for the model: mono floats -1..1 times `scale`, at `rate` samples per second.

    A model with a fixed window is run over windows of `window_ms` every `hop_ms`; without them it takes the whole
    stretch. `features` None: the file takes samples.
    """

    rate: Annotated[int, Field(ge=8000, le=48_000)] = 16_000
    scale: Annotated[float, Field(gt=0)] = 1.0
    window_ms: Annotated[float, Field(gt=0, le=60_000)] | None = None
    hop_ms: Annotated[float, Field(gt=0, le=60_000)] | None = None
    rank: Annotated[int, Field(ge=1, le=4)] | None = None
    features: LogMel | None = None


class TaggingDecode(WireModel):
    """Windows of one name that reach its threshold are merged across `gap_ms`; short ones are dropped.

    `only`: the names that become labels, all of them when empty.
    """

    activation: Activation = "none"
    only: list[str] = []
    gap_ms: Milliseconds = 500
    min_ms: Milliseconds = 0


class KeywordDecode(WireModel):
    """A keyword counts after `patience` windows in a row, and again only after `debounce_ms`.

    `only`: the names that become labels, all of them when empty.
    """

    activation: Activation = "none"
    only: list[str] = []
    patience: Annotated[int, Field(ge=1, le=100)] = 1
    debounce_ms: Milliseconds = 1000


class CtcDecode(WireModel):
    """`alphabet`: the token of each channel; `frame_ms`: time from one row of the output to the next.

    `expected_word_error_rate`: measured for `language` on speech like that of the homes; without it, or at 0.3 and
    above, transcripts are not filled in (people type faster than they correct).
    """

    alphabet: list[str] = Field(min_length=2)
    blank: Annotated[int, Field(ge=0)]
    word_separator: str = " "
    frame_ms: Annotated[float, Field(gt=0, le=1000)]
    language: str | None = None
    expected_word_error_rate: Annotated[float, Field(ge=0, le=5)] | None = None


class OcrDecode(WireModel):
    """One of the three networks of OCR, PP-OCR's way.

    detection: probability map of a picture whose short side is scaled up to `short_side`, binarised at `binarise`,
    box accepted at `box_score`, grown by `unclip`. direction: upright or turned by 180 degrees, turned back at `flip`.
    recognition: greedy CTC over `alphabet`, the characters of the channels but the `blank` (a space as the last one
    may be left out); `language` of all it reads, when there is only one.
    """

    part: Literal["detection", "direction", "recognition"]
    binarise: Fraction = 0.3
    box_score: Fraction = 0.5
    unclip: Annotated[float, Field(ge=1, le=5)] = 1.6
    flip: Fraction = 0.9
    short_side: Annotated[int, Field(ge=32, le=4096)] = 736
    alphabet: list[str] | None = None
    blank: Annotated[int, Field(ge=0)] = 0
    language: str | None = None


Decode = (
    YoloDecode | SsdDecode | DetrDecode | ClassificationDecode | SegmentationDecode | TaggingDecode | KeywordDecode
    | CtcDecode | OcrDecode
)  # fmt: skip


@dataclass(frozen=True)
class FamilyRules:
    """What a manifest of a family has to name.

    inputs, outputs   the roles that must be named; `more_*` may be
    decode            the shape of its `[decode]` table, None without one
    picture           what `[input]` means where it does not state otherwise
    must_say          fields of `[input]` that neither file nor family decides, so the manifest has to
    names             whether the model has classes
    thresholds        whether what it finds of a name counts from a score on
    """

    modality: Modality
    inputs: frozenset[str]
    outputs: frozenset[str]
    more_inputs: frozenset[str] = frozenset()
    more_outputs: frozenset[str] = frozenset()
    decode: type[WireModel] | None = None
    picture: Mapping[str, Any] = field(default_factory=dict)
    must_say: tuple[str, ...] = ()
    names: bool = True
    thresholds: bool = True


_IMAGE = frozenset({"image"})
_AUDIO = frozenset({"audio"})
_YUNET = frozenset(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox") for stride in (8, 16, 32))
_BYTE = 1 / 255

FAMILIES: dict[str, FamilyRules] = {
    "yolo": FamilyRules(
        "image", _IMAGE, frozenset({"predictions"}), more_outputs=frozenset({"prototypes"}), decode=YoloDecode,
        picture={"colour": "RGB", "fit": "letterbox-centre", "pad": 114, "scale": _BYTE},
    ),
    "yolox": FamilyRules(
        "image", _IMAGE, frozenset({"predictions"}),
        picture={"colour": "BGR", "fit": "letterbox-top-left", "pad": 114},
    ),
    "ssd": FamilyRules(
        "image", _IMAGE, frozenset({"boxes", "scores"}), more_outputs=frozenset({"classes", "count"}),
        decode=SsdDecode, picture={"colour": "RGB", "fit": "stretch"},
    ),
    "detr": FamilyRules(
        "image", _IMAGE, frozenset({"boxes"}), more_inputs=frozenset({"target_size"}),
        more_outputs=frozenset({"scores", "labels", "logits"}), decode=DetrDecode,
        picture={"colour": "RGB", "fit": "stretch", "scale": _BYTE},
    ),
    "yunet": FamilyRules(
        "image", _IMAGE, _YUNET, picture={"colour": "BGR", "fit": "letterbox-top-left", "pad": 0, "multiple": 32}
    ),
    "centerface": FamilyRules(
        "image", _IMAGE, frozenset({"heatmap", "scale", "offset"}),
        picture={"colour": "RGB", "fit": "stretch", "multiple": 32},
    ),
    "classification": FamilyRules(
        "image", _IMAGE, frozenset({"scores"}), decode=ClassificationDecode, must_say=("colour", "fit", "scale"),
        thresholds=False,
    ),
    "segmentation": FamilyRules(
        "image", _IMAGE, frozenset({"map"}), decode=SegmentationDecode, must_say=("colour", "fit", "scale"),
        thresholds=False,
    ),
    "vad": FamilyRules(
        "audio", frozenset({"audio", "state"}), frozenset({"probability", "state"}),
        more_inputs=frozenset({"sample_rate"}), thresholds=False,
    ),
    "tagging": FamilyRules("audio", _AUDIO, frozenset({"scores"}), decode=TaggingDecode),
    "keyword": FamilyRules("audio", _AUDIO, frozenset({"scores"}), decode=KeywordDecode),
    "ctc": FamilyRules(
        "audio", _AUDIO, frozenset({"tokens"}), more_inputs=frozenset({"length"}),
        more_outputs=frozenset({"length"}), decode=CtcDecode, names=False, thresholds=False,
    ),
    "ocr": FamilyRules(
        "image", _IMAGE, frozenset({"map"}), decode=OcrDecode, names=False, thresholds=False,
        picture={
            "colour": "BGR", "fit": "stretch", "multiple": 32, "max_side": 2000, "scale": _BYTE,
            "mean": [0.5], "std": [0.5],
        },
    ),
}  # fmt: skip

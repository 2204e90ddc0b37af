"""OCR of a still: detection finds the text, direction turns it upright, recognition reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prelabel.geometry.detection import DECIMALS, SCORE_DECIMALS
from prelabel.media.pictures import MAX_PIXELS, Image, PictureTooLarge
from prelabel.models.effective_settings import Settings, package_settings
from prelabel.models.families import OcrDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage, open_model
from prelabel.text.crops import cut_out, upended
from prelabel.text.detection import TextDetector
from prelabel.text.direction import TextDirection
from prelabel.text.network import Array
from prelabel.text.order import reading_order
from prelabel.text.recognition import RecognisedLine, TextRecogniser
from wire.labels import Label, Polygon, Source, Text

WORD = "text"
# The direction network is wrong or unsure about one line in ten that is upside down; recognition distinguishes the ways
# apart: with PP-OCR's weights upright lines of print are read at 0.96 and above, upside-down ones below 0.85.
CLEAR = 0.9
# Digits such as 6 and 9 read as well on their heads as upright: a reading that is better by less settles nothing.
MARGIN = 0.1
CATALOGUE_PARTS = ("ocr-detection", "ocr-direction", "ocr-recognition")


@dataclass(frozen=True)
class TextPiece:
    """One piece of text in a picture.

    points   4 corners (x, y) in float pixels, clockwise from the one where the text begins
    found    how sure it is that there is text, 0..1; None when nobody looked (the whole picture is one line)
    line     its text, None when it could not be read
    """

    points: Array
    found: float | None
    line: RecognisedLine | None


def reading_source() -> Source:
    """What a labels document of `Reader.from_catalogue` names: the recognition network. Fetched if it is not here."""
    return open_model(CATALOGUE_PARTS[-1]).source


class Reader:
    """The networks of OCR together. `read` is for one thread at a time.

    Without a detection network the whole picture is one line; without a direction network nothing is turned by half;
    without a recognition network pieces of text are only found.

    Raises:
        ModelRefused: neither detection nor recognition is given.
    """

    def __init__(
        self, detection: TextDetector | None, direction: TextDirection | None, recognition: TextRecogniser | None
    ) -> None:
        last = recognition or detection
        if last is None:
            name = direction.package.name if direction else "OCR without networks"
            raise ModelRefused(
                f"{name} neither finds nor reads text; it only turns lines that others found.",
                hint="Use it together with a detection and a recognition network (docs/ocr.md).",
            )
        self.package: ModelPackage = last.package
        self.source: Source = last.source
        self._detection, self._direction, self._recognition = detection, direction, recognition

    @classmethod
    def open(cls, *packages: ModelPackage, threads: int = 1) -> Reader:
        """A reader of own packages of family `ocr`, one for each part it shall have, in any order.

        Raises:
            ModelRefused: another family, two of one part, a part alone that can do nothing, or one that does not load
                or does not do what its manifest states.
        """
        parts: dict[str, ModelPackage] = {}
        for package in packages:
            decode = package.manifest.decode
            if not isinstance(decode, OcrDecode):
                raise ModelRefused(f"{package.name} is of family {package.family}, which is not a part of OCR.")
            if decode.part in parts:
                raise ModelRefused(f"{parts[decode.part].name} and {package.name} are both the {decode.part} of OCR.")
            parts[decode.part] = package
        found, turned, read = (parts.get(part) for part in ("detection", "direction", "recognition"))
        return cls(
            TextDetector(found, threads) if found else None,
            TextDirection(turned, threads) if turned else None,
            TextRecogniser(read, threads) if read else None,
        )

    def settings_by_source(self) -> dict[Source, Settings]:
        """The same settings for each: every network of the three takes part in what is read where."""
        parts = {"detection": self._detection, "direction": self._direction, "recognition": self._recognition}
        whole = {
            name: {**package_settings(part.package), "sha256": part.package.sha256}
            for name, part in parts.items()
            if part is not None
        }
        return {part.source: whole for part in (self._detection, self._recognition) if part is not None}

    @classmethod
    def from_catalogue(cls, threads: int = 1) -> Reader:
        """The three networks of the catalogue, fetched if they are not here.

        Raises:
            ModelUnavailable, ModelCorrupt, ModelFolderMissing, CacheUnwritable: from the catalogue.
            ModelRefused: as `open`.
        """
        return cls.open(*(open_model(name) for name in CATALOGUE_PARTS), threads=threads)

    def read(self, image: Image) -> list[TextPiece]:
        """The text in a picture H x W x 3 (uint8, BGR), in reading order.

        What recognition cannot read, or reads with less than its manifest's `score`, is left out.

        Raises:
            ValueError: not a picture of that shape and type.
            PictureTooLarge: more than `pictures.MAX_PIXELS`.
            ModelRefused: a network fails on it.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a picture is H x W x 3 of uint8, not {image.shape} of {image.dtype}")
        height, width = image.shape[:2]
        if height * width > MAX_PIXELS:
            raise PictureTooLarge(f"A picture is {width} x {height}, {width * height / 1e6:.0f} megapixels.")
        found = self._found(image)
        pieces = self._read_pieces([cut_out(image, points) for points, _ in found])
        readings = [TextPiece(points, score, line) for (points, line), (_, score) in zip(pieces, found, strict=True)]
        kept = [one for one in readings if self._counts(one.line)]
        return [kept[number] for number in reading_order(np.array([one.points for one in kept]).reshape(-1, 4, 2))]

    def labels(self, image: Image) -> list[Label]:
        """`read` as labels: a polygon `p1`, `p2`, … for each piece, and a text `w1`, … whose parent it is.

        A polygon carries the detection network as its source, a text the recognition network.

        Raises:
            ValueError, PictureTooLarge, ModelRefused: as `read`.
        """
        return [label for number, one in enumerate(self.read(image), start=1) for label in self._labels(number, one)]

    def _labels(self, number: int, reading: TextPiece) -> list[Label]:
        labels: list[Label] = []
        if self._detection is not None and reading.found is not None:
            labels.append(
                Polygon(
                    id=f"p{number}",
                    kind="polygon",
                    label=WORD,
                    score=round(reading.found, SCORE_DECIMALS),
                    source=self._detection.source,
                    points=[(round(x, DECIMALS), round(y, DECIMALS)) for x, y in reading.points.tolist()],
                )
            )
        if self._recognition is not None and reading.line is not None:
            labels.append(
                Text(
                    id=f"w{number}",
                    label=WORD,
                    score=round(reading.line.score, SCORE_DECIMALS),
                    source=self._recognition.source,
                    parent=f"p{number}" if labels else None,
                    text=reading.line.text,
                    language=self._recognition.language,
                )
            )
        return labels

    def _read_pieces(self, cuts: list[tuple[Image, Array]]) -> list[tuple[Array, RecognisedLine | None]]:
        """Corners from where the text begins, and the text."""
        sure = np.ones(len(cuts), dtype=bool)
        flipped = np.zeros(len(cuts), dtype=bool)
        if self._direction is not None:
            heads, flip = self._direction.upside_down([cut for cut, _ in cuts]), self._direction.flip
            flipped = heads > flip
            sure = flipped | (heads <= 1 - flip)
            cuts = [upended(*one) if over else one for one, over in zip(cuts, flipped, strict=True)]
        if self._recognition is None:
            return [(corners, None) for _, corners in cuts]
        lines = self._recognition.read([cut for cut, _ in cuts])
        pieces: list[tuple[Array, RecognisedLine | None]] = [
            (corners, line) for (_, corners), line in zip(cuts, lines, strict=True)
        ]
        if self._direction is None:
            return pieces
        again = [number for number, line in enumerate(lines) if not sure[number] or line.score < CLEAR]
        turned = [upended(*cuts[number]) for number in again]
        others = {
            number: (corners, line)
            for number, (_, corners), line in zip(
                again, turned, self._recognition.read([cut for cut, _ in turned]), strict=True
            )
        }
        open_ones = []
        for number, other in others.items():
            better = other[1].score - lines[number].score
            if not sure[number] and abs(better) < MARGIN:
                open_ones.append(number)
            elif better > 0 and (not sure[number] or other[1].score >= CLEAR):
                pieces[number], flipped[number] = other, not flipped[number]
        if _most_are_flipped(pieces, flipped, set(open_ones)):
            for number in open_ones:
                pieces[number] = others[number]
        return pieces

    def _found(self, image: Image) -> list[tuple[Array, float | None]]:
        if self._detection is not None:
            return [(region.points, min(1.0, region.score)) for region in self._detection.find(image)]
        height, width = image.shape[:2]
        return [(np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64), None)]

    def _counts(self, line: RecognisedLine | None) -> bool:
        if line is None or self._recognition is None:
            return True
        return bool(line.text) and line.score >= self._recognition.package.manifest.thresholds.score


def _most_are_flipped(pieces: list[tuple[Array, RecognisedLine | None]], flipped: Array, undecided: set[int]) -> bool:
    """Whether most of the text whose direction is known is upside down; a picture without such text does not."""
    votes = [
        (len(line.text), bool(over))
        for number, ((_, line), over) in enumerate(zip(pieces, flipped, strict=True))
        if line is not None and number not in undecided
    ]
    return sum(length if over else -length for length, over in votes) > 0

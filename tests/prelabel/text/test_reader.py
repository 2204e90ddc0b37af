"""Reading whole pictures: the three parts together, on painted networks and on PP-OCR's own weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from prelabel.labelling.picture_models import open_picture_model
from prelabel.media.pictures import PictureTooLarge
from prelabel.models import catalogue
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from prelabel.text.reader import CATALOGUE_PARTS, Reader, reading_source
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.text import planted
from wire.labels import LabelsDocument, Polygon, Text

LINES = [
    "Kitchen session 12", "Put the cup on the table", "Total: 42.50 EUR", "Serial No. AX-4471-09/B", "best before 2028",
]  # fmt: skip
WORLD = [
    "Größe 42, Straße 7",
    "Prix : à payer avant déjeuner",
    "¿Dónde está la cocina?",
    "中文和日本語",
    "+49 (0)30 555",
]
PROSE = [
    "The quick brown fox jumps over",
    "the lazy dog and runs away to",
    "the forest behind the old mill",
    "where nobody waits for it now.",
    "A second column begins up here",
    "and it goes on for four lines,",
    "as long as those of the first,",
    "so that it is read after it.",
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    try:
        return Reader.from_catalogue(threads=2)
    except catalogue.ModelUnavailable as error:
        needs.need(False, str(error))
        raise


def said(reader: Reader, picture: np.ndarray) -> list[str]:
    return [one.line.text for one in reader.read(picture) if one.line]


def error_rate(lines: list[str], found: list[str]) -> float:
    return planted.edits("\n".join(lines), "\n".join(found))


# ---------------------------------------------------------------- real weights on print
@pytest.mark.parametrize("size", [14, 20, 32, 60])
def test_print_of_every_size(reader: Reader, size: int) -> None:
    assert error_rate(LINES, said(reader, planted.page(LINES, size, width=max(640, size * 18)))) < 0.02


@pytest.mark.parametrize(
    ("ink", "paper"),
    [((255, 255, 255), (30, 50, 20)), ((40, 40, 200), (180, 230, 255)), ((150, 150, 150), (190, 190, 190))],
    ids=["white on green", "red on cream", "pale"],
)
def test_colours(reader: Reader, ink: tuple[int, int, int], paper: tuple[int, int, int]) -> None:
    assert error_rate(LINES, said(reader, planted.page(LINES, 30, ink, paper))) < 0.02


@pytest.mark.parametrize("turns", [1, 2, 3], ids=["upward", "upside down", "downward"])
def test_a_turned_page_is_read_from_its_own_top(reader: Reader, turns: int) -> None:
    upright = planted.page(LINES, 30)
    assert error_rate(LINES, said(reader, np.ascontiguousarray(np.rot90(upright, turns)))) < 0.02
    # From the first corner to the second runs the text.
    along = {1: (0, -1), 2: (-1, 0), 3: (0, 1)}[turns]
    for one in reader.read(np.ascontiguousarray(np.rot90(upright, turns))):
        line = one.points[1] - one.points[0]
        assert np.dot(line, along) > 0.9 * np.linalg.norm(line)


@pytest.mark.parametrize("angle", [-12, 6, 25])
def test_a_page_askew(reader: Reader, angle: float) -> None:
    upright = planted.page(LINES, 30, width=700)
    height, width = upright.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    matrix[:, 2] += 150
    askew = cv2.warpAffine(upright, matrix, (width + 300, height + 300), borderValue=(255, 255, 255))
    assert error_rate(LINES, said(reader, askew)) < 0.02


def test_columns_of_prose_are_read_one_after_the_other(reader: Reader) -> None:
    assert error_rate(PROSE, said(reader, planted.page(PROSE, 24, width=1100, columns=2))) < 0.02


def test_a_form_is_read_by_rows(reader: Reader) -> None:
    form = ["Name:", "Street:", "City:", "Ada Miller", "Mill Lane 7", "Leeds"]
    rows = [word for pair in zip(form[:3], form[3:], strict=True) for word in pair]
    assert error_rate(rows, said(reader, planted.page(form, 28, width=900, columns=2))) < 0.02


def test_other_alphabets(reader: Reader) -> None:
    assert error_rate(WORLD, said(reader, planted.page(WORLD, 36))) < 0.05


def test_noise_on_the_page_and_noise_alone(reader: Reader) -> None:
    random = np.random.default_rng(11)
    upright = planted.page(LINES, 30).astype(float)
    noisy = np.clip(upright + random.normal(0, 30, upright.shape), 0, 255).astype(np.uint8)
    assert error_rate(LINES, said(reader, noisy)) < 0.05
    assert reader.read(random.integers(0, 256, (480, 640, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("turn", [0, 1])
def test_a_strip_cut_to_its_ink_is_one_line(reader: Reader, turn: int) -> None:
    page = planted.page(["Total: 42.50 EUR"], 12, width=216)
    rows, columns = (np.flatnonzero((page.min(axis=2) < 200).any(axis=axis)) for axis in (1, 0))
    strip = page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    (line,) = said(reader, np.ascontiguousarray(np.rot90(strip, turn)))
    assert planted.edits("Total: 42.50 EUR", line) < 0.1  # 9 pixels high: a point may look like a comma


@pytest.mark.parametrize("size", [(480, 640), (1, 1), (20, 3000), (3000, 20)])
def test_a_picture_without_text_gives_nothing(reader: Reader, size: tuple[int, int]) -> None:
    assert reader.labels(np.full((*size, 3), 200, dtype=np.uint8)) == []


def test_places_are_those_of_the_print(reader: Reader) -> None:
    upright = planted.page(LINES, 30)
    readings = reader.read(upright)
    dark = upright.min(axis=2) < 128
    for number, one in enumerate(readings):
        left, top = one.points.min(axis=0)
        right, bottom = one.points.max(axis=0)
        band = dark[int(top) : int(bottom) + 1]
        columns = np.flatnonzero(band.any(axis=0))
        rows = int(top) + np.flatnonzero(band.any(axis=1))
        # The whole print lies in its box, and the box is no more than half a letter larger.
        assert left - 1 <= columns[0] <= left + 15 and right - 15 <= columns[-1] + 1 <= right + 1
        assert top - 1 <= rows[0] <= top + 15 and bottom - 15 <= rows[-1] + 1 <= bottom + 1
        assert one.line is not None and one.line.text == LINES[number]


def test_a_large_still_and_a_small_one_say_the_same(reader: Reader) -> None:
    large = planted.page(LINES, 60, width=2400)
    small = cv2.resize(large, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    ours, theirs = reader.read(large), reader.read(small)
    assert [one.line and one.line.text for one in ours] == [one.line and one.line.text for one in theirs] == LINES
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(one.points - 4 * other.points).max() < 16


def test_labels_of_a_still(reader: Reader) -> None:
    labels = reader.labels(planted.page(LINES, 30))
    document = LabelsDocument(capture="cap-1", source=reader.source, labels=labels)
    assert LabelsDocument.read(document.to_json()) == document
    assert [label.id for label in labels] == [f"{kind}{n}" for n in range(1, 6) for kind in ("p", "w")]
    for place, text in zip(labels[::2], labels[1::2], strict=True):
        assert isinstance(place, Polygon) and len(place.points) == 4 and place.label == "text"
        assert isinstance(text, Text) and text.parent == place.id and text.language is None
        assert place.source and place.source.name == "ocr-detection"
        assert text.source and text.source.name == "ocr-recognition"
        assert text.score is not None and text.score > 0.95 and place.score is not None and 0.5 <= place.score <= 1
    assert reading_source() == reader.source


def test_one_part_alone(reader: Reader) -> None:
    upright = planted.page(LINES, 30)
    finder = open_picture_model(open_model("ocr-detection"))
    places = finder.labels(upright)
    assert [label.id for label in places] == ["p1", "p2", "p3", "p4", "p5"]
    assert all(isinstance(label, Polygon) for label in places) and finder.source.name == "ocr-detection"
    line = planted.page(["one line"], 30, width=220)[28:76]
    recogniser = open_picture_model(open_model("ocr-recognition"))
    (text,) = recogniser.labels(np.ascontiguousarray(line))
    assert isinstance(text, Text) and text.text == "one line" and text.parent is None
    with pytest.raises(ModelRefused, match="ocr-direction neither finds nor reads text") as caught:
        open_picture_model(open_model("ocr-direction"))
    assert "ocr" in caught.value.hint


def test_the_catalogue_brings_the_three_from_one_wheel() -> None:
    items = [catalogue.item(name) for name in CATALOGUE_PARTS]
    assert len({(item.sources[0].package, item.sources[0].version) for item in items}) == 1
    assert {item.licence for item in items} == {"Apache-2.0"}


# ---------------------------------------------------------------- painted networks
LETTERS = "alphabet = [" + ", ".join(f'"{chr(97 + number)}"' for number in range(26)) + "]"


def line_of(word: str) -> np.ndarray:
    return planted.bars([part for letter in word for part in (ord(letter) - 96, 0)], 26)


@pytest.fixture
def painted(tmp_path: Path) -> Reader:
    """Finds what is bright, calls a line upside down that begins bright, reads bars."""
    return Reader.open(
        planted.package(tmp_path / "r", planted.recognition(26), "recognition", LETTERS + '\nlanguage = "en"'),
        planted.package(tmp_path / "d", planted.detection(), "detection"),
        planted.package(tmp_path / "c", planted.direction(8), "direction", "flip = 0.99\n[input]\nsize = [48, 192]"),
    )


def test_parts_come_in_any_order_and_their_words_are_kept(painted: Reader) -> None:
    assert painted.source.name == "recognition"
    assert painted.labels(np.zeros((400, 400, 3), dtype=np.uint8)) == []


def test_a_reader_without_detection_reads_the_whole_picture(tmp_path: Path) -> None:
    package = planted.package(tmp_path, planted.recognition(26), "recognition", LETTERS + '\nlanguage = "en"')
    reader = Reader.open(package)
    (label,) = reader.labels(line_of("gleaner"))
    assert label == Text(id="w1", label="text", score=1.0, source=package.source, text="gleaner", language="en")
    assert reader.labels(planted.bars([0, 0, 0], 26)) == []


@pytest.mark.parametrize(
    ("head", "bright", "dark", "begins", "score"),
    [
        # Sure of the direction: it is believed, unless only the other way can be read clearly.
        (0.95, 0.95, 0.92, [320, 48], 0.92),
        (0.05, 0.92, 0.95, [0, 0], 0.92),
        (0.05, 0.3, 0.95, [320, 48], 0.95),
        (0.05, 0.3, 0.8, [0, 0], 0.3),
        (0.95, 0.95, 0.3, [0, 0], 0.95),
        # Unsure: the way that reads better.
        (0.5, 0.9, 0.3, [0, 0], 0.9),
        (0.5, 0.3, 0.8, [320, 48], 0.8),
        (0.89, 0.95, 0.94, [0, 0], 0.95),
        # Unsure, and both ways read well: as it lies.
        (0.5, 0.95, 0.99, [0, 0], 0.95),
        (0.89, 0.5, 0.55, [0, 0], 0.5),
    ],
)
def test_direction_and_reading_settle_which_way_up(
    tmp_path: Path, head: float, bright: float, dark: float, begins: list[int], score: float
) -> None:
    """`bright`: how surely the line is read as it lies, its bright end first; `dark`: on its head."""
    extra = 'alphabet = ["a", "b", "c"]\n[thresholds]\nscore = 0.1'
    heads = planted.constant(np.array([[1 - head, head]]))
    reader = Reader.open(
        planted.package(tmp_path / "r", planted.surer_when_bright(bright, dark), "recognition", extra),
        planted.package(tmp_path / "c", heads, "direction", "[input]\nsize = [48, 192]"),
    )
    picture = np.zeros((48, 320, 3), dtype=np.uint8)
    picture[:, :160] = 255
    (one,) = reader.read(picture)
    assert one.points[0].tolist() == begins
    assert one.line is not None and one.line.score == pytest.approx(score, abs=0.01)


def counted(rows: list[tuple[str, str]], turns: int) -> np.ndarray:
    """A table of words and single digits, turned by so many quarters."""
    page = np.full((90 * len(rows) + 40, 720, 3), 255, dtype=np.uint8)
    for number, row in enumerate(rows):
        for text, left in zip(row, (60, 600), strict=True):
            place = (left, 90 * number + 85)
            cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, 1.7, (20, 20, 20), 4, cv2.LINE_AA)
    return np.ascontiguousarray(np.rot90(page, turns))


@pytest.mark.parametrize("turns", [0, 2])
def test_single_digits_stand_as_the_rest_of_the_page(reader: Reader, turns: int) -> None:
    rows = [("Bottles", "6"), ("Towels", "9"), ("Glasses", "6"), ("Sponges", "8"), ("Baskets", "9"), ("Brushes", "6")]
    assert said(reader, counted(rows, turns)) == [text for row in rows for text in row]


def test_a_digit_alone_is_read_as_it_lies(reader: Reader) -> None:
    for digit in "698":
        assert said(reader, counted([("", digit)], 0)) == [digit]


def test_what_is_read_badly_is_left_out(tmp_path: Path) -> None:
    values = np.array([[[0.3, 0.45, 0.25]]])
    for least, count in ((0.4, 1), (0.5, 0)):
        extra = f'alphabet = ["a", "b"]\n[thresholds]\nscore = {least}'
        package = planted.package(tmp_path / str(least), planted.constant(values), "recognition", extra)
        assert len(Reader.open(package).labels(np.zeros((48, 100, 3), dtype=np.uint8))) == count
    blank = planted.constant(np.array([[[0.9, 0.05, 0.05]]]))
    package = planted.package(
        tmp_path / "blank", blank, "recognition", 'alphabet = ["a", "b"]\n[thresholds]\nscore = 0'
    )
    assert Reader.open(package).labels(np.zeros((48, 100, 3), dtype=np.uint8)) == []


def test_networks_that_give_nan_find_and_read_nothing(tmp_path: Path) -> None:
    """Black passes the dry run; white gives NaN."""
    nodes = [
        planted.helper.make_node("Slice", ["x", "from", "to", "axis"], ["plane"]),
        planted.helper.make_node("Neg", ["plane"], ["other"]),
        planted.helper.make_node("Sqrt", ["other"], ["y"]),
    ]
    weights = {"from": np.array([0]), "to": np.array([1]), "axis": np.array([1])}
    package = planted.package(tmp_path, planted.graph(nodes, weights), "detection")
    assert Reader.open(package).labels(np.full((800, 800, 3), 255, dtype=np.uint8)) == []


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), "u1")]
)
def test_what_is_no_picture_is_refused(painted: Reader, picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a picture is H x W x 3"):
        painted.read(picture)


def test_a_huge_picture_is_refused_at_once(painted: Reader) -> None:
    huge = np.broadcast_to(np.zeros(3, dtype=np.uint8), (20_000, 20_000, 3))
    with pytest.raises(PictureTooLarge, match="20000 x 20000, 400 megapixels"):
        painted.read(huge)


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    one = planted.package(tmp_path / "one", planted.detection(), "detection", name="first")
    two = planted.package(tmp_path / "two", planted.detection(), "detection", name="second")
    with pytest.raises(ModelRefused, match="first and second are both the detection of OCR"):
        Reader.open(one, two)
    with pytest.raises(ModelRefused, match="OCR without networks neither finds nor reads"):
        Reader.open()
    ears = graphs.save_package(tmp_path / "vad", graphs.vad(), graphs.manifest("vad", *graphs.VAD_IO, ["speech"]))
    with pytest.raises(ModelRefused, match="of family vad, which is not a part of OCR"):
        Reader.open(open_model(ears))

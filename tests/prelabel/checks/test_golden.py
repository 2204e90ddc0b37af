"""Golden samples: what counts as the same answer, and packages that are held to theirs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.checks.any_model import open_any_model
from prelabel.checks.golden import GoldenFailed, check_golden, compare
from prelabel.checks.golden_sample import make_small, put_golden, reread
from prelabel.checks.samples import MAX_INLINE_BYTES, SampleSound, read_sample
from prelabel.geometry.rle import encode
from prelabel.models import catalogue
from prelabel.models.catalogue import ModelUnavailable
from prelabel.models.manifest import ManifestInvalid, Thresholds
from prelabel.models.package import open_model
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.command import prelabel
from tests.support.recordings import wav
from wire.labels import Box, Choice, Interval, Keypoints, Label, Mask, Polygon, Text

YOLOX = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])


def box(x: float = 10, y: float = 10, width: float = 40, height: float = 20, score: float = 0.8, **more: Any) -> Box:
    return Box(**{"id": "b", "label": "cup", "score": score, "x": x, "y": y, "width": width, "height": height, **more})


def speech(start: int, end: int, **more: Any) -> Interval:
    return Interval(**{"id": "s", "label": "speech", "score": 0.9, "start_us": start, "end_us": end, **more})


def points(*rows: tuple[float, float, int]) -> Keypoints:
    return Keypoints(id="k", label="cup", score=0.8, points=list(rows))


def quad(x: float, size: float = 50) -> Polygon:
    corners = [(x, 0), (x + size, 0), (x + size, size), (x, size)]
    return Polygon(id="p", kind="polygon", label="text", score=0.9, points=corners)


def mask(left: int, width: int) -> Mask:
    return Mask(id="m", label="cup", score=0.9, rle=encode(np.ones((20, width), bool), 100, 100, 10, left))


PERSON = (1.0, 2.0, 2)
SAME: list[tuple[str, list[Label], list[Label]]] = [
    ("nothing", [], []),
    ("itself", [box()], [box()]),
    ("moved a little", [box()], [box(x=11)]),
    ("score a little off", [box(score=0.8)], [box(score=0.72)]),
    ("in another order", [box(), box(x=80)], [box(x=80), box()]),
    ("no score stated", [box(score=0.8).model_copy(update={"score": None})], [box(score=0.5)]),
    ("near the threshold and gone", [box(score=0.35)], []),
    ("near the threshold and new", [], [box(score=0.35)]),
    ("40 ms later", [speech(0, 1_000_000)], [speech(40_000, 1_040_000)]),
    ("a text stated", [speech(0, 9_000_000, text="yes")], [speech(0, 9_000_000, text="yes")]),
    ("no text stated", [speech(0, 9_000_000)], [speech(0, 9_000_000, text="yes")]),
    ("choice", [Choice(id="c", label="cat", score=0.9)], [Choice(id="d", label="cat", score=0.88)]),
    ("points", [points((0, 0, 2), (100, 0, 0), (100, 100, 2))], [points((2, 2, 2), (0, 0, 0), (100, 98, 2))]),
    ("half a turn", [box(rotation=2.0)], [box(rotation=181.0)]),
    ("polygon", [quad(0)], [quad(2)]),
    ("mask", [mask(10, 40)], [mask(11, 40)]),
]  # fmt: skip
OTHER: list[tuple[str, list[Label], list[Label], str]] = [
    ("gone", [box()], [], "expected box cup 0.80 at 10, 10 of 40 x 20, got nothing like it"),
    ("too many", [], [box()], "which was not expected"),
    ("another word", [box()], [box(label="mug")], "nothing like it"),
    ("moved", [box()], [box(x=25)], "overlap by 0.45 only"),
    ("score", [box(score=0.9)], [box(score=0.6)], "another score"),
    ("turned", [box(rotation=0.0)], [box(rotation=10.0)], "another rotation"),
    ("60 ms", [speech(0, 1_000_000)], [speech(0, 1_060_000)], "another time"),
    ("text", [speech(0, 9_000_000, text="yes")], [speech(0, 9_000_000, text="no")], "another text"),
    ("line", [Text(id="t", label="text", text="a")], [Text(id="t", label="text", text="b")], "another text"),
    ("choice", [Choice(id="c", label="cat", score=0.9)], [Choice(id="d", label="dog", score=0.9)], "nothing like it"),
    ("points", [points((0, 0, 2), (100, 100, 2))], [points((0, 0, 2), (80, 100, 2))], "other points"),
    ("seen", [points((0, 0, 2), (100, 100, 2))], [points((0, 0, 2), (100, 100, 1))], "other points"),
    ("polygon", [quad(0)], [quad(20)], "overlap by 0.43 only"),
    ("mask", [mask(10, 40)], [mask(30, 40)], "overlap by 0.33 only"),
    ("kind", [box()], [quad(0)], "nothing like it"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "got"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_is_the_same_answer(expected: list[Label], got: list[Label]) -> None:
    assert compare(expected, got, Thresholds()) == []


@pytest.mark.parametrize(("expected", "got", "words"), [row[1:] for row in OTHER], ids=[row[0] for row in OTHER])
def test_what_is_another_answer(expected: list[Label], got: list[Label], words: str) -> None:
    complaints = compare(expected, got, Thresholds())
    assert complaints and words in complaints[0]


@settings(max_examples=200, deadline=None)
@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(0.3, 3), st.floats(0.3, 3))
def test_boxes_are_the_same_exactly_from_an_overlap_of_eight_tenths(dx: float, dy: float, w: float, h: float) -> None:
    """Counted on a fine grid instead of by a formula."""
    size = 100
    one, other = box(0, 0, size, size), box(dx, dy, size * w, size * h)
    step = 0.25
    cells = np.arange(-100, 400, step) + step / 2
    inside = [
        (cells >= at) & (cells < at + length)
        for at, length in ((one.x, one.width), (other.x, other.width), (one.y, one.height), (other.y, other.height))
    ]
    first, second = (int(inside[k].sum()) * int(inside[k + 2].sum()) for k in (0, 1))
    shared = int((inside[0] & inside[1]).sum()) * int((inside[2] & inside[3]).sum())
    overlap = shared / (first + second - shared)
    if abs(overlap - 0.8) > 0.01:
        assert (compare([one], [other], Thresholds()) == []) == (overlap > 0.8)


# ---------------------------------------------------------------- samples
def test_generated_samples_are_always_the_same() -> None:
    voice = read_sample("vowels", "m")
    assert isinstance(voice, SampleSound) and voice.rate == 16_000 and len(voice.samples) == 3.2 * 16_000
    assert float(np.abs(voice.samples).max()) < 0.6 and float(np.abs(voice.samples).sum()) == pytest.approx(
        float(np.abs(read_sample("vowels", "m").samples).sum())  # type: ignore[union-attr]
    )
    assert not read_sample("silence", "m").samples.any()  # type: ignore[union-attr]
    for name, shape in (("photo-person", (512, 512, 3)), ("card", (240, 480, 3)), ("line", (64, 480, 3))):
        picture = read_sample(name, "m")
        assert not isinstance(picture, SampleSound) and picture.shape == shape and picture.std() > 20


@pytest.mark.parametrize("name", [row.name for row in catalogue.items() if row.kind == "model"])
def test_every_model_of_the_catalogue_passes_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = needs.shared_models()
    if shared is not None:
        monkeypatch.setenv("GLEANER_MODELS", str(shared))
    if not catalogue.available(name) and name not in ("silero-vad", "centerface", "ssd-mobilenet"):
        pytest.skip(f"{name} is not here: gleaner prelabel pull {name}")
    try:
        package = open_model(name)
    except ModelUnavailable as error:
        needs.need(False, str(error))
        raise
    assert check_golden(open_any_model(package))


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("nobody", "which does not exist"),
        ("base64:%%", "not base64"),
        ("base64:" + "A" * 400_000, "the limit is 262144"),
    ],
)
def test_samples_there_are_not(sample: str, words: str) -> None:
    with pytest.raises(ManifestInvalid, match=words):
        read_sample(sample, "model.toml")


# ---------------------------------------------------------------- packages
def planted(folder: Path, golden: str = "") -> Path:
    """Finds a cup in every picture: at (64, 32), 32 x 32, of the input 96 x 64."""
    rows = graphs.yolox_rows(64, 96, 2)
    graphs.plant_yolox(rows, 64, 96, 8, (40, 16, 20, 20), 1)
    return graphs.save_package(folder, graphs.yolox(64, 96, rows), YOLOX + golden)


CUP = '[golden]\nsample = "grey"\nexpect = [{ kind = "box", label = "cup", score = 0.81, %s }]\n'


def test_a_package_is_held_to_its_sample(tmp_path: Path) -> None:
    # The picture of 320 x 240 is drawn at 85 x 64: 3.75 picture pixels for one of the input.
    good = planted(tmp_path / "good", CUP % "x = 150.6, y = 60.0, width = 75.3, height = 75.0")
    found = check_golden(open_any_model(open_model(good)))
    assert found is not None and found[0].label == "cup"
    bad = planted(tmp_path / "bad", CUP % "x = 40.0, y = 16.0, width = 20.0, height = 20.0")
    with pytest.raises(GoldenFailed, match=r"golden sample grey: expected box cup 0\.81 at 40, 16") as caught:
        check_golden(open_any_model(open_model(bad)))
    assert caught.value.facts["got"][0].startswith("box cup 0.81")
    run = prelabel("check", str(bad), GLEANER_CACHE=str(tmp_path / "cache"))
    assert run.returncode == 1 and run.stderr.rstrip().endswith("[model-golden-failed]")
    run = prelabel("pull", str(bad), GLEANER_CACHE=str(tmp_path / "cache"))
    assert run.returncode == 1 and not list((tmp_path / "cache").rglob("model.onnx"))


def test_a_sound_for_a_model_of_pictures(tmp_path: Path) -> None:
    folder = planted(tmp_path / "own", '[golden]\nsample = "vowels"\nexpect = []\n')
    with pytest.raises(GoldenFailed, match="of the wrong kind: planted looks at pictures"):
        check_golden(open_any_model(open_model(folder)))


def test_a_picture_of_the_users_becomes_the_sample(tmp_path: Path) -> None:
    folder = planted(tmp_path / "own", '[golden]\nsample = "grey"\nexpect = []\n[thresholds]\nscore = 0.25\n')
    picture = tmp_path / "kitchen.png"
    noise = np.random.default_rng(3).integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
    cv2.imwrite(str(picture), noise)
    before = tomllib.loads((folder / "model.toml").read_text())
    run = prelabel("check", str(folder), "--golden", str(picture), GLEANER_CACHE=str(tmp_path / "cache"))
    assert run.returncode == 0, run.stderr
    assert "finds 1:" in run.stderr and "box cup 0.81" in run.stderr
    after = tomllib.loads((folder / "model.toml").read_text())
    golden = after.pop("golden")
    before.pop("golden")
    assert after == before and golden["sample"].startswith("base64:") and len(golden["expect"]) == 1
    sample = read_sample(golden["sample"], "m")
    assert not isinstance(sample, SampleSound) and sample.shape == (480, 640, 3)
    run = prelabel("check", str(folder), GLEANER_CACHE=str(tmp_path / "cache"))
    assert run.returncode == 0 and "golden sample: as expected, box cup 0.81" in run.stdout


def test_a_missing_or_unreadable_file_changes_nothing(tmp_path: Path) -> None:
    folder = planted(tmp_path / "own")
    before = (folder / "model.toml").read_bytes()
    (tmp_path / "text.jpg").write_text("no picture")
    for name, status in (("nowhere.jpg", 3), ("text.jpg", 1)):
        run = prelabel("check", str(folder), "--golden", str(tmp_path / name), GLEANER_CACHE=str(tmp_path / "cache"))
        assert run.returncode == status, run.stderr
    assert prelabel("check", "silero-vad", "--golden", str(tmp_path / "text.jpg")).returncode in (1, 2, 3)
    assert (folder / "model.toml").read_bytes() == before


def test_a_sound_of_the_users_is_cut_to_size(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    noise = np.random.default_rng(4).integers(-20000, 20000, 44_100 * 30).astype("<i2")
    path.write_bytes(wav(noise, 44_100))
    text = make_small(SampleSound((noise / 32768).astype(np.float32), 44_100))
    assert len(text) * 3 / 4 <= MAX_INLINE_BYTES + 16
    sound = reread(text)
    assert isinstance(sound, SampleSound) and sound.rate == 16_000 and 2 <= len(sound.samples) / 16_000 <= 10


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
    st.floats(-1e6, 1e6),
    st.dictionaries(st.text(min_size=1, max_size=4), st.integers() | st.booleans(), max_size=3),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, text: str, x: float, more: dict[str, Any]
) -> None:
    place = tmp_path_factory.mktemp("toml") / "model.toml"
    place.write_text(
        'a = 1\n[golden]\nsample = "old"\n[[golden.expect]]\nkind = "choice"\n[input]\nsize = [\n  64,\n  96]\n'
    )
    labels: list[Label] = [
        Text(id="t", label="text", text=text, score=0.5, attributes=more),
        box(x, rotation=1.5),
    ]
    put_golden(place, "base64:AAAA", labels)
    table = tomllib.loads(place.read_text(encoding="utf-8"))
    assert table["a"] == 1 and table["input"] == {"size": [64, 96]}
    assert table["golden"]["sample"] == "base64:AAAA"
    first, second = table["golden"]["expect"]
    assert first["text"] == text and first.get("attributes", {}) == more
    assert second["x"] == x and "id" not in second


def test_a_file_that_cannot_be_changed_stays(tmp_path: Path) -> None:
    place = tmp_path / "model.toml"
    text = 'golden.sample = "old"\ngolden.expect = []\na = 1\n'
    place.write_text(text)
    with pytest.raises(ManifestInvalid, match="leaves no place to add"):
        put_golden(place, "grey", [])
    assert place.read_text() == text and list(tmp_path.iterdir()) == [place]

"""Files of one picture, whatever their format; and files of several, in which it is not clear which one is meant."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from prelabel.labelling.one_file import NotMedia, label_file, medium_of
from prelabel.media.pictures import (
    MAX_PIXELS,
    PictureTooLarge,
    PictureUnreadable,
    is_picture,
    is_still,
    read_picture,
)
from tests.prelabel import graphs
from tests.support.recordings import write_video

RED, GREEN = (30, 30, 200), (30, 200, 30)
WIDTH, HEIGHT = 160, 96
ORIENTATION = 0x0112


def halves() -> np.ndarray:
    """Left red, right green (BGR)."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:, : WIDTH // 2], picture[:, WIDTH // 2 :] = RED, GREEN
    return picture


def pillow() -> Any:
    return Pillow.fromarray(np.ascontiguousarray(halves()[:, :, ::-1]))


def write_frames(path: Path, codec: str, count: int, pixels: str, options: dict[str, str] | None = None) -> None:
    pictures = (np.roll(halves(), 8 * number, axis=1) for number in range(count))
    write_video(path, pictures, codec=codec, rate=10, pixels=pixels, **(options or {}))


def near(picture: np.ndarray, x: int, y: int, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(picture[y, x].astype(int) - np.array(colour)).max() < 40)


@pytest.fixture
def still(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / f"one.{request.param}"
    pillow().save(path)
    return path


@pytest.mark.parametrize("still", ["avif", "gif"], indirect=True)
def test_a_file_of_one_picture_is_a_still(still: Path) -> None:
    picture = read_picture(still)
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8
    assert near(picture, 20, 40, RED) and near(picture, 140, 40, GREEN)
    assert is_still(still) and medium_of(still) == "image"


@pytest.mark.parametrize("still", ["avif", "gif"], indirect=True)
def test_a_file_of_one_picture_has_boxes(still: Path, tmp_path: Path) -> None:
    planted = np.array([[[100.0, 100, 60, 40, 0.9]]], np.float32).transpose(0, 2, 1)
    extra = '[input]\nsize = [320, 320]\n[decode]\nhead = "anchor-free"\n'
    text = graphs.manifest("yolo", {"image": "image"}, {"predictions": "p"}, ["cup"], extra)
    model = graphs.save_package(tmp_path / "own", graphs.constant({"p": planted}, (1, 3, 320, 320)), text)
    done = label_file({"path": str(still), "model": str(model)})
    assert done["media"]["medium"] == "image"
    assert [(row["kind"], row["label"], row["score"]) for row in done["document"]["labels"]] == [("box", "cup", 0.9)]


@pytest.mark.parametrize("still", ["avif", "gif"], indirect=True)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_picture_that_is_cut_off_is_refused(still: Path, share: float) -> None:
    data = still.read_bytes()
    still.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PictureUnreadable):
        read_picture(still)


def test_a_turned_avif_is_upright(tmp_path: Path) -> None:
    path, exif = tmp_path / "turned.avif", Pillow.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees clockwise
    pillow().save(path, exif=exif)
    picture = read_picture(path)
    assert picture.shape == (WIDTH, HEIGHT, 3)
    assert near(picture, 40, 20, RED) and near(picture, 40, 140, GREEN)


def test_a_huge_avif_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.avif"
    pillow().save(path)
    monkeypatch.setattr("prelabel.media.pictures.MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(PictureTooLarge, match="160 x 96"):
        read_picture(path)


@pytest.mark.parametrize(("suffix", "codec", "pixels"), [("gif", "gif", "rgb8"), ("apng", "apng", "rgb24")])
def test_moving_pictures_are_videos(tmp_path: Path, suffix: str, codec: str, pixels: str) -> None:
    path = tmp_path / f"moving.{suffix}"
    write_frames(path, codec, 4, pixels)
    assert not is_still(path) and medium_of(path) == "video"


def test_of_several_pictures_none_is_taken_for_the_file(tmp_path: Path) -> None:
    pages, frames = tmp_path / "pages.tiff", tmp_path / "moving.webp"
    pillow().save(pages, save_all=True, append_images=[pillow().rotate(90)])
    pillow().save(frames, save_all=True, append_images=[pillow().rotate(90)], duration=100)
    for path in (pages, frames):
        with pytest.raises(PictureUnreadable, match="several pictures"):
            read_picture(path)


def test_jpegs_one_after_the_other_are_no_still(tmp_path: Path) -> None:
    path = tmp_path / "camera.mjpeg"
    one = cv2.imencode(".jpg", halves())[1].tobytes()
    path.write_bytes(one * 3)
    with pytest.raises(PictureUnreadable, match="several pictures"):
        read_picture(path)
    app2 = b"\xff\xe2\0\x08MPF\0II"
    path.write_bytes(one[:2] + app2 + one[2:] + one)
    assert read_picture(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(("suffix", "turned"), [("jpg", True), ("png", True), ("tiff", True), ("webp", False)])
def test_pictures_are_turned_as_browsers_turn_them(tmp_path: Path, suffix: str, turned: bool) -> None:
    path, exif = tmp_path / f"a.{suffix}", Pillow.Exif()
    exif[ORIENTATION] = 6
    pillow().save(path, exif=exif)
    assert read_picture(path).shape == ((WIDTH, HEIGHT, 3) if turned else (HEIGHT, WIDTH, 3))


def test_an_icon_in_several_sizes_is_no_medium(tmp_path: Path) -> None:
    path = tmp_path / "a.ico"
    pillow().resize((64, 64)).save(path, sizes=[(16, 16), (64, 64)])
    with pytest.raises(NotMedia):
        medium_of(path)


def test_a_preview_beside_a_picture_is_no_second_picture(tmp_path: Path) -> None:
    path = tmp_path / "preview.tiff"
    assert cv2.imwrite(str(path), halves(), [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[4:8], "little")
    rows = int.from_bytes(data[at : at + 2], "little")
    link = at + 2 + 12 * rows
    for kind, several in ((1, False), (0, True)):  # NewSubfileType: a smaller copy, a full picture
        row = (254).to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little")
        second = (1).to_bytes(2, "little") + row + kind.to_bytes(4, "little") + bytes(4)
        data[link : link + 4] = len(data).to_bytes(4, "little")
        path.write_bytes(bytes(data) + second)
        if several:
            with pytest.raises(PictureUnreadable, match="several pictures"):
                read_picture(path)
        else:
            assert read_picture(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_cut_picture_is_not_filled_with_grey(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    cv2.imwrite(str(path), noise)
    assert read_picture(path).shape == (200, 300, 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureUnreadable):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_a_huge_picture_is_refused_by_its_header(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"huge.{suffix}"
    side = 20_000 if suffix != "bmp" else 11_000
    assert cv2.imwrite(str(path), np.zeros((side, side), np.uint8))
    with pytest.raises(PictureTooLarge, match=f"{side} x {side}, {side * side // 1_000_000} megapixels"):
        read_picture(path)
    assert side * side > MAX_PIXELS


def tiff(order: str, width: int, height: int) -> bytes:
    tags = ((256, 4, width), (257, 3, height)) if height < 2**16 else ((256, 4, width), (257, 4, height))
    rows = [struct.pack(f"{order}HHI", tag, kind, 1) + struct.pack(f"{order}{'I' if kind == 4 else 'H2x'}", value)
            for tag, kind, value in tags]  # fmt: skip
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IH", 8, len(rows)) + b"".join(rows) + bytes(4)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff("<", 20_000, 20_000), "20000 x 20000, 400 megapixels"),
        (tiff(">", 20_000, 20_000), "20000 x 20000, 400 megapixels"),
        (tiff("<", 70_000, 80_000), "70000 x 80000"),
        (webp(b"VP8X", bytes(4) + (16_382).to_bytes(3, "little") + (11_999).to_bytes(3, "little")), "16383 x 12000"),
        (webp(b"VP8L", b"\x2f" + (16_382 | 11_999 << 14).to_bytes(4, "little") + bytes(5)), "16383 x 12000"),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 12_000)), "16383 x 12000"),
    ],
    ids=["tiff", "tiff of a big-endian machine", "tiff of 32 bits", "webp", "webp lossless", "webp lossy"],
)
def test_a_huge_picture_is_told_whatever_its_format(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "huge"
    path.write_bytes(data)
    assert is_picture(data)
    with pytest.raises(PictureTooLarge, match=words):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp"])
def test_a_picture_cut_anywhere_is_refused(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8))
    whole = path.read_bytes()
    for share in (0.002, 0.01, 0.3, 0.6, 0.95, 0.99):
        path.write_bytes(whole[: max(4, int(len(whole) * share))])
        with pytest.raises(PictureUnreadable):
            read_picture(path)
    assert "OpenCV" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (480, 640), (33, 7)])
def test_every_format_is_read_whole(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"a.{suffix}"
    assert cv2.imwrite(str(path), np.full((*size, 3), 77, np.uint8))
    assert read_picture(path).shape == (*size, 3)

"""SSD heads with planted objects."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from prelabel.image.detector import open_detector
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs
from tests.prelabel.image import plants

NAMES = ["person", "cup", "chair"]
ROLES = {"boxes": "b", "scores": "s", "classes": "c", "count": "n"}


def toml(decode: str, size: tuple[int, int] = (300, 300), more: str = "", roles: dict[str, str] | None = None) -> str:
    extra = f"[input]\nsize = [{size[1]}, {size[0]}]\n{more}\n[decode]\n{decode}\n"
    return graphs.manifest("ssd", {"image": "image"}, roles or ROLES, NAMES, extra)


def tensors(rows: list[tuple[plants.Box, float, float]], order: str = "yxyx", room: int = 10) -> dict[str, np.ndarray]:
    """TensorFlow's four: corners as fractions, scores, numbers as floats, how many; the rest filled up with zeros."""
    out: dict[str, np.ndarray] = {
        "b": np.zeros((1, room, 4), np.float32), "s": np.zeros((1, room), np.float32),
        "c": np.zeros((1, room), np.float32), "n": np.array([len(rows)], np.float32),
    }  # fmt: skip
    for at, ((x, y, w, h), number, score) in enumerate(rows):
        out["b"][0, at] = (y, x, y + h, x + w) if order == "yxyx" else (x, y, x + w, y + h)
        out["c"][0, at], out["s"][0, at] = number, score
    return out


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), st.sampled_from(("yxyx", "xyxy")), st.integers(0, 1), st.booleans())
def test_merged_detections_come_back(case: tuple, order: str, first: int, bytes_in: bool) -> None:
    width, height, box = case
    part = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    planted = tensors([(part, 2 + first, 0.875)], order)
    if bytes_in:
        model = graphs.constant(planted, (1, 300, 300, 3), TensorProto.UINT8)
        more = 'layout = "NHWC"\ndtype = "uint8"'
    else:
        model, more = graphs.constant(planted, (1, 3, 300, 300)), "mean = [127.0]\nstd = [128.0]"
    text = toml(f'form = "detections"\nbox = "{order}"\nfirst_class = {first}', more=more)
    plants.assert_same(plants.detector(model, text).detect(plants.picture(width, height)), box, "chair", 0.875)


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), st.integers(0, 2), st.sampled_from((None, 0, 3)), st.sampled_from(("yxyx", "xyxy")))
def test_candidates_come_back(case: tuple, label: int, background: int | None, order: str) -> None:
    width, height, (x, y, w, h) = case
    channels = 3 if background is None else 4
    boxes = np.sort(np.random.default_rng(1).random((1, 40, 2, 2)), axis=2).reshape(1, 40, 4).astype(np.float32)
    scores = np.full((1, 40, channels), 0.01, np.float32)
    if background is not None:
        scores[0, :, background] = 0.98
    one = np.array([x / width, y / height, (x + w) / width, (y + h) / height])
    boxes[0, 7] = one[[1, 0, 3, 2]] if order == "yxyx" else one
    boxes[0, 8] = boxes[0, 7]
    shift = 1 if background == 0 else 0
    scores[0, 7] = scores[0, 8] = 0
    scores[0, 7, label + shift], scores[0, 8, label + shift] = 0.75, 0.5
    decode = f'form = "candidates"\nbox = "{order}"\n' + ("" if background is None else f"background = {background}")
    text = toml(decode, (320, 240), roles={"boxes": "b", "scores": "s"})
    model = graphs.constant({"b": boxes, "s": scores}, (1, 3, 240, 320))
    found = plants.detector(model, text).detect(plants.picture(width, height))
    plants.assert_same(found, (x, y, w, h), NAMES[label], 0.75)


@settings(max_examples=20, deadline=None)
@given(plants.boxed_frames(), st.booleans())
def test_pixels_of_one_picture_without_its_axis_come_back(case: tuple, bare: bool) -> None:
    """torchvision: a picture [3, H, W] of any size goes in, boxes [N, 4] in pixels, scores and labels [N] come out."""
    width, height, box = case
    x, y, w, h = plants.way("stretch", width, height, 320, 320).box(box)
    planted = {
        "b": np.array([[x, y, x + w, y + h]], np.float32), "s": np.array([0.875], np.float32),
        "c": np.array([3], np.int64),
    }  # fmt: skip
    image: tuple[int | str, ...] = (3, 320, 320) if bare else (1, 3, 320, 320)
    roles = {"boxes": "b", "scores": "s", "classes": "c"}
    text = toml('form = "detections"\nbox = "xyxy"\nunit = "pixels"\nfirst_class = 1', (320, 320), roles=roles)
    found = plants.detector(graphs.constant(planted, image), text).detect(plants.picture(width, height))
    plants.assert_same(found, box, "chair", 0.875)


def test_a_picture_in_which_nothing_is_found_has_no_rows() -> None:
    empty = {"b": np.zeros((0, 4), np.float32), "s": np.zeros(0, np.float32), "c": np.zeros(0, np.int64)}
    roles = {"boxes": "b", "scores": "s", "classes": "c"}
    text = toml('form = "detections"\nbox = "xyxy"\nunit = "pixels"\nfirst_class = 1', (320, 320), roles=roles)
    assert plants.detector(graphs.constant(empty, (3, 320, 320)), text).detect(plants.picture(64, 48)) == []


def test_a_background_that_has_a_name_is_never_found() -> None:
    scores = np.array([[[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]], np.float32)
    boxes = np.array([[[0.1, 0.1, 0.5, 0.5], [0.2, 0.2, 0.7, 0.9]]], np.float32)
    text = toml('form = "candidates"\nbox = "xyxy"\nbackground = 0', roles={"boxes": "b", "scores": "s"})
    model = graphs.constant({"b": boxes, "s": scores}, (1, 3, 300, 300))
    found = plants.detector(model, text).detect(plants.picture(100, 100))
    plants.assert_same(found, (20, 20, 50, 70), "cup", 0.8)


def test_numbers_with_holes_are_the_names_they_are_given() -> None:
    box = (0.25, 0.25, 0.5, 0.5)
    planted = tensors([(box, 1, 0.9), (box, 12, 0.8), (box, 90, 0.7), (box, 47, 0.6)])
    text = toml('form = "detections"\nbox = "yxyx"\nclass_ids = [1, 47, 90]')
    found = plants.detector(graphs.constant(planted, (1, 3, 300, 300)), text).detect(plants.picture(80, 80))
    assert [one.label for one in found] == ["person", "chair", "cup"]  # 12 is nobody's


def test_rows_past_the_count_do_not_count() -> None:
    box = (0.25, 0.25, 0.5, 0.5)
    planted = tensors([(box, 0, 0.9), (box, 1, 0.8)])
    planted["n"][0] = 1
    text = toml('form = "detections"\nbox = "yxyx"')
    found = plants.detector(graphs.constant(planted, (1, 3, 300, 300)), text).detect(plants.picture(80, 80))
    assert [one.label for one in found] == ["person"]


@pytest.mark.parametrize("role", ["b", "s", "c", "n"])
def test_nan_at_run_time_is_no_detection(role: str) -> None:
    box = (0.25, 0.25, 0.5, 0.5)
    clean, lit = tensors([]), tensors([(box, 0, 0.9)])
    lit[role][0] = math.nan
    model = graphs.constant(clean, (1, 3, 300, 300), lit={name: lit[name] for name in lit}, lit_above=150)
    detector = plants.detector(model, toml('form = "detections"\nbox = "yxyx"'))
    picture = np.full((80, 80, 3), 200, np.uint8)
    assert detector.detect(picture) == []


def test_a_class_without_a_name_at_run_time_is_refused() -> None:
    clean, lit = tensors([]), tensors([((0.25, 0.25, 0.5, 0.5), 7, 0.9)])
    detector = plants.detector(
        graphs.constant(clean, (1, 3, 300, 300), lit=lit, lit_above=150), toml('form = "detections"\nbox = "yxyx"')
    )
    with pytest.raises(ModelRefused, match="class number 7, which is not one of its 3 names"):
        detector.detect(np.full((80, 80, 3), 200, np.uint8))


def refused(tmp_path: Path, planted: dict[str, Any], text: str, words: str) -> None:
    model = graphs.constant(planted, (1, 3, 300, 300), declared=False)
    with pytest.raises(ModelRefused, match=words):
        open_detector(open_model(graphs.save_package(tmp_path / "own", model, text)))


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    good = tensors([((0.1, 0.1, 0.5, 0.5), 5, 0.9)])
    detections = 'form = "detections"\nbox = "yxyx"'
    refused(tmp_path / "1", good, toml(detections), "class number 5, which is not one of its 3 names")
    refused(
        tmp_path / "2", good | {"s": good["s"] * 10}, toml(detections), "scores from 0 to 9, not scores from 0 to 1"
    )
    refused(tmp_path / "3", good | {"c": good["c"][:, :4]}, toml(detections), r"classes of shape \[1, 4\]")
    refused(tmp_path / "4", good, toml(detections + "\nclass_ids = [1, 2]"), "2 different class_ids for 3 names")
    two = {"boxes": "b", "scores": "s"}
    refused(tmp_path / "5", good, toml(detections, roles=two), "needs an output classes")
    candidates = {"b": np.zeros((1, 5, 4), np.float32), "s": np.zeros((1, 5, 6), np.float32)}
    text = toml('form = "candidates"\nbox = "xyxy"\nbackground = 0', roles=two)
    refused(tmp_path / "6", candidates, text, "6 class channels and 3 names")
    text = toml('form = "candidates"\nbox = "xyxy"\nbackground = 9', roles=two)
    refused(tmp_path / "7", candidates, text, "6 channels, so channel 9 cannot be its background")

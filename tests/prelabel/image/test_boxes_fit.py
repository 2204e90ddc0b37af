"""Networks whose boxes are not what their manifest says are refused before they label anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prelabel.image.detector import open_detector
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs

SIDE = 320
COUNT = 200
Arrays = dict[str, np.ndarray]


def corners(seed: int = 5) -> np.ndarray:
    """Boxes x1, y1, x2, y2 as fractions, of the sizes that things in a room have."""
    random = np.random.default_rng(seed)
    centre, size = random.uniform(0.1, 0.9, (COUNT, 2)), random.uniform(0.05, 0.4, (COUNT, 2))
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def middles(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def ssd_detections(boxes: np.ndarray) -> tuple[Arrays, str, str]:
    planted = {"b": boxes[None], "s": np.full((1, COUNT), 0.03), "c": np.zeros((1, COUNT))}
    roles = {"boxes": "b", "scores": "s", "classes": "c"}
    return planted, "ssd", text("ssd", roles, 'form = "detections"\nbox = "xyxy"')


def ssd_candidates(boxes: np.ndarray) -> tuple[Arrays, str, str]:
    planted = {"b": boxes[None], "s": np.full((1, COUNT, 2), 0.02)}
    return planted, "ssd", text("ssd", {"boxes": "b", "scores": "s"}, 'form = "candidates"\nbox = "xyxy"')


def detr_deploy(boxes: np.ndarray, order: str = "xyxy") -> tuple[Arrays, str, str]:
    planted = {"b": boxes[None], "s": np.full((1, COUNT), 0.03), "l": np.zeros((1, COUNT))}
    roles = {"boxes": "b", "scores": "s", "labels": "l"}
    return planted, "detr", text("detr", roles, f'form = "deploy"\nbox = "{order}"\nunit = "normalised"')


def detr_logits(boxes: np.ndarray, order: str = "cxcywh") -> tuple[Arrays, str, str]:
    planted = {"b": boxes[None], "l": np.full((1, COUNT, 2), -4.0)}
    roles = {"boxes": "b", "logits": "l"}
    return planted, "detr", text("detr", roles, f'form = "logits"\nbox = "{order}"\nunit = "normalised"')


def yolo(boxes: np.ndarray, head: str) -> tuple[Arrays, str, str]:
    scores = np.full((COUNT, 1), 0.02)
    match head:
        case "anchor-free":
            rows = np.concatenate([boxes, scores, scores], axis=1).T
        case "anchor":
            rows = np.concatenate([boxes, scores, scores, scores], axis=1)
        case _:
            rows = np.concatenate([boxes, scores, scores * 0], axis=1)
    return {"p": rows[None]}, "yolo", text("yolo", {"predictions": "p"}, f'head = "{head}"')


def text(family: str, roles: dict[str, str], decode: str) -> str:
    extra = f"[input]\nsize = [{SIDE}, {SIDE}]\n[decode]\n{decode}\n"
    return graphs.manifest(family, {"image": "image"}, roles, ["a", "b"], extra)


def open_planted(folder: Path, made: tuple[Arrays, str, str], lit: Arrays | None = None) -> None:
    planted, _, manifest = made
    arrays = {name: values.astype(np.float32) for name, values in planted.items()}
    more = {} if lit is None else {"lit": {name: values.astype(np.float32) for name, values in lit.items()}}
    model = graphs.constant(arrays, (1, 3, SIDE, SIDE), lit_above=0.1, **more)
    open_detector(open_model(graphs.save_package(folder / "own", model, manifest)))


RAW = np.random.default_rng(2).normal(0, 0.2, (COUNT, 4)) - np.array([0, 0, 0.3, 0.3])
GOOD = {
    "ssd, merged": ssd_detections(corners()),
    "ssd, candidates": ssd_candidates(corners()),
    "detr": detr_deploy(corners()),
    "detr, boxes by their middles": detr_deploy(middles(corners()), "cxcywh"),
    "detr, logits": detr_logits(middles(corners())),
    "raw yolo": yolo(middles(corners()) * SIDE, "anchor-free"),
    "old yolo": yolo(middles(corners()) * SIDE, "anchor"),
    "merged yolo": yolo(corners() * SIDE, "end2end"),
    "rows of zeros": yolo(middles(corners()) * SIDE * (np.arange(COUNT) < 3)[:, None], "anchor-free"),
}
BAD = {
    "ssd, merged, in pixels": (ssd_detections(corners() * SIDE), "far outside"),
    "ssd, candidates, in pixels": (ssd_candidates(corners() * SIDE), "far outside"),
    "ssd, raw regression": (ssd_candidates(RAW), "no width or no height"),
    "detr, in pixels": (detr_deploy(corners() * SIDE), "far outside"),
    "detr, logits, in pixels": (detr_logits(middles(corners()) * SIDE), "far outside"),
    "detr, middles as corners": (detr_deploy(middles(corners())), "no width or no height"),
    "raw yolo, fractions": (yolo(middles(corners()), "anchor-free"), "first pixels"),
    "old yolo, fractions": (yolo(middles(corners()), "anchor"), "first pixels"),
    "merged yolo, fractions": (yolo(corners(), "end2end"), "first pixels"),
    "merged yolo, middles as corners": (yolo(middles(corners()) * SIDE, "end2end"), "no width or no height"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_boxes_that_fit_are_taken(tmp_path: Path, name: str) -> None:
    open_planted(tmp_path, GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_boxes_that_cannot_be_boxes_are_refused(tmp_path: Path, name: str) -> None:
    made, words = BAD[name]
    with pytest.raises(ModelRefused, match=words):
        open_planted(tmp_path, made)


@pytest.mark.parametrize("unit", ["normalised", "pixels"])
def test_the_unit_of_ssd_is_held_against_its_boxes(tmp_path: Path, unit: str) -> None:
    for scale in (1, SIDE):
        planted, family, manifest = ssd_detections(corners() * scale)
        made = planted, family, manifest.replace('form = "detections"', f'form = "detections"\nunit = "{unit}"')
        if (unit == "pixels") == (scale == SIDE):
            open_planted(tmp_path / str(scale), made)
        else:
            with pytest.raises(ModelRefused, match="cannot be boxes"):
                open_planted(tmp_path / str(scale), made)


def test_boxes_are_judged_in_noise_where_nothing_is_found_in_black(tmp_path: Path) -> None:
    planted, family, manifest = detr_deploy(corners())
    black = {name: values * 0 for name, values in planted.items()}
    open_planted(tmp_path / "good", (black, family, manifest), lit=planted)
    with pytest.raises(ModelRefused, match="far outside"):
        open_planted(tmp_path / "bad", (black, family, manifest), lit=planted | {"b": planted["b"] * SIDE})

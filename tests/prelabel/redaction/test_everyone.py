"""Nobody is let through for being one of many or for being there for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from prelabel import detection
from prelabel.detection import Detector
from prelabel.image.family import Array, Candidates, Decoder
from prelabel.image.letterbox import Placement
from prelabel.redaction.finding import PeopleFinder
from prelabel.redaction.video import VideoRedactor
from prelabel.runtime import ModelRefused
from tests.prelabel.redaction import colours as c
from wire.script import Redaction


class Crowd(Decoder):
    """Small boxes side by side, `count` of them."""

    count = 523

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        """Whatever the outputs are."""

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        at = np.arange(self.count)
        left, top = (at % 40) * 4.0, (at // 40 % 30) * 4.0
        boxes = np.stack([left, top, left + 3, top + 3], axis=1)
        return Candidates(boxes, np.linspace(0.9, 0.2, self.count), np.zeros(self.count, dtype=np.intp))


def crowded(folder: Path, colours: list[tuple[int, int, int]], label: str) -> Detector:
    real = c.detector(folder, colours, label)
    return Detector(real._network, Crowd(real.package.manifest))


def test_every_face_of_a_crowd_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finder = PeopleFinder(
        crowded(tmp_path / "faces", [c.BLUE], "face"), crowded(tmp_path / "people", [c.RED], "person")
    )
    seen = finder.find(c.picture())
    assert (len(seen.faces), len(seen.people)) == (523, 523)
    monkeypatch.setattr(detection, "MAX_COMPLETE", 522)
    with pytest.raises(ModelRefused, match="523 candidates"):
        finder.find(c.picture())


@pytest.mark.parametrize("step_us", [33_333, 16_667])
@pytest.mark.parametrize("shown", [13, 14, 15])
def test_a_face_of_one_frame_is_masked_in_a_file(tmp_path: Path, step_us: int, shown: int) -> None:
    redactor = VideoRedactor(
        Redaction(faces="everyone", speech=None, margin_seconds=0.5),
        c.finder(tmp_path),
        c.WIDTH,
        c.HEIGHT,
        True,
        live=False,
    )
    face = (122, 100, 36, 44)
    out = []
    for number in range(30):
        bgr = c.picture((c.BLUE, face)) if number == shown else c.picture()
        out += redactor.push(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), number * step_us)
    out += redactor.finish()
    assert len(out) == 30
    left = cv2.cvtColor(out[shown][0], cv2.COLOR_YUV2BGR_I420)[100:144, 122:158].astype(int)
    assert not (np.abs(left - np.array(c.BLUE)).sum(axis=2) < 90).any()

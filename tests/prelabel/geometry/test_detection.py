from __future__ import annotations

from prelabel.geometry.detection import Detection


def test_a_detection_scales_to_the_stored_picture() -> None:
    assert Detection(10, 20, 30, 40, "cup", 0.5).scaled(2, 1.5) == Detection(20, 30, 60, 60, "cup", 0.5)

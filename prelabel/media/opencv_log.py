"""OpenCV's own lines on standard error, off: what goes wrong is one sentence of ours, and theirs would only hide it."""

from __future__ import annotations

import cv2


def silence_opencv() -> None:
    """For the whole process, from now on."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

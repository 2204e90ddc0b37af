"""One picture -> JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.record.recorded import Recorded, RecorderFailed
from wire.canonical import sha256_hex
from wire.capture import CaptureFormat

JPEG_QUALITY = 92


def still_format(width: int, height: int) -> CaptureFormat:
    return CaptureFormat(container="jpeg", codec="mjpeg", media_type="image/jpeg", width=width, height=height)


def still_from_bgr(bgr: NDArray[np.uint8]) -> bytes:
    """JPEG of a BGR picture: uint8 of shape (height, width, 3).

    Raises:
        RecorderFailed: OpenCV could not encode it.
    """
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise RecorderFailed(f"A still of shape {bgr.shape} could not be encoded.")
    encoded: bytes = data.tobytes()
    return encoded


def recorded_still(jpeg: bytes, stamp_us: int) -> Recorded:
    """A still has no length; its one moment is media time 0."""
    return Recorded(sha256=sha256_hex(jpeg), bytes=len(jpeg), duration_us=None, clock_map=[(0, stamp_us)])

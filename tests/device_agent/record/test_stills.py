from __future__ import annotations

import cv2
import numpy as np

from device_agent.record.stills import recorded_still, still_format, still_from_bgr
from tests.support.sinks import picture
from wire.canonical import sha256_hex


def test_a_still_is_the_picture() -> None:
    i420 = picture(3, 640, 480)
    bgr = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
    jpeg = still_from_bgr(bgr)
    back = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert back.shape == (480, 640, 3)
    assert np.abs(back.astype(int) - bgr.astype(int)).mean() < 12
    recorded = recorded_still(jpeg, 77)
    assert (recorded.sha256, recorded.bytes) == (sha256_hex(jpeg), len(jpeg))
    assert recorded.duration_us is None and recorded.clock_map == [(0, 77)]
    assert still_format(640, 480).media_type == "image/jpeg"

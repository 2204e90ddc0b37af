from __future__ import annotations

import unicodedata

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device_agent.record.stills import recorded_still, still_format, still_from_bgr
from device_agent.record.text import recorded_text, text_bytes, text_format
from tests.device_agent.record.test_video import picture
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


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_is_normalised_once(text: str) -> None:
    data = text_bytes(text)
    stored = data.decode()
    assert unicodedata.is_normalized("NFC", stored) and "\r" not in stored
    assert text_bytes(stored) == data
    assert recorded_text(data, 5).bytes == len(data)


def test_text_of_people() -> None:
    assert text_bytes("cafe\u0301\r\n") == "café\n".encode()
    assert text_bytes("\ud83d\ude00") == "😀".encode()
    assert text_bytes("\ud83d") == "\ufffd".encode()
    assert text_format().container == "plain"

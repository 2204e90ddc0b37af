from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from device_agent.record.text import recorded_text, text_bytes, text_format


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

from __future__ import annotations

from pathlib import Path

import pytest

from prelabel.audio.prefill import prefill_allowed
from tests.prelabel.audio import planted


@pytest.mark.parametrize(
    ("decode", "language", "measured", "allowed", "why"),
    [
        ('language = "de"\nexpected_word_error_rate = 0.29', "de", None, True, "expects 29% of words wrong"),
        ('language = "de"\nexpected_word_error_rate = 0.29', "de-AT", None, True, "filled in"),
        ('language = "pt_BR"\nexpected_word_error_rate = 0.1', "PT", None, True, "filled in"),
        ('language = "de"\nexpected_word_error_rate = 0.3', "de", None, False, "people type faster than they correct"),
        ('language = "de"\nexpected_word_error_rate = 0.1', "en", None, False, "writes de, the script is en"),
        ("expected_word_error_rate = 0.1", "en", None, False, "does not say which language"),
        ("expected_word_error_rate = 0.1", None, None, True, "filled in"),
        ('language = "de"', "de", None, False, "states no expected_word_error_rate"),
        # What people's corrections say stands above what the package hopes.
        ('language = "de"', "de", 0.2, True, "was measured to have 20%"),
        ('language = "de"\nexpected_word_error_rate = 0.1', "de", 0.31, False, "was measured to have 31%"),
        ('language = "de"\nexpected_word_error_rate = 0.9', "de", 0.0, True, "was measured to have 0%"),
    ],
)
def test_when_transcripts_are_filled_in(
    tmp_path: Path, decode: str, language: str | None, measured: float | None, allowed: bool, why: str
) -> None:
    package = planted.recogniser(tmp_path / "m", planted.ctc(3), ["", " ", "a"], decode)
    prefill = prefill_allowed(package, language, measured)
    assert prefill.allowed is allowed and why in prefill.why and prefill.why.startswith("planted ")


def test_what_writes_no_text_fills_none_in(tmp_path: Path) -> None:
    package = planted.package(tmp_path / "m", planted.scorer((1, 1600), 2), "tagging", ["a", "b"])
    assert not prefill_allowed(package).allowed

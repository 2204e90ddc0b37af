"""docs/redaction.md says what the code says."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import get_args

import pytest

from prelabel.cli import redact
from prelabel.redaction import policy
from tests import needs
from wire.redaction import Why

TEXT = " ".join((needs.ROOT / "docs/redaction.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "sentence",
    [
        f"with a score of {policy.FACE_FLOOR} or more",
        f"a score of {policy.SURE_FACE} or more counts as seen",
        f"not within {policy.FACE_LOST_US / 1e6} s of the frame",
        f"seen within {policy.UNION_US / 1e6} s of it",
        f"for more than {policy.LOOK_LIMIT_US / 1e6} s",
        f"{policy.WIDEN_US / 1e6} s wider on each side",
        f"fades over {policy.FADE_US // 1000} ms",
        f"half the margin ({policy.MAX_PAUSE_US // 1_000_000} s at most)",
        f"({policy.MOSAIC_BLOCK} pixels or a quarter",
        f"not seen for {policy.BREAK_US / 1e6} s",
        "in the first second of the take" if policy.PLACED_US == 1_000_000 else "another PLACED_US",
        f"every {policy.LOOK_EVERY_US / 1e6} s on a fast machine",
        f"every {policy.SLOWEST_LOOK_US / 1e6} s on a slow one",
        f"at most {policy.LOOK_SHARE} of a core",
    ],
)
def test_the_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in TEXT


@pytest.mark.parametrize("choice", [redact.FacesOption, redact.SpeechOption, redact.MethodOption, redact.SoundOption])
def test_every_choice_is_listed(choice: type[StrEnum]) -> None:
    (listed,) = re.findall(rf"`--{choice.__name__.removesuffix('Option').lower()} ([a-z]+\\\|[a-z]+)`", TEXT)
    assert listed.split("\\|") == [member.value for member in choice]


def test_every_reason_is_listed() -> None:
    assert all(f"`{word}`" in TEXT for word in get_args(Why))

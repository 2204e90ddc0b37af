"""A test of Hypothesis is a trial: marked, and shortened where that is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import trials


@pytest.mark.parametrize(("soak", "tried"), [(False, 20), (True, 100)])
def test_examples_are_shortened_once_however_often_a_test_comes(
    monkeypatch: pytest.MonkeyPatch, soak: bool, tried: int
) -> None:
    monkeypatch.setattr(trials, "SOAK", soak)
    seen: list[int] = []

    @settings(max_examples=100)
    @given(st.integers())
    def trial(number: int) -> None:
        seen.append(number)

    marks: list[str] = []
    one: Any = SimpleNamespace(obj=trial, add_marker=marks.append)
    other: Any = SimpleNamespace(obj=test_rounds, add_marker=marks.append)
    trials.shorten([one, one, other])
    assert marks == ["soak", "soak"]
    trial()
    assert len(seen) == tried


def test_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for soak, wanted in ((False, 3), (True, 10)):
        monkeypatch.setattr(trials, "SOAK", soak)
        assert trials.rounds(3, 10) == wanted

"""How long random trials are: a short round of the same examples each time in `make test`, their full length in
`make soak` (GLEANER_SOAK=1), which runs these tests alone, with new examples each time but in CI.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, settings

SOAK = os.environ.get("GLEANER_SOAK") == "1"
# Of what a test or Hypothesis would try: enough to meet the first edge of every strategy.
SHORT_PART = 5
SHORT_LEAST = 12
# How long an example takes on a machine that several tests share says nothing of the code there.
ANEW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALIKE = settings(ANEW, derandomize=True, database=None)


def rounds(short: int, long: int) -> int:
    """How many rounds a trial has here; its test is marked `soak`."""
    return long if SOAK else short


def load_profile() -> None:
    settings.register_profile("gleaner", ANEW if SOAK and os.environ.get("GLEANER_CI") != "1" else ALIKE)
    settings.load_profile("gleaner")


def shorten(items: Iterable[pytest.Item]) -> None:
    """Marks the tests of Hypothesis as trials, and gives each the examples of a short round where that is run."""
    seen = set()
    for item in items:
        test = getattr(item, "obj", None)
        if not getattr(test, "is_hypothesis_test", False):
            continue
        item.add_marker("soak")
        function = getattr(test, "__func__", test)
        if function not in seen:  # one that is parametrized comes several times
            seen.add(function)
            declared = getattr(function, "_hypothesis_internal_use_settings", None) or settings.default
            most = declared.max_examples
            short = min(most, max(SHORT_LEAST, most // SHORT_PART))
            function._hypothesis_internal_use_settings = settings(declared, max_examples=rounds(short, most))

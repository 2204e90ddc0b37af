"""Why people skip, correct and reopen items, each as one of a few codes that can be counted. The page has the words."""

from __future__ import annotations

from typing import Literal

SkipCode = Literal["not-perceptible", "recording-broken", "not-covered", "knows-person", "other"]
# Of work that somebody else submitted.
CorrectionCode = Literal[
    "missed", "extra", "wrong-name", "inexact", "wrong-text", "instructions-changed", "confirmed", "other"
]
ReopenCode = Literal["back", "release-taken-back", "lease-lost", "was-skipped", "late-work", "other"]

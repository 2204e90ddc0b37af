"""Participants read sentences for them; the words of errors are for operators."""

from __future__ import annotations

import pytest

from device_agent.sensors.base import SensorLost
from device_agent.session.sentences import SENTENCES, SILENT, plain
from device_agent.spool.space import SpoolFull
from device_agent.uplink.errors import DeviceRefused
from http_shell.answers import UplinkError
from wire.errors import GleanerError
from wire.signature import ReceiptForged

FOR_OPERATORS = ("gleaner", "token", "disk", "upload", "spool", "collector", "capture", "--", "code", "plugged")


def codes_of(kind: type[GleanerError]) -> set[str]:
    return {kind.code}.union(*(codes_of(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize("sentence", sorted(set(SENTENCES.values())))
def test_a_sentence_for_participants_has_nothing_to_operate(sentence: str) -> None:
    assert not [word for word in FOR_OPERATORS if word in sentence.lower()]
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "error", [SpoolFull("The disk is full."), DeviceRefused("Not accepted."), SensorLost("/dev/video0 is gone.")]
)
def test_an_error_is_not_shown_in_its_own_words(error: GleanerError) -> None:
    shown = plain(str(error), error.code)
    assert shown is not None and error.message not in shown and str(error.hint) not in shown


def test_every_trouble_on_the_way_to_the_collector_has_its_sentence() -> None:
    assert codes_of(UplinkError) | {ReceiptForged.code} <= set(SENTENCES)


def test_what_is_unknown_is_told_all_the_same_and_what_costs_nothing_is_not() -> None:
    assert "tell the people" in (plain("KeyError: 7", "internal") or "")
    assert plain("The model gave up.", "model-failed") is None
    assert plain("Please type an answer, or press Stop.", None) == "Please type an answer, or press Stop."
    assert plain(None, None) is None and not SILENT & set(SENTENCES)

"""What is logged of a failure that comes again and again."""

from __future__ import annotations

import pytest

from device_agent.uplink.failure_log import SAID_AGAIN_SECONDS, FailureLog
from wire.errors import GleanerError


def test_it_is_said_when_it_begins_or_changes_then_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = [0.0]
    said = FailureLog(clock=lambda: now[0])
    for _ in range(1000):
        said.failed(OSError("no room"))
        now[0] += SAID_AGAIN_SECONDS / 512
    assert [row.message.partition(" since ")[0] for row in caplog.records] == [
        "the uplink failed",
        "no room (513 times",
    ]
    assert [row.exc_info is not None for row in caplog.records] == [True, False]
    caplog.clear()
    said.failed(GleanerError("Something else."))
    said.failed(GleanerError("Something else."))
    said.failed(OSError("no room"))
    assert caplog.messages == ["Something else.", "the uplink failed"]


def test_the_end_of_several_failures_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    said = FailureLog()
    said.failed(GleanerError("No."))
    said.succeeded()
    said.failed(GleanerError("No."))
    said.failed(GleanerError("No."))
    said.succeeded()
    said.succeeded()
    assert [text.partition(" since ")[0] for text in caplog.messages] == [
        "No.",
        "No.",
        "It works again, after 2 failures",
    ]

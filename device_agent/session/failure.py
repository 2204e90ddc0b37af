"""Why an agent ends before its session does, as pages show it to operators."""

from __future__ import annotations

from device_agent.events import Failure
from wire.errors import GleanerError, Unexpected


def failure_of(error: BaseException) -> Failure:
    """`error`: what ended the agent, a signal too."""
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", "Somebody ended the agent on the device.", "")
    known = error if isinstance(error, GleanerError) else Unexpected(error)
    return Failure(known.code, known.message, known.hint)

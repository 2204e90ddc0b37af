"""Which answers are lines of the security log: attempts at something, not daily work and not a bad network."""

from __future__ import annotations

import pytest

from collector.http.bodies import BodyCut, BodyTooLong
from collector.http.problems import RequestInvalid
from collector.ingest.manifests import CaptureConflict
from collector.people.policy import NotSignedIn, SomeoneElseSignedIn
from collector.people.rates import TooManyRequests
from collector.people.refusals import kind_of_refusal
from collector.review.problems import LeaseLost
from http_shell.hosts import HostWrong
from wire.errors import GleanerError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotSignedIn, "refused"), (TooManyRequests, "refused"), (SomeoneElseSignedIn, "refused"),
        (RequestInvalid, "input-refused"), (BodyTooLong, "input-refused"), (HostWrong, "input-refused"),
        (CaptureConflict, "input-refused"),
        (BodyCut, None), (LeaseLost, None), (GleanerError, None),
    ],
)  # fmt: skip
def test_what_is_an_attempt(error: type[GleanerError], kind: str | None) -> None:
    assert kind_of_refusal(error("…").problem()) == kind

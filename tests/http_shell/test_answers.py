"""Answers that are no success, as errors."""

from __future__ import annotations

import httpx
import pytest

from http_shell.answers import CollectorRefused, NotACollector, error_of

BASE = "https://collector.example"


@pytest.mark.parametrize(
    ("reply", "code", "has_document"),
    [
        (httpx.Response(502, text="<html>nginx</html>"), "http-502", False),
        (httpx.Response(429, json={"retryable": True}), "http-429", False),
        (httpx.Response(405, json={"code": "http-405", "title": "Not here."}), "http-405", True),
        (httpx.Response(409, json={"code": "lease-lost", "title": "Somebody else has it."}), "lease-lost", True),
    ],
)
def test_a_refusal_says_whether_the_collector_itself_gave_it(
    reply: httpx.Response, code: str, has_document: bool
) -> None:
    error = error_of(reply, BASE)
    assert isinstance(error, CollectorRefused)
    assert (error.code, error.has_document) == (code, has_document)


def test_a_page_that_is_not_there_is_not_of_a_collector() -> None:
    assert isinstance(error_of(httpx.Response(404, text="<html>"), BASE), NotACollector)

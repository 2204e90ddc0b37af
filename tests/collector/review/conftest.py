"""The queue over HTTP with three takes in it."""

from __future__ import annotations

import pytest

from tests.collector.review.filled import Filled, box, interval, track
from tests.support.queue_site import Site


@pytest.fixture
def site(filled: Filled, at_noon: None) -> Site:
    made = Site(filled)
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("lea", "lead")):
        made.add(name, role)
    takes = [
        filled.take(
            "show", "show", {"image": b"jpeg"}, ["boxes"], prelabels={"image": [[box(), box("b2", score=0.5)]]}
        ),
        filled.take("walk", "do", {"video": b"mkv", "audio": b"flac"}, ["tracks"], prelabels={"video": [[track()]]}),
        filled.take(
            "say", "say", {"audio": b"flac"}, ["speech"], expected="hello", prelabels={"audio": [[interval()]]}
        ),
    ]
    for ids in takes:
        filled.make(ids["take"])
    filled.execute("UPDATE task SET reason_kind = 'age', reason_text = 'x', probability = 0.9")
    filled.execute("UPDATE task SET priority = CASE type WHEN 'boxes' THEN 3 WHEN 'tracks' THEN 2 ELSE 1 END")
    return made

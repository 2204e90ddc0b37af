"""What is counted for the admin's page. On both databases."""

from __future__ import annotations

import pytest

from collector.installation.overview import InstallationFacts, Overview, read_overview
from collector.readiness import Readiness
from tests.collector.review.filled import Filled

pytestmark = pytest.mark.both_databases
FACTS = InstallationFacts(
    readiness=Readiness(status="ready"),
    disks=[],
    engine="",
    log_bytes=0,
    links_problem=None,
    security_log_problem=None,
    scanner_problem=None,
)


def overview(filled: Filled) -> Overview:
    return filled.db.read_sync(lambda conn: read_overview(conn, FACTS))


def test_bad_captures_are_counted_by_their_reason_and_not_by_their_sentence(filled: Filled) -> None:
    ids = filled.take("greet", "show", {"image": b"i", "audio": b"a", "video": b"v"}, ["boxes"])
    mark = "UPDATE capture SET state = 'bad', bad_reason = :reason, problem = :problem WHERE id = :id"
    for medium, reason, problem in (
        ("image", "infected", "Eicar."),
        ("audio", "unreadable", "The virus scanner found nothing, and it cannot be read."),
        ("video", "given-up", "A worker ended five times."),
    ):
        filled.execute(mark, id=ids[medium], reason=reason, problem=problem)
    found = overview(filled)
    assert found.captures_bad == 3
    said = [one.what for one in found.advice]
    assert "The virus scanner set aside 1 capture. Nobody is given them." in said
    assert "2 captures cannot be read." in said

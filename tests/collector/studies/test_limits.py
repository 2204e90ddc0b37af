"""Limiting a person: None is every study, an empty list is refused."""

from __future__ import annotations

import pytest

from collector.people.accounts import PersonUnknown, list_users
from collector.settings import Settings
from collector.studies.limits import NoStudyNamed, limit_person
from collector.studies.studies import StudyUnknown, ensure_study
from collector.verbs import VerbInvalid, run_verb
from tests.collector.review.filled import Filled


@pytest.fixture
def ana(filled: Filled) -> Filled:
    """Somebody who is limited to one study."""
    filled.person("ana")
    filled.db.write_sync(lambda conn: ensure_study(conn, "kitchen", 0.0))
    assert studies_of(filled, "ana") is None
    assert filled.db.write_sync(lambda conn: limit_person(conn, "ana", ["kitchen", "kitchen"])) == ["kitchen"]
    return filled


def studies_of(filled: Filled, name: str) -> list[str] | None:
    return next(row["studies"] for row in filled.db.read_sync(list_users) if row["name"] == name)


def test_none_ends_the_limit(ana: Filled) -> None:
    assert studies_of(ana, "ana") == ["kitchen"]
    assert ana.db.write_sync(lambda conn: limit_person(conn, "ana", None)) is None
    assert studies_of(ana, "ana") is None


@pytest.mark.parametrize(
    ("name", "studies", "error"),
    [("ana", [], NoStudyNamed), ("ana", ["kitchen", "attic"], StudyUnknown), ("nobody", None, PersonUnknown)],
)
def test_what_is_refused_changes_nothing(
    ana: Filled, name: str, studies: list[str] | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ana.db.write_sync(lambda conn: limit_person(conn, name, studies))
    assert studies_of(ana, "ana") == ["kitchen"]


@pytest.mark.parametrize(
    ("studies", "error"),
    [("[]", NoStudyNamed), ('""', VerbInvalid), ("false", VerbInvalid), ("[7]", VerbInvalid), ("[", VerbInvalid)],
)
def test_a_request_that_names_no_study_ends_no_limit(ana: Filled, studies: str, error: type[Exception]) -> None:
    given = {"name": "ana", "studies": studies}
    with pytest.raises(error):
        ana.db.write_sync(lambda conn: run_verb(conn, "user-studies", given, Settings()))
    assert studies_of(ana, "ana") == ["kitchen"]

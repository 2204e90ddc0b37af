"""Limiting a person to some studies (`collector/studies/scope.py` says what follows from it)."""

from __future__ import annotations

from collections.abc import Sequence

from collector.people.accounts import person_id
from collector.people.sign_ins import credentials_changed
from collector.store.sql import Connection, text
from collector.studies.studies import check_study
from wire.errors import GleanerError

_REMOVE = text("DELETE FROM person_study WHERE person_id = :person")
_ADD = text("INSERT INTO person_study (person_id, study) VALUES (:person, :study)")


class NoStudyNamed(GleanerError):
    """A person was to be limited to an empty list of studies."""

    code = "no-study-named"
    status = 422
    exit_code = 2
    hint = "Name each study with --only, or end the limit with --all."


def limit_person(conn: Connection, name: str, studies: Sequence[str] | None) -> list[str] | None:
    """Limit a person to these studies, or end the limit: with None they see every study. Returns the studies.

    Raises:
        NoStudyNamed: the list is empty, which could mean every study or none.
        PersonUnknown, StudyUnknown.
    """
    person = person_id(conn, name)
    named = None if studies is None else sorted(set(studies))
    if named == []:
        raise NoStudyNamed(f"The limit of {name} was not changed: no study is named.")
    for study in named or ():
        check_study(conn, study)
    conn.execute(_REMOVE, {"person": person})
    if named is not None:
        conn.execute(_ADD, [{"person": person, "study": study} for study in named])
    credentials_changed(conn)
    return named

"""Limiting a person to some studies (`collector/studies/scope.py` says what follows from it)."""

from __future__ import annotations

from collections.abc import Sequence

from collector.people.accounts import person_id
from collector.people.sign_ins import credentials_changed
from collector.store.sql import Connection, text
from collector.studies.studies import check_study

_REMOVE = text("DELETE FROM person_study WHERE person_id = :person")
_ADD = text("INSERT INTO person_study (person_id, study) VALUES (:person, :study)")


def limit_person(conn: Connection, name: str, studies: Sequence[str] | None) -> list[str] | None:
    """Limit a person to these studies (None, or an empty list: to none, they see every study); returns them.

    Raises:
        PersonUnknown, StudyUnknown.
    """
    person = person_id(conn, name)
    named = sorted(set(studies or ()))
    for study in named:
        check_study(conn, study)
    conn.execute(_REMOVE, {"person": person})
    if named:
        conn.execute(_ADD, [{"person": person, "study": study} for study in named])
    credentials_changed(conn)
    return named or None

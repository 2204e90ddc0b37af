"""Accounts that are disabled and enabled, and tokens that end."""

from __future__ import annotations

import pytest

from collector.people.accounts import (
    LastLead,
    PersonDisabled,
    PersonUnknown,
    add_user,
    disable_user,
    enable_user,
    list_users,
    new_link_code,
    new_token,
    sign_in,
)
from collector.people.policy import find_person
from collector.store.database import Database


@pytest.fixture
def people(db: Database) -> Database:
    for name, role in (("ann", "annotator"), ("lea", "lead")):
        db.write_sync(lambda conn, name=name, role=role: add_user(conn, name, role))
    return db


def disable(db: Database, name: str) -> str:
    return db.write_sync(lambda conn: disable_user(conn, name))


def test_a_disabled_account_opens_nothing_and_its_old_tokens_stay_ended(people: Database) -> None:
    token = people.write_sync(lambda conn: new_token(conn, "ann"))
    code = people.write_sync(lambda conn: new_link_code(conn, "ann"))
    page = people.write_sync(lambda conn: sign_in(conn, new_link_code(conn, "ann"))) or ""

    def known(secret: str, kind: str) -> bool:
        return people.read_sync(lambda conn: find_person(conn, secret, kind, 3600)) is not None

    assert known(token, "api") and known(page, "page")
    assert disable(people, "ann") == disable(people, "ann"), "the same again changes nothing"
    first = people.read_sync(list_users)[0]["disabled_at"]
    assert first is not None
    for make in (new_token, new_link_code):
        with pytest.raises(PersonDisabled, match="ann is disabled"):
            people.write_sync(lambda conn, make=make: make(conn, "ann"))
    people.write_sync(lambda conn: enable_user(conn, "ann"))
    people.write_sync(lambda conn: enable_user(conn, "ann"))
    assert not known(token, "api") and not known(page, "page")
    assert people.write_sync(lambda conn: sign_in(conn, code)) is None
    assert known(people.write_sync(lambda conn: new_token(conn, "ann")), "api")


def test_one_lead_stays(people: Database) -> None:
    with pytest.raises(LastLead):
        disable(people, "lea")
    people.write_sync(lambda conn: add_user(conn, "lou", "lead"))
    disable(people, "lea")
    with pytest.raises(LastLead):
        disable(people, "lou")
    disable(people, "lea")  # she is already, and lou stays
    people.write_sync(lambda conn: enable_user(conn, "lea"))
    disable(people, "lou")


@pytest.mark.parametrize("change", [disable_user, enable_user])
def test_nobody_of_that_name(people: Database, change: object) -> None:
    with pytest.raises(PersonUnknown):
        people.write_sync(lambda conn: change(conn, "zoe"))  # type: ignore[operator]

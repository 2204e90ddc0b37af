"""Tokens by their short ids: listed while they open something, revoked one by one, and their last use."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from collector.people.accounts import add_user, new_link_code, new_token, person_id, sign_in
from collector.people.open_tokens import (
    TokenRow,
    TokenUnknown,
    list_tokens,
    record_uses,
    revoke_other_sessions,
    revoke_token,
)
from collector.people.tokens import hash_secret
from collector.settings import Settings
from collector.store.database import Database
from collector.store.upkeep import prune


@dataclass
class Ann:
    db: Database
    id: str

    def token(self) -> str:
        return self.db.write_sync(lambda conn: new_token(conn, "ann"))

    def page(self) -> str:
        return self.db.write_sync(lambda conn: sign_in(conn, new_link_code(conn, "ann"))) or ""

    def rows(self, current: str | None = None) -> list[TokenRow]:
        return self.db.read_sync(lambda conn: list_tokens(conn, self.id, 3600, current)).tokens

    def revoke(self, token: str) -> None:
        self.db.write_sync(lambda conn: revoke_token(conn, self.id, token))


@pytest.fixture
def ann(db: Database) -> Ann:
    for name in ("ann", "bob"):
        db.write_sync(lambda conn, name=name: add_user(conn, name, "annotator"))
    return Ann(db, db.read_sync(lambda conn: person_id(conn, "ann")))


def test_tokens_sessions_and_links_are_listed_until_they_end(ann: Ann) -> None:
    token, page = ann.token(), ann.page()
    ann.db.write_sync(lambda conn: new_link_code(conn, "ann"))
    ann.db.write_sync(lambda conn: new_token(conn, "bob"))
    rows = {row.kind: row for row in ann.rows(current=hash_secret(page))}
    assert len(ann.rows()) == 3 and set(rows) == {"api", "page", "enter"}
    assert rows["api"].id == hash_secret(token)[:12] and rows["api"].expires_at is None
    assert rows["api"].last_used_at is None and rows["page"].last_used_at is not None
    assert [row.kind for row in rows.values() if row.current] == ["page"]
    assert token not in str(rows) and hash_secret(token) not in str(rows), "neither the secret nor its hash"
    ann.revoke(rows["api"].id)
    ann.revoke(rows["api"].id)
    ann.revoke(rows["enter"].id)
    assert [row.kind for row in ann.rows()] == ["page"]


def test_a_token_is_revoked_by_its_owners_name_only(ann: Ann) -> None:
    other = hash_secret(ann.db.write_sync(lambda conn: new_token(conn, "bob")))[:12]
    for unknown in (other, "0" * 12, "", "%"):
        with pytest.raises(TokenUnknown):
            ann.revoke(unknown)


def test_other_sessions_end_and_tokens_of_programs_stay(ann: Ann) -> None:
    this = hash_secret(ann.page())
    ann.page(), ann.page(), ann.token()
    assert ann.db.write_sync(lambda conn: revoke_other_sessions(conn, ann.id, this)) == 2
    assert sorted((row.kind, row.current) for row in ann.rows(this)) == [("api", False), ("page", True)]


def test_the_last_use_is_saved_and_a_revoked_token_is_removed_in_time(ann: Ann) -> None:
    used, other = hash_secret(ann.token()), ann.token()
    ann.db.write_sync(lambda conn: record_uses(conn, [used, "f" * 64]))
    rows = {row.id: row.last_used_at for row in ann.rows()}
    assert rows[used[:12]] is not None and rows[hash_secret(other)[:12]] is None
    ann.revoke(used[:12])
    ann.db.write_sync(
        lambda conn: conn.execute("UPDATE token SET expires_at = '2020' WHERE used_at IS NOT NULL").rowcount
    )
    prune(ann.db, Settings().row_ages)
    assert ann.db.read_sync(lambda conn: conn.execute("SELECT count(*) FROM token").scalar()) == 1

"""What commands ask for is done to the one thing that was meant, and the log names that one."""

from __future__ import annotations

from typing import Any

import pytest

from collector.devices.fleet import DeviceUnknown
from collector.names import NameAmbiguous
from collector.people.accounts import PersonUnknown, list_users
from collector.people.open_tokens import TokenUnknown
from collector.settings import Settings
from collector.store.sql import text
from collector.studies.studies import StudyUnknown, ensure_study
from collector.verbs import VerbDone, logged_members, run_verb
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from wire.errors import GleanerError

pytestmark = on_both
KITCHEN, HALL, OTHER_HALL = "dev-4f2a90b1c3d4", "dev-90b1c3d4e5f6", "dev-90b2c3d4e5f6"
_JOIN = text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES (:id, :name, 'pi', :id, '2026-11-30')")


@pytest.fixture
def known(filled: Filled) -> Filled:
    devices = ((KITCHEN, "kitchen shelf"), (HALL, "hall"), (OTHER_HALL, "hall"))
    filled.db.write_sync(lambda conn: [conn.execute(_JOIN, {"id": one, "name": name}) for one, name in devices])
    filled.person("Rita", "lead")
    filled.person("Annabel", "lead")
    return filled


def run(known: Filled, verb: str, **given: str) -> VerbDone:
    return known.db.write_sync(lambda conn: run_verb(conn, verb, given, Settings()))


def revoked(known: Filled) -> list[str]:
    return [row.id for row in known.rows("SELECT id FROM device WHERE revoked_at IS NOT NULL ORDER BY id")]


@pytest.mark.parametrize("typed", [KITCHEN, "kitchen shelf", "Kitchen Shelf", "dev-4f2a", "4f2a90"])
def test_a_device_by_its_name_or_how_its_id_begins(known: Filled, typed: str) -> None:
    done = run(known, "device-revoke", device=typed)
    assert (done.answer["id"], revoked(known)) == (KITCHEN, [KITCHEN])
    assert logged_members(done.given) == {"device": KITCHEN}


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("hall", NameAmbiguous),
        ("90b", DeviceUnknown),
        ("dev-", DeviceUnknown),
        ("", DeviceUnknown),
        ("k", DeviceUnknown),
    ],
)
def test_what_fits_several_or_none_revokes_nothing(known: Filled, typed: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(known, "device-revoke", device=typed)
    assert revoked(known) == []


def test_a_person_by_their_whole_name(known: Filled) -> None:
    assert run(known, "user-disable", name="rita").answer["name"] == "Rita"
    with pytest.raises(PersonUnknown):
        run(known, "user-disable", name="Anna")
    disabled: dict[str, Any] = {row["name"]: row["disabled_at"] for row in known.db.read_sync(list_users)}
    assert disabled["Rita"] and disabled["Annabel"] is None
    assert run(known, "user-add", name="rita", role="annotator").answer["name"] == "rita"


def test_a_token_by_how_its_id_begins(known: Filled) -> None:
    for name in ("Rita", "Annabel"):
        run(known, "user-token", name=name)
    [token] = run(known, "user-tokens", name="Rita").answer["tokens"]
    with pytest.raises(TokenUnknown):
        run(known, "user-revoke-token", name="Annabel", token=token["id"][:6])
    done = run(known, "user-revoke-token", name="rita", token=token["id"][:6])
    assert done.answer == {"name": "Rita", "token": token["id"]} == logged_members(done.given)
    assert run(known, "user-tokens", name="Rita").answer["tokens"] == []
    run(known, "user-revoke-token", name="Rita", token=token["id"])  # twice changes nothing


@pytest.mark.parametrize(
    ("verb", "member"), [("study-show", "study"), ("prelabel-pause", "run"), ("exports-pause", "export")]
)
def test_of_every_kind_what_is_not_there_is_said_to_be_unknown(known: Filled, verb: str, member: str) -> None:
    with pytest.raises(GleanerError) as caught:
        run(known, verb, **{member: "nothing-here"})
    assert caught.value.code.endswith("-unknown") and "nothing-here" in caught.value.message


def test_a_study_by_its_whole_name(known: Filled) -> None:
    known.db.write_sync(lambda conn: ensure_study(conn, "Garden-2", 0.0))
    assert run(known, "study-show", study="garden-2").answer["id"] == "Garden-2"
    with pytest.raises(StudyUnknown):
        run(known, "study-show", study="garden")

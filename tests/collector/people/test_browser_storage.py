"""The key of what a browser stores of a person: theirs alone, the same at every process, gone with the session."""

from __future__ import annotations

import contextlib

import pytest
from nacl.signing import SigningKey

from collector.keys import ReceiptKey
from collector.people.browser_storage import browser_key
from tests.collector.running import Collector
from tests.support import local_http

PAGE = {"X-Gleaner-Page": "1"}
KEY = "2ab50fa02bd3b728fbf9acbaaa279175eb5a79cc53e0a76032992696e588be0b"
STORE = "334b07174c9b62c5e6c332f0"


def key(seed: bytes) -> ReceiptKey:
    return ReceiptKey(SigningKey(seed * 32))


def test_each_person_and_each_installation_has_its_own() -> None:
    made = [browser_key(key(seed), person) for seed in (b"a", b"b") for person in ("person-1", "person-2")]
    assert len({each.key for each in made}) == len({each.store for each in made}) == 4
    # Browsers hold what was encrypted with it: it never changes for the same secret and person.
    assert made[0] == browser_key(key(b"a"), "person-1")
    assert (made[0].key, made[0].store) == (KEY, STORE)


def signed_in(collector: Collector, name: str) -> local_http.Client:
    page = local_http.Client(base_url=collector.url, headers=PAGE)
    link = collector.ask("user-link", name=name)["url"]
    assert page.post("/api/enter", json={"code": link.rsplit("/", 1)[1]}).status_code == 200
    return page


def test_a_session_of_the_page_gets_it_for_as_long_as_it_lasts(collector: Collector) -> None:
    collector.run("user", "add", "kim", "--role", "annotator")
    with (
        contextlib.closing(signed_in(collector, "kim")) as page,
        contextlib.closing(signed_in(collector, "kim")) as later,
    ):
        got = page.get("/api/me/browser-storage").json()
        assert set(got) == {"name", "store", "key", "session", "ends_in_seconds", "idle_seconds"}
        assert (got["name"], got["idle_seconds"], len(got["key"]), len(got["store"])) == ("kim", 7200, 64, 24)
        assert 43_000 < got["ends_in_seconds"] <= 43_200
        again = later.get("/api/me/browser-storage").json()
        assert (again["key"], again["store"]) == (got["key"], got["store"])
        assert again["session"] != got["session"]
        page.post("/api/leave")
        assert page.get("/api/me/browser-storage").status_code == 401
        collector.person("lou", "lead").post("/api/users/kim/disable")
        assert later.get("/api/me/browser-storage").status_code == 401


@pytest.mark.parametrize("role", ["annotator", "lead"])
def test_a_program_does_not_get_it(collector: Collector, role: str) -> None:
    reply = collector.person(f"program-{role}", role).get("/api/me/browser-storage")
    assert (reply.status_code, reply.json()["code"]) == (403, "not-allowed")

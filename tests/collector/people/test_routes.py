"""One-time links, cookies, roles, and that looking uses nothing up."""

from __future__ import annotations

import re

import pytest

from collector.people.sign_in_page import CONTENT_SECURITY_POLICY, sign_in_page
from collector.people.tokens import hash_secret
from collector.store.clock import now_text
from tests.collector.running import Collector
from tests.support import local_http
from tests.support.waiting import until

PAGE = {"X-Gleaner-Page": "1"}


def code_of(link: str) -> str:
    return link.rsplit("/", 1)[1]


def test_a_link_works_once_and_survives_being_looked_at(collector: Collector) -> None:
    collector.run("user", "add", "ana", "--role", "annotator")
    link = collector.run("user", "link", "ana").stdout.strip()
    for _ in range(3):  # a mail scanner, a prefetch, a prerender
        looked = local_http.get(link, headers={"Sec-Purpose": "prefetch;prerender"})
        assert looked.status_code == 200 and not looked.cookies
        assert looked.headers["cache-control"] == "no-store" and looked.headers["referrer-policy"] == "no-referrer"
    with local_http.Client(base_url=collector.url) as page:
        entered = page.post("/api/enter", json={"code": code_of(link)}, headers=PAGE)
        assert entered.json() == {"name": "ana", "role": "annotator"}
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Max-Age=43200" in cookie
        assert page.get("/api/me").json() == {"name": "ana", "role": "annotator"}
    again = local_http.post(f"{collector.url}/api/enter", json={"code": code_of(link)}, headers=PAGE)
    assert (again.status_code, again.json()["code"]) == (410, "link-used")


def set_in_database(collector: Collector, statement: str, **values: object) -> None:
    assert collector.change(statement, **values) > 0


def test_another_link_in_the_same_browser_ends_the_session_before(collector: Collector) -> None:
    first, second = collector.new_link("hal"), collector.new_link("ivy")
    with local_http.Client(base_url=collector.url) as page:
        page.post("/api/enter", json={"code": code_of(first)}, headers=PAGE)
        before = dict(page.cookies)
        assert page.post("/api/enter", json={"code": "wrong"}, headers=PAGE).status_code == 410
        assert page.get("/api/me").json()["name"] == "hal", "a link that opens nothing ends nothing"
        page.post("/api/enter", json={"code": code_of(second)}, headers=PAGE)
        assert page.get("/api/me").json()["name"] == "ivy"
    assert local_http.get(f"{collector.url}/api/me", cookies=before).status_code == 401


def test_a_session_that_was_refused_for_its_end_stays_ended(collector: Collector) -> None:
    link = collector.new_link("gil")
    with local_http.Client(base_url=collector.url) as page:
        page.post("/api/enter", json={"code": code_of(link)}, headers=PAGE)
        secret = next(iter(page.cookies.jar)).value
        assert secret is not None
        end = "UPDATE token SET expires_at = :at WHERE kind = 'page' AND hash = :hash"
        for seconds, status in ((60, 200), (-1, 401), (60, 401)):  # as if the clock went forward, and back again
            set_in_database(collector, end, at=now_text(seconds), hash=hash_secret(secret))
            # A sign-in is remembered for some seconds; only the service itself is heard of at once.
            assert until(lambda status=status: page.get("/api/me").status_code == status)  # type: ignore[misc]


def test_the_button_without_scripts_works_too(collector: Collector) -> None:
    link = collector.new_link("bob")
    with local_http.Client(base_url=collector.url) as page:
        form = {"code": code_of(link)}
        foreign = page.post("/api/enter", data=form, headers={"Origin": "https://evil.example"})
        assert foreign.json()["code"] == "page-header-missing"
        own = page.post("/api/enter", data=form, headers={"Origin": collector.url, "Sec-Fetch-Site": "same-origin"})
        assert (own.status_code, own.headers["location"]) == (303, "/")
        assert page.get("/api/me").json()["name"] == "bob"


def test_the_script_is_the_one_its_policy_names_and_waits_for_being_shown() -> None:
    page = sign_in_page('x"><script>alert(1)</script>')
    assert "alert(1)</script>" not in page.replace("&lt;script&gt;alert(1)&lt;/script&gt;", "")
    assert len(re.findall(r"<script>", page)) == 1
    assert "prerenderingchange" in page and "document.prerendering" in page
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY and "'unsafe-inline'" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("body", [b"", b"{}", b'{"code": ""}', b'{"code": 5}', b'{"code": "a", "more": 1}', b"\xff"])
def test_a_wrong_request_is_one_sentence(collector: Collector, body: bytes) -> None:
    reply = local_http.post(f"{collector.url}/api/enter", content=body, headers=PAGE)
    assert (reply.status_code, reply.json()["code"]) == (422, "request-invalid")


def test_entering_reads_no_more_than_a_code_needs(collector: Collector) -> None:
    reply = local_http.post(f"{collector.url}/api/enter", content=b" " * 5000, headers=PAGE)
    assert (reply.status_code, reply.json()["code"]) == (413, "body-too-long")


def test_the_cookie_changes_nothing_without_the_pages_header(collector: Collector) -> None:
    link = collector.new_link("cleo")
    with local_http.Client(base_url=collector.url) as page:
        page.post("/api/enter", json={"code": code_of(link)}, headers=PAGE)
        forged = page.post("/api/leave")
        assert (forged.status_code, forged.json()["code"]) == (403, "page-header-missing")
        assert page.get("/api/me").status_code == 200
        held = dict(page.cookies)
        left = page.post("/api/leave", headers=PAGE)
        assert (left.status_code, left.headers["clear-site-data"]) == (204, '"cache"')
        # The secret itself is no longer good, not only the browser's copy.
        ended = local_http.get(f"{collector.url}/api/me", cookies=held)
        assert (ended.json()["code"], ended.headers["clear-site-data"]) == ("not-signed-in", '"cache"')


def test_roles(collector: Collector) -> None:
    annotator = collector.person("dora", "annotator")
    lead = collector.person("emil", "lead")
    assert annotator.get("/api/me").json() == {"name": "dora", "role": "annotator"}
    refused = annotator.get("/api/sessions")
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert lead.get("/api/sessions").json() == {"sessions": [], "studies": [], "next": None}
    for wrong in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
        reply = local_http.get(f"{collector.url}/api/me", headers=wrong)
        assert (reply.status_code, reply.json()["code"]) == (401, "not-signed-in")


def test_a_bearer_token_is_no_cookie_and_a_cookie_no_token(collector: Collector) -> None:
    link = collector.new_link("fay")
    with local_http.Client(base_url=collector.url) as page:
        page.post("/api/enter", json={"code": code_of(link)}, headers=PAGE)
        ((name, secret),) = page.cookies.items()
    assert local_http.get(f"{collector.url}/api/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    token = collector.run("user", "token", "fay").stdout.strip()
    assert local_http.get(f"{collector.url}/api/me", cookies={name: token}).status_code == 401


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["user", "add", "ana2", "--role", "king"], "role-unknown", 2),
        (["user", "add", "a/b", "--role", "lead"], "name-invalid", 2),
        (["user", "link", "nobody"], "person-unknown", 1),
        (["user", "token", "nobody"], "person-unknown", 1),
    ],
)
def test_commands_refuse_in_one_sentence(collector: Collector, words: list[str], code: str, exit_code: int) -> None:
    done = collector.run(*words)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_name_is_taken_once(collector: Collector) -> None:
    assert collector.run("user", "add", "gus", "--role", "lead").returncode == 0
    again = collector.run("user", "add", "gus", "--role", "lead")
    assert again.returncode == 1 and "gus" in again.stderr


def test_people_can_be_added_before_the_service_first_starts(tmp_path: object) -> None:
    from pathlib import Path

    cold = Collector(Path(str(tmp_path)))
    for words in (
        "join-code", "user add ida --role lead", "security-log", "migrate --back", "move --status", "move --back",
    ):  # fmt: skip
        typo = cold.run(*words.split())
        assert typo.returncode == 3 and "[no-data-here]" in typo.stderr and not cold.data.exists(), words
    cold.data.mkdir(parents=True)
    assert cold.run("user", "add", "ida", "--role", "lead").returncode == 0
    assert "ida" in cold.run("user", "list").stdout

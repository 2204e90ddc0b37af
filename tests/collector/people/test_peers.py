"""Behind a proxy: who is local, and whose address is counted."""

from __future__ import annotations

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.people.peers import base_url, client_address, is_local
from collector.settings import Settings, SettingsInvalid, load_settings
from tests.collector.running import Collector
from tests.support import local_http


def request(peer: str, *headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "client": (peer, 1), "headers": raw})


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost", "[::1]:8700", "LOCALHOST:1"])
def test_a_direct_request_is_local(host: str) -> None:
    assert is_local(request("127.0.0.1", ("Host", host)))
    assert not is_local(request("10.0.0.7", ("Host", host)))


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "Via"])
def test_a_forwarded_request_is_not_local(collector: Collector, header: str) -> None:
    assert not is_local(request("127.0.0.1", ("Host", "localhost"), (header, "203.0.113.7")))
    key = (collector.data / "keys" / "admin.key").read_text().strip()
    forwarded = {header: "203.0.113.7"}
    for path in ("/metrics", "/api/health", "/api/ready", "/api/openapi.json"):
        assert local_http.get(collector.url + path).status_code == 200
        assert local_http.get(collector.url + path, headers=forwarded).status_code == 403
    reply = local_http.post(
        f"{collector.url}/api/admin/user-list", json={}, headers=forwarded | {"Authorization": f"Bearer {key}"}
    )
    assert reply.status_code == 401


def test_a_request_for_a_public_name_is_not_local() -> None:
    assert not is_local(request("127.0.0.1", ("Host", "gleaner.example.org")))
    assert not is_local(request("127.0.0.1"))


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "127.0.0.1"), (["203.0.113.7"], "203.0.113.7"), (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.2"], "203.0.113.7"), (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (["nonsense"], "127.0.0.1"),
    ],
)  # fmt: skip
def test_the_address_behind_trusted_proxies(forwarded: list[str], address: str) -> None:
    asked = request("127.0.0.1", *(("X-Forwarded-For", value) for value in forwarded))
    assert client_address(asked, ("127.0.0.1", "10.0.0.2")) == address
    assert client_address(asked, ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("public_url", "headers", "base"),
    [
        (None, {"Host": "127.0.0.1:8700"}, "http://127.0.0.1:8700"),
        (None, {"Host": "[fd00::7]:8700"}, "http://[fd00::7]:8700"),
        (None, {"Host": "10.0.0.7", "X-Forwarded-Proto": "https"}, "https://10.0.0.7"),
        ("https://g.example/lab", {"Host": "g.example"}, "https://g.example/lab"),
        ("https://g.example", {"Host": "127.0.0.1:8700", "X-Forwarded-For": "203.0.113.7"}, "https://g.example"),
        # A device in the same network that uses the address itself is not sent elsewhere.
        ("https://g.example", {"Host": "10.0.0.7:8700"}, "http://10.0.0.7:8700"),
    ],
)
def test_the_address_that_a_client_is_given(public_url: str | None, headers: dict[str, str], base: str) -> None:
    settings = Settings(public_url=public_url, trusted_proxies=("127.0.0.1",))
    assert base_url(request("127.0.0.1", *headers.items()), settings) == base


def test_only_a_trusted_proxy_names_the_scheme() -> None:
    asked = request("203.0.113.7", ("Host", "10.0.0.7"), ("X-Forwarded-Proto", "https"))
    assert base_url(asked, Settings(trusted_proxies=("127.0.0.1",))) == "http://10.0.0.7"


@pytest.mark.parametrize("origin", ["lab.example", "https://lab.example/", "https://lab.example/x", "*", "null"])
def test_an_origin_is_scheme_and_host(origin: str) -> None:
    assert load_settings({"upload_origins": "https://a.example, http://b.example:81"}).upload_origins[1:] == (
        "http://b.example:81",
    )
    with pytest.raises(SettingsInvalid):
        load_settings({"upload_origins": origin})


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_COLLECTOR_TRUSTED_PROXIES", "127.0.0.1, ::1")
    assert load_settings().trusted_proxies == ("127.0.0.1", "::1")
    with pytest.raises(SettingsInvalid):
        load_settings({"trusted_proxies": "proxy"})


@pytest.mark.parametrize(("url", "https"), [("https://gleaner.example.org", True), (None, False)])
def test_with_https_browsers_are_told_to_stay(url: str | None, https: bool) -> None:
    app = create_app(Settings(public_url=url))
    client = TestClient(app, base_url="http://localhost")
    assert ("strict-transport-security" in client.get("/assets/none").headers) is https
    assert Settings(public_url=url).page_cookie.startswith("__Host-") is https

"""Behind a proxy: who is local, and whose address is counted."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from collector.app import create_app
from collector.people.peers import SeenClient, base_url, client_address, is_local, seen_client
from collector.security.files import read_lines
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


PROXIES = Settings(trusted_proxies="127.0.0.1, 10.1.0.0/16, 2001:db8::/32")  # type: ignore[arg-type]
FORWARDED = PROXIES.model_copy(update={"proxy_header": "forwarded"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not a proxy of ours: it may write what it likes
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("127.0.0.1", ["10.1.2.3, 10.1.2.4"], "10.1.2.3"),  # every one of them is trusted: the leftmost asked
        ("10.1.255.255", ["203.0.113.7"], "203.0.113.7"),
        ("10.2.0.1", ["203.0.113.7"], "10.2.0.1"),
        ("2001:db8::5", ["203.0.113.7:4711"], "203.0.113.7"),
        ("::ffff:127.0.0.1", ["[2001:4860::1]:443"], "2001:4860::1"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["2001:4860:0::1"], "2001:4860::1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, unknown, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["203.0.113.7,"], "127.0.0.1"),
        ("127.0.0.1", [","], "127.0.0.1"),
        ("127.0.0.1", ["127.0.0.1"] * 1000, "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, " + "10.1.0.1, " * 100 + "10.1.0.2"], "10.1.0.1"),  # too many hops
        ("", ["203.0.113.7"], ""),
        ("unix:", ["203.0.113.7"], "unix:"),
    ],
)  # fmt: skip
def test_the_client_is_the_rightmost_that_is_no_trusted_proxy(peer: str, forwarded: list[str], address: str) -> None:
    asked = request(peer, *(("X-Forwarded-For", value) for value in forwarded))
    assert client_address(asked, PROXIES) == address
    assert client_address(asked, Settings()) == peer
    assert client_address(asked, FORWARDED) == peer, "only the header of the setting counts"


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ("for=203.0.113.7", SeenClient("203.0.113.7")),
        ('For="[2001:4860::1]:443";proto=https;host=g.example', SeenClient("2001:4860::1", "https", "g.example")),
        ("for=198.51.100.1, for=203.0.113.7;proto=http, for=10.1.0.1;proto=https", SeenClient("203.0.113.7", "https")),
        ("for=203.0.113.7;proto=ftp;host=evil.example", SeenClient("203.0.113.7")),
        ("for=_hidden", SeenClient("127.0.0.1")),
        ("for=unknown", SeenClient("127.0.0.1")),
        ("proto=https", SeenClient("127.0.0.1", "https")),
        ('for="203.0.113.7', SeenClient("127.0.0.1")),
        ("for=203.0.113.7;for=198.51.100.1", SeenClient("127.0.0.1")),
        ('for="203.0.113.7,for=198.51.100.1"', SeenClient("127.0.0.1")),
        (";;;,,,===", SeenClient("127.0.0.1")),
        ("", SeenClient("127.0.0.1")),
    ],
)
def test_the_header_forwarded(header: str, seen: SeenClient) -> None:
    settings = FORWARDED.model_copy(update={"public_url": "https://g.example"})
    asked = request("127.0.0.1", ("Forwarded", header), ("X-Forwarded-For", "198.51.100.99"))
    assert seen_client(asked, settings) == seen
    assert seen_client(request("203.0.113.1", ("Forwarded", header)), settings) == SeenClient("203.0.113.1")


ADDRESS = st.ip_addresses().map(str)


@given(
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255)),
    st.sampled_from(["forwarded", "x-forwarded-for"]),
)
def test_whatever_a_client_writes_its_own_address_is_counted(written: str, header: str) -> None:
    """The nearest proxy adds the address that it sees behind whatever came."""
    settings = PROXIES.model_copy(update={"proxy_header": header})
    added = "203.0.113.7" if header == "x-forwarded-for" else "for=203.0.113.7"
    raw = [(header.encode(), f"{written}, {added}".encode("latin-1"))]
    asked = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": raw})
    quotes_open = header == "forwarded" and '"' in written
    assert client_address(asked, settings) == "203.0.113.7" or quotes_open
    two_lines = [(header.encode(), written.encode("latin-1")), (header.encode(), added.encode())]
    asked = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": two_lines})
    assert client_address(asked, settings) == "203.0.113.7" or quotes_open


@given(st.lists(ADDRESS, max_size=5), ADDRESS)
def test_hops_of_any_addresses(hops: list[str], peer: str) -> None:
    found = client_address(request(peer, ("X-Forwarded-For", ", ".join(hops))), PROXIES)
    assert ip_address(found) in {ip_address(one) for one in (*hops, peer)} | {ip_address(found)}
    if hops and found != peer:
        assert client_address(request(peer), PROXIES) == peer


def test_a_name_that_is_not_this_collectors_is_not_passed_on() -> None:
    for given_host, host in (("g.example", "g.example"), ("evil.example", None), ("a@b", None), ("10.0.0.7", None)):
        asked = request("127.0.0.1", ("X-Forwarded-Host", f"x, {given_host}"), ("X-Forwarded-Proto", "http, https"))
        seen = seen_client(asked, PROXIES.model_copy(update={"public_url": "https://g.example"}))
        assert (seen.host, seen.scheme) == (host, "https")


def test_a_proxy_that_nobody_named_opens_nothing(tmp_path: Path) -> None:
    """nginx without settings changes the Host header to the collector's own address and adds no header."""
    asked = request("127.0.0.1", ("Host", "127.0.0.1:8700"))
    assert is_local(asked)
    asked.scope["http_version"] = "1.0"
    assert not is_local(asked)
    app = create_app(Settings(data=tmp_path, public_url="https://g.example"))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5)) as client:
        key = (tmp_path / "keys" / "admin.key").read_text().strip()
        for path in ("/metrics", "/api/health", "/api/ready", "/api/openapi.json"):
            refused = client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
            assert "trusted_proxies" in refused.json()["hint"]
            assert client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    named = create_app(Settings(data=tmp_path, public_url="https://g.example", trusted_proxies=("10.1.0.0/16",)))
    with TestClient(named, base_url="http://localhost", client=("127.0.0.1", 5)) as client:
        assert client.get("/api/health").status_code == 200


def test_attempts_are_counted_by_client_behind_a_trusted_proxy(tmp_path: Path) -> None:
    running = Collector(tmp_path, GLEANER_COLLECTOR_TRUSTED_PROXIES="127.0.0.0/8")
    running.start()
    join = {"schema": 1, "code": "AAAA-AAAA", "device": {"name": "d", "model": "m", "agent_version": "0"}}

    def attempt(client: str) -> int:
        headers = {"X-Forwarded-For": client}
        return local_http.post(f"{running.url}/api/devices/join", json=join, headers=headers).status_code

    assert [attempt(f"198.51.100.{n}, 203.0.113.7") for n in range(11)] == [403] * 10 + [429]
    assert attempt("203.0.113.8") == 403
    running.stop()
    rows = [json.loads(line) for line in read_lines(running.data / "logs")]
    assert {row["address"] for row in rows if row["event"] == "refused"} == {"203.0.113.7", "203.0.113.8"}


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
    settings = Settings(public_url=public_url, trusted_proxies=("127.0.0.1/32",))
    assert base_url(request("127.0.0.1", *headers.items()), settings) == base


def test_only_a_trusted_proxy_names_the_scheme() -> None:
    asked = request("203.0.113.7", ("Host", "10.0.0.7"), ("X-Forwarded-Proto", "https"))
    assert base_url(asked, Settings(trusted_proxies=("127.0.0.1/32",))) == "http://10.0.0.7"


@pytest.mark.parametrize("origin", ["lab.example", "https://lab.example/", "https://lab.example/x", "*", "null"])
def test_an_origin_is_scheme_and_host(origin: str) -> None:
    assert load_settings({"upload_origins": "https://a.example, http://b.example:81"}).upload_origins[1:] == (
        "http://b.example:81",
    )
    with pytest.raises(SettingsInvalid):
        load_settings({"upload_origins": origin})


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_COLLECTOR_TRUSTED_PROXIES", "127.0.0.1, ::1, 10.1.0.0/16")
    assert load_settings().trusted_proxies == ("127.0.0.1/32", "::1/128", "10.1.0.0/16")
    for wrong in ("proxy", "10.1.0.1/16", "10.0.0.0/33"):
        with pytest.raises(SettingsInvalid, match="trusted_proxies"):
            load_settings({"trusted_proxies": wrong})
    with pytest.raises(SettingsInvalid, match="proxy_header"):
        load_settings({"proxy_header": "via"})


@pytest.mark.parametrize(("url", "https"), [("https://gleaner.example.org", True), (None, False)])
def test_with_https_browsers_are_told_to_stay(url: str | None, https: bool) -> None:
    app = create_app(Settings(public_url=url))
    client = TestClient(app, base_url="http://localhost")
    assert ("strict-transport-security" in client.get("/enter/none").headers) is https
    assert Settings(public_url=url).page_cookie.startswith("__Host-") is https

"""Which service speaks HTTPS, with which certificate; and real handshakes with it on loopback."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from collector.key_folder import KeyFolder
from collector.master_key import write_master_key
from collector.settings import Settings, SettingsInvalid, load_settings
from collector.tls.authority import AUTHORITY, SERVER, SERVER_KEY, SERVER_LIFE, renew_certificate
from collector.tls.service import TlsFiles, names_of, renew_in_time, tls_files
from tests.collector.running import Collector
from tests.support import local_http
from tests.support.https_collector import collector_with_certificate

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("given", "url", "has_own"),
    [
        ({}, "http://127.0.0.1:8700", False),
        ({"host": "localhost"}, "http://localhost:8700", False),
        ({"host": "10.0.0.5"}, "https://10.0.0.5:8700", True),
        ({"host": "10.0.0.5", "insecure_http": True}, "http://10.0.0.5:8700", False),
        ({"host": "10.0.0.5", "public_url": "https://g.example"}, "https://g.example", False),
        ({"tls_cert": "a", "tls_key": "b"}, "https://127.0.0.1:8700", False),
        ({"host": "10.0.0.5", "tls_cert": "a", "tls_key": "b"}, "https://10.0.0.5:8700", False),
    ],
)
def test_http_leaves_this_machine_only_when_asked_to(given: dict[str, object], url: str, has_own: bool) -> None:
    settings = Settings(**given)  # type: ignore[arg-type]
    assert (settings.url, settings.has_own_authority) == (url, has_own)
    assert settings.page_cookie.startswith("__Host-") is url.startswith("https")


@pytest.mark.parametrize("flags", [{"tls_cert": "a"}, {"tls_key": "a"}, {"tls_names": "a/b"}, {"tls_names": "x y"}])
def test_settings_that_cannot_be(flags: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="tls"):
        load_settings(flags)


def test_files_that_are_no_certificate_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("nonsense")
    settings = Settings(data=tmp_path, tls_cert=tmp_path / "a.pem", tls_key=tmp_path / "a.pem")
    with pytest.raises(SettingsInvalid, match="are not a certificate and its key"):
        tls_files(settings, NOW)
    assert tls_files(Settings(data=tmp_path), NOW) is None


def test_the_own_certificate_has_the_names_of_this_machine(tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path, "host": "10.0.0.5", "tls_names": "g.example, 203.0.113.7"})
    names = names_of(settings)
    assert {"localhost", "127.0.0.1", "::1", "10.0.0.5", "g.example", "203.0.113.7"} <= set(names)
    files = tls_files(settings, NOW)
    assert files is not None and files.is_own and files.trust == settings.authority_file
    assert (tmp_path / "keys" / AUTHORITY).exists()


def test_with_a_master_key_the_authority_is_encrypted_and_the_certificates_key_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, encrypted = Settings(data=tmp_path, host="10.0.0.5"), tmp_path / "master.key"
    write_master_key(encrypted)
    settings = plain.model_copy(update={"master_key": encrypted})
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path / 'run'}:{tmp_path / 'other'}")
    assert tls_files(plain, NOW) == TlsFiles(
        tmp_path / "keys" / SERVER, tmp_path / "keys" / SERVER_KEY, settings.authority_file, is_own=True
    )
    authority = settings.authority_file.read_bytes()
    settings.keys.encrypt_plain()
    files = tls_files(settings, NOW)
    assert files == TlsFiles(tmp_path / "run" / SERVER, tmp_path / "run" / SERVER_KEY, settings.authority_file, True)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    assert files.key.stat().st_mode & 0o777 == 0o600 and settings.authority_file.read_bytes() == authority
    assert "PRIVATE" not in "".join(path.read_text() for path in (tmp_path / "keys").iterdir())


def test_it_is_renewed_while_the_service_runs(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, host="10.0.0.5")
    now = NOW

    async def scene() -> int:
        nonlocal now
        tls_files(settings, now)
        changes: list[bool] = []
        task = asyncio.create_task(renew_in_time(settings, lambda: changes.append(True), lambda: now, 0.01))
        await asyncio.sleep(0.1)
        assert changes == []
        now = NOW + SERVER_LIFE
        while not changes:
            await asyncio.sleep(0.01)
        task.cancel()
        return len(changes)

    first = (tmp_path / "keys").exists()
    assert not first and asyncio.run(scene()) == 1


@pytest.fixture
def secure(tmp_path: Path) -> Collector:
    """A service with a certificate for loopback."""
    renew_certificate(KeyFolder(tmp_path / "tls"), tmp_path / "tls", ["localhost", "127.0.0.1"], NOW)
    return Collector(
        tmp_path,
        GLEANER_COLLECTOR_TLS_CERT=str(tmp_path / "tls" / SERVER),
        GLEANER_COLLECTOR_TLS_KEY=str(tmp_path / "tls" / SERVER_KEY),
    )


def test_pages_commands_and_strangers_over_https(secure: Collector, tmp_path: Path) -> None:
    secure.start()
    try:
        url = secure.url.replace("http:", "https:")
        trusted = ssl.create_default_context(cafile=tmp_path / "tls" / AUTHORITY)
        link = secure.new_link("ana")
        assert link.startswith(url)
        with httpx.Client(base_url=url, verify=trusted) as page:
            reply = page.post("/api/enter", json={"code": link.rsplit("/", 1)[1]}, headers={"X-Gleaner-Page": "1"})
            cookie = reply.headers["set-cookie"]
            assert (
                cookie.startswith("__Host-")
                and "Secure" in cookie
                and "max-age" in str(reply.headers["strict-transport-security"])
            )
            assert page.get("/api/me").json()["name"] == "ana"
            assert page.get("/api/health").json() == {"status": "ok"}
            assert page.get("/api/devices/authority").status_code == 404, "a certificate of the settings needs none"
        assert secure.run("user", "list").returncode == 0
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{url}/api/health", verify=ssl.create_default_context())
        with pytest.raises(httpx.TransportError):
            local_http.get(f"{secure.url}/api/health")  # plain HTTP to the same port
    finally:
        secure.stop()


def test_tls_below_1_3_is_not_spoken(secure: Collector, tmp_path: Path) -> None:
    secure.start()
    old = ssl.create_default_context(cafile=tmp_path / "tls" / AUTHORITY)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{secure.url.replace('http:', 'https:')}/api/health", verify=old)
    finally:
        secure.stop()


def test_a_certificate_that_ended_is_refused(tmp_path: Path) -> None:
    renew_certificate(
        KeyFolder(tmp_path / "tls"), tmp_path / "tls", ["127.0.0.1"], NOW - SERVER_LIFE - timedelta(days=1)
    )
    running = collector_with_certificate(tmp_path, tmp_path / "tls")
    running.start()
    try:
        trusted = ssl.create_default_context(cafile=tmp_path / "tls" / AUTHORITY)
        with pytest.raises(httpx.ConnectError, match="expired"):
            httpx.get(f"{running.url.replace('http:', 'https:')}/api/health", verify=trusted)
    finally:
        running.stop()

"""The collector's own authority: its files, what they hold, and when they are made anew."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from collector.key_folder import KeyFolder
from collector.keys import KeyFileDamaged
from collector.tls.authority import (
    AUTHORITY,
    AUTHORITY_KEY,
    RENEW_BEFORE,
    SERVER,
    SERVER_KEY,
    SERVER_LIFE,
    renew_certificate,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NAMES = ["localhost", "127.0.0.1", "::1", "collector.local", "bücher.example"]


def made(folder: Path, now: datetime = NOW, names: list[str] = NAMES) -> tuple[bool, bytes, bytes]:
    is_new = renew_certificate(KeyFolder(folder), folder, names, now)
    return is_new, (folder / SERVER).read_bytes(), (folder / AUTHORITY).read_bytes()


def test_files_are_private_and_hold_a_chain(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    is_new, chain, authority = made(folder)
    assert is_new and {path.name for path in folder.iterdir()} == {AUTHORITY, AUTHORITY_KEY, SERVER, SERVER_KEY}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    certificate, issuer = x509.load_pem_x509_certificates(chain)
    assert issuer == x509.load_pem_x509_certificate(authority)
    certificate.verify_directly_issued_by(issuer)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "xn--bcher-kva.example" in names.get_values_for_type(x509.DNSName)
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_before_utc < NOW - timedelta(days=1), "a device's clock may be behind"
    ssl.create_default_context(cafile=folder / AUTHORITY)


def test_it_is_made_anew_before_it_ends_and_the_authority_stays(tmp_path: Path) -> None:
    _, first, authority = made(tmp_path)
    assert made(tmp_path) == (False, first, authority)
    assert made(tmp_path, NOW + SERVER_LIFE - RENEW_BEFORE - timedelta(minutes=1)) == (False, first, authority)
    is_new, second, same = made(tmp_path, NOW + SERVER_LIFE - RENEW_BEFORE + timedelta(minutes=1))
    assert is_new and second != first and same == authority
    is_new, third, same = made(tmp_path, NOW + timedelta(days=1000))  # it was off for long
    assert is_new and same == authority
    is_new, fourth, _ = made(tmp_path, NOW - timedelta(days=400))  # the clock was set back before its beginning
    assert is_new and fourth != third


def test_another_address_of_the_machine_makes_another_certificate(tmp_path: Path) -> None:
    made(tmp_path, names=["localhost", "10.0.0.5"])
    assert made(tmp_path, names=["localhost"])[0] is False, "one name too many does no harm"
    assert made(tmp_path, names=["localhost", "10.0.0.6"])[0] is True


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / SERVER).unlink(),
        lambda folder: (folder / SERVER_KEY).unlink(),
        lambda folder: (folder / SERVER).write_bytes(b""),
        lambda folder: (folder / SERVER).write_bytes((folder / AUTHORITY).read_bytes()),
        lambda folder: (folder / SERVER_KEY).write_bytes((folder / AUTHORITY_KEY).read_bytes()),
    ],
)
def test_a_damaged_certificate_is_made_anew(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    made(tmp_path)
    damage(tmp_path)
    assert made(tmp_path)[0] is True
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / SERVER, tmp_path / SERVER_KEY)


@pytest.mark.parametrize("name", [AUTHORITY, AUTHORITY_KEY])
def test_a_damaged_authority_is_refused_and_not_replaced(tmp_path: Path, name: str) -> None:
    """Devices trust it alone: another one in its place would lock all of them out."""
    made(tmp_path)
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(KeyFileDamaged, match="authority"):
        made(tmp_path)
    made(tmp_path / "other")
    (tmp_path / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(KeyFileDamaged, match="is not that of the authority"):
        made(tmp_path)

"""The authority and the certificate of the service, as files (0600).

authority.key, authority.pem    made once, for twenty years; devices trust this authority alone
server.key, server.pem          for 90 days and the names of this machine; made anew before it ends; never encrypted,
                                because the server reads them itself
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collector.key_folder import KeyFolder
from collector.keys import KeyFileDamaged
from wire.files import write_whole

AUTHORITY_KEY, AUTHORITY = "authority.key", "authority.pem"
SERVER_KEY, SERVER = "server.key", "server.pem"
AUTHORITY_LIFE = timedelta(days=20 * 365)
SERVER_LIFE = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
CLOCK_TOLERANCE = timedelta(days=2)  # a device's clock may be behind
_NOT_USED = dict.fromkeys(
    ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
)


def renew_certificate(keys: KeyFolder, folder: Path, names: Sequence[str], now: datetime) -> bool:
    """Make authority and certificate where one is missing, ends soon, or lacks a name. Returns whether one was made.

    Args:
        keys: those of the authority.
        folder: that of the certificate.
        names: host names and addresses under which the service is reached.

    Raises:
        KeyFileDamaged: a file of the authority is there and is none. StorageUnusable, OSError: nothing can be written.
        MasterKeyMissing, MasterKeyWrong.
    """
    key, authority = _authority(keys, now)
    if _is_good(folder / SERVER, folder / SERVER_KEY, authority, names, now):
        return False
    server_key = generate_private_key(SECP256R1())
    certificate = (
        _builder(now, SERVER_LIFE)
        .subject_name(_name("Gleaner collector"))
        .issuer_name(authority.subject)
        .public_key(server_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(server_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The key first: a certificate without its key is seen, and both are made anew.
    write_whole(folder / SERVER_KEY, _pem(server_key))
    write_whole(folder / SERVER, certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM))
    return True


def _authority(keys: KeyFolder, now: datetime) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
    key_file, file = keys.path(AUTHORITY_KEY), keys.path(AUTHORITY)
    if not file.exists():
        # The key first: the certificate says that both are there.
        for name, content in new_authority(now).items():
            keys.write(name, content)
    try:
        found = load_pem_private_key(keys.read(AUTHORITY_KEY).encode(), None)
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileDamaged(f"{key_file} and {file} do not hold an authority: {error}.") from error
    if not isinstance(found, EllipticCurvePrivateKey) or found.public_key() != certificate.public_key():
        raise KeyFileDamaged(f"The key {key_file} is not that of the authority {file}.")
    return found, certificate


def new_authority(now: datetime) -> dict[str, str]:
    """The contents of a new authority's files, PEM, by their names."""
    key = generate_private_key(SECP256R1())
    certificate = (
        _builder(now, AUTHORITY_LIFE)
        .subject_name(_name("Gleaner collector's authority"))
        .issuer_name(_name("Gleaner collector's authority"))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return {AUTHORITY_KEY: _pem(key).decode(), AUTHORITY: certificate.public_bytes(Encoding.PEM).decode()}


def _is_good(file: Path, key_file: Path, authority: x509.Certificate, names: Sequence[str], now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), None)
        certificate.verify_directly_issued_by(authority)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001  whatever is wrong with it: it is made anew
        return False
    is_in_time = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    has_names = {_general_name(name) for name in names} <= set(named)
    return is_in_time and has_names and key.public_key() == certificate.public_key()


def _builder(now: datetime, life: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_TOLERANCE)
        .not_valid_after(now + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        **_NOT_USED,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

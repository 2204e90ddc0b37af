"""Which certificates a program believes of a collector: those of one authority, or of the system's.

The authority of a collector is fetched from the collector itself, without believing anybody, and is then recognised by
the letters behind the join code. Only then does a code or a token go out.
"""

from __future__ import annotations

import ssl

import httpx

from http_shell.hosts import is_loopback
from wire.authority import AUTHORITY_PATH, authority_pin

MAX_PEM_BYTES = 64 * 2**10


def context_of(authority: str | None) -> ssl.SSLContext | bool:
    """For httpx: what trusts this authority (PEM) alone; None: those of the system. Raises ValueError: it is none."""
    if authority is None:
        return True
    try:
        return ssl.create_default_context(cadata=authority)
    except ssl.SSLError as error:
        raise ValueError(f"it is no certificate: {error}") from error


def http_to(base: str, authority: str | None, timeout: httpx.Timeout, token: str | None = None) -> httpx.Client:
    """An HTTP client for one collector, with the token in every request. Raises ValueError: `authority` is none.

    A proxy from the environment is for the way out, never for this machine. Redirects are not followed: the token goes
    to this address and nowhere else.
    """
    url = httpx.URL(base)
    return httpx.Client(
        base_url=base,
        timeout=timeout,
        trust_env=not is_loopback(url.host),
        headers={} if token is None else {"Authorization": f"Bearer {token}"},
        # With plain HTTP the certificates of the system, a tenth of a second to load, are not needed.
        verify=context_of(authority) if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )


def is_open_http(url: httpx.URL) -> bool:
    """Whether everybody between here and there could read what is sent: plain http that leaves this machine."""
    return url.scheme == "http" and not is_loopback(url.host)


def fetch_authority(url: str, timeout: httpx.Timeout) -> str | None:
    """What the server at `url` says its authority is, as PEM; None where it has none. Nothing about it is known yet.

    Raises:
        httpx.TransportError.
    """
    nobody = ssl.create_default_context()
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(timeout=timeout, trust_env=not is_loopback(httpx.URL(url).host), verify=nobody) as client:
        reply = client.get(f"{url}{AUTHORITY_PATH}")
    is_pem = reply.status_code == 200 and len(reply.content) <= MAX_PEM_BYTES
    return reply.text if is_pem else None


def has_pin(authority: str, pin: str) -> bool:
    """Whether these are the letters of this certificate (PEM)."""
    try:
        return authority_pin(ssl.PEM_cert_to_DER_cert(authority.strip())) == pin
    except ValueError:
        return False


def is_untrusted(error: httpx.TransportError) -> bool:
    """Whether a connection failed because the certificate at the other end is not believed."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False

"""How a command on this machine reaches the collector: the running service if there is one, else its data."""

from __future__ import annotations

import json
import os
import pwd
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from collector.key_folder import KeyFolder
from collector.keys import load_admin_key
from collector.settings import Settings
from collector.store.lock import DataInUse, is_held
from http_shell.answers import error_of
from wire.errors import GleanerError
from wire.files import write_whole


class NoDataHere(GleanerError):
    code = "no-data-here"
    status = 404
    exit_code = 3
    hint = "Name the folder that `collector serve` uses: --data."


class DataOfAnotherUser(GleanerError):
    """New keys would belong to who runs the command, and the service could not read them."""

    code = "data-of-another-user"
    status = 403
    exit_code = 2


class ServiceNotAnswering(GleanerError):
    """A service holds the data folder and does not answer."""

    code = "service-not-answering"
    status = 502
    exit_code = 3
    hint = "Look at the output of `collector serve`, then stop and start it."


@dataclass(frozen=True)
class Service:
    """A running service as it described itself: its local address, and where it speaks HTTPS the file to trust."""

    url: str
    pid: int
    trust: str | None = None


def publish_service(settings: Settings, pid: int, trust: Path | None = None) -> None:
    """Write how to reach the running service into its data folder. `url` is for this machine, not for people.

    `trust`: with HTTPS, a certificate of it or of its authority.
    """
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "") else "::1" if settings.host == "::" else settings.host
    scheme = "https" if trust is not None else "http"
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
    said = {"url": url, "pid": pid} | ({} if trust is None else {"trust": str(trust.absolute())})
    write_whole(settings.address_file, json.dumps(said).encode())


def find_service(settings: Settings) -> Service | None:
    """The service that said it runs on this data, None if it said nothing or its file is damaged."""
    try:
        said = json.loads(settings.address_file.read_text(encoding="ascii"))
        return Service(said["url"], said["pid"], said.get("trust"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def ask_service(service: Service, keys: KeyFolder, verb: str, given: dict[str, str]) -> dict[str, Any]:
    """Raises ServiceNotAnswering, CollectorRefused, MasterKeyMissing, MasterKeyWrong."""
    headers = {"Authorization": f"Bearer {load_admin_key(keys)}"}
    try:
        # Straight to this machine: a proxy of the environment has no business with the key.
        with httpx.Client(trust_env=False, timeout=10.0, verify=_trusted(service)) as client:
            reply = client.post(f"{service.url}/api/admin/{verb}", json=given, headers=headers)
        body: dict[str, Any] = reply.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ServiceNotAnswering(f"The collector at {service.url} does not answer: {error}.") from error
    if reply.status_code >= 400:
        raise error_of(reply, service.url)
    return body


def _trusted(service: Service) -> ssl.SSLContext | bool:
    """With plain HTTP the certificates of the world, a tenth of what a command costs, are not loaded."""
    if service.trust is None:
        return False
    try:
        context = ssl.create_default_context(cafile=service.trust)
    except (OSError, ssl.SSLError) as error:
        raise ServiceNotAnswering(f"The certificate {service.trust} cannot be read: {error}.") from error
    # That one certificate, or its authority, is all that is trusted; it need not name the loopback address.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def require_data(settings: Settings) -> None:
    """Before a command whose folder may be mistyped. Raises NoDataHere."""
    from collector.store.open import has_database

    if not has_database(settings.data, settings.database):
        raise NoDataHere(f"There is no collector data in {settings.data}.")


def require_stopped(settings: Settings) -> None:
    """Before a command makes new keys, and before it asks. Raises NoDataHere, DataOfAnotherUser, DataInUse."""
    require_data(settings)
    owner = settings.data.stat().st_uid if settings.data.exists() else os.geteuid()
    if owner != os.geteuid():
        raise DataOfAnotherUser(
            f"The data in {settings.data} belongs to {_user_name(owner)}, whose service could not read new keys.",
            hint=f"Run the same command as that user: sudo -u {_user_name(owner)} …",
        )
    if is_held(settings.data):
        raise DataInUse(f"Another process is using the data in {settings.data}.")


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def ask(settings: Settings, verb: str, given: dict[str, str]) -> dict[str, Any]:
    """Have a verb of `collector.verbs` done, whether the service runs or not.

    Raises:
        NoDataHere, ServiceNotAnswering, CollectorRefused, DataInUse, and what the verb itself raises.
    """
    service = find_service(settings)
    if service is not None and is_held(settings.data):
        return ask_service(service, settings.keys, verb, given)  # without loading a database: a second less
    from collector.security.log import append_now
    from collector.store.blobs_local import disk_errors
    from collector.store.open import open_database
    from collector.verbs import READS, STARTS_DATA, logged_members, run_verb

    if verb not in STARTS_DATA or not settings.data.is_dir():  # they begin in a folder that somebody made
        require_data(settings)
    try:
        database = open_database(settings.data, settings.database)
    except DataInUse:
        service = find_service(settings)
        if service is None:
            raise
        return ask_service(service, settings.keys, verb, given)
    try:
        do = database.read_sync if verb in READS else database.write_sync
        done = do(lambda conn: run_verb(conn, verb, given, settings))
        with disk_errors("The security log cannot be written"):
            append_now(settings.logs_folder, "command", verb=verb, **logged_members(done.given))
        return done.answer
    finally:
        database.close()

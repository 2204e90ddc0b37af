"""Finds the collectors that announce themselves on the local network (collector/devices/announcement.py)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from zeroconf import Error, IPVersion, ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from device_agent.uplink.pairing import JoinFailed
from wire.discovery import PROTOCOL, SERVICE_TYPE, TLS_MEMBER, URL_MEMBER

SEARCH_SECONDS = 4.0  # two rounds of questions: at once and after a second
ANSWER_MILLISECONDS = 3000


class CollectorNotFound(JoinFailed):
    """None, or more than one, announces itself here."""

    code: ClassVar[str] = "join-address-needed"
    status: ClassVar[int] = 404
    exit_code: ClassVar[int] = 2
    hint = "Give its address: gleaner agent join ADDRESS CODE; `gleaner collector join-code` prints that line."


@dataclass(frozen=True, order=True)
class Announced:
    """A collector as it describes itself. `url` is a suggestion: joining checks it like a typed address.

    It is empty where the collector gave its name and no more in time: it counts, so that no other is taken for the only
    one.
    """

    name: str
    url: str


class _Listener(ServiceListener):
    """Names alone: asking for more here would hold up the names that come after."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.names.add(name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.names.add(name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.names.discard(name)


def find_collectors(seconds: float = SEARCH_SECONDS) -> list[Announced]:
    """Every collector that answers within `seconds`.

    Raises:
        CollectorNotFound: this machine has no network to search.
    """
    try:
        zeroconf = Zeroconf(ip_version=IPVersion.V4Only)
    except (OSError, Error) as error:
        raise CollectorNotFound(f"The local network cannot be searched: {error}.") from error
    listener = _Listener()
    try:
        browser = ServiceBrowser(zeroconf, SERVICE_TYPE, listener)
        time.sleep(seconds)
        browser.cancel()
        described = {
            name: zeroconf.get_service_info(SERVICE_TYPE, name, ANSWER_MILLISECONDS) for name in listener.names
        }
    finally:
        zeroconf.close()
    found = (_read(one) if one is not None else Announced(_shown(name), "") for name, one in described.items())
    return sorted({one for one in found if one is not None})


def _read(service: ServiceInfo) -> Announced | None:
    """What an announcement says, None for one of another version or without a way to reach it."""
    members = {key.decode("utf-8", "replace"): value or b"" for key, value in service.properties.items()}
    if members.get("v") != PROTOCOL.encode():
        return None
    url = members.get(URL_MEMBER, b"").decode("utf-8", "replace")
    if not url:
        addresses = service.parsed_addresses(IPVersion.V4Only)
        scheme = "https" if members.get(TLS_MEMBER) == b"1" else "http"
        url = f"{scheme}://{addresses[0]}:{service.port}" if addresses else ""
    name = service.name.removesuffix(f".{SERVICE_TYPE}")
    return Announced(_shown(name), _shown(url)) if url else None


def _shown(text: str) -> str:
    """Without signs that would steer a terminal: anybody on the network may announce anything."""
    return "".join(sign for sign in text if sign.isprintable())


def find_the_collector() -> Announced:
    """The one collector of this network.

    Raises:
        CollectorNotFound: none answers, or several do.
    """
    found = find_collectors()
    if len(found) == 1 and found[0].url:
        return found[0]
    if not found:
        raise CollectorNotFound("No collector announces itself on this network.")
    if len(found) == 1:
        raise CollectorNotFound(f"The collector {found[0].name} announces itself without an address.")
    listed = ", ".join(f"{one.name} at {one.url or 'an address it did not give'}" for one in found)
    raise CollectorNotFound(f"{len(found)} collectors announce themselves on this network: {listed}.")

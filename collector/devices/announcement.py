"""Announces a collector on the local network, so that `gleaner agent join CODE` finds it.

Only a collector that listens beyond this machine is announced. The announcement is a suggestion: whoever joins checks
the certificate of the address, or allows plain http on a trusted network.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from collector.keys import ReceiptKey
from collector.settings import Settings
from wire.discovery import PROTOCOL, SERVICE_TYPE, TLS_MEMBER, URL_MEMBER

if TYPE_CHECKING:
    from zeroconf import Zeroconf

logger = logging.getLogger(__name__)
NAME_DIGITS = 8
MAX_HOST_SIGNS = 40  # a label of a name has at most 63 bytes


def own_addresses(host: str) -> list[str]:
    """The IPv4 addresses at which others reach a service that listens at `host`; none for loopback."""
    if host not in ("0.0.0.0", "::", ""):
        with suppress(ValueError):
            found = ipaddress.ip_address(host)
            return [host] if found.version == 4 and not found.is_loopback else []
        return []
    import ifaddr

    found_all = {
        str(one.ip) for adapter in ifaddr.get_adapters() for one in adapter.ips if isinstance(one.ip, str)
    }  # an IPv6 address is a tuple
    return sorted(one for one in found_all if not ipaddress.ip_address(one).is_loopback)


class Announcement:
    """The announcement of one running collector, from `start` to `stop`. Both may block for a second."""

    def __init__(self, settings: Settings, key: ReceiptKey) -> None:
        self._settings = settings
        # Many machines have the same host name: with a few digits of its key no two collectors share an announcement.
        # Who only asks whether a name is free may get no answer in time.
        self._digits = key.verify_key[:NAME_DIGITS]
        self._zeroconf: Zeroconf | None = None

    def start(self) -> str | None:
        """Announce the collector; returns its name on the network.

        None when it is not announced: it listens on this machine alone, is set not to, or the network has no multicast.
        """
        addresses = own_addresses(self._settings.host)
        if not addresses or not self._settings.announce:
            return None
        # Only here: a collector of this machine alone needs neither the memory nor the threads.
        from zeroconf import Error, IPVersion, ServiceInfo, Zeroconf

        name = f"{socket.gethostname().partition('.')[0][:MAX_HOST_SIGNS]}-{self._digits}"
        members = (
            {"v": PROTOCOL}
            | ({TLS_MEMBER: "1"} if self._settings.serves_https else {})
            | ({URL_MEMBER: self._settings.public_url} if self._settings.public_url else {})
        )
        service = ServiceInfo(
            SERVICE_TYPE,
            f"{name}.{SERVICE_TYPE}",
            parsed_addresses=addresses,
            port=self._settings.port,
            properties=members,
            server=f"gleaner-{self._digits}.local.",
        )
        try:
            self._zeroconf = Zeroconf(interfaces=addresses, ip_version=IPVersion.V4Only)
            self._zeroconf.register_service(service, allow_name_change=True)
        except (OSError, Error) as error:
            logger.warning("The collector is not announced on the local network: %s", error)
            self.stop()
            return None
        return service.name.removesuffix(f".{SERVICE_TYPE}")

    def stop(self) -> None:
        """Take the announcement back."""
        if self._zeroconf is not None:
            with suppress(OSError):
                self._zeroconf.close()
            self._zeroconf = None

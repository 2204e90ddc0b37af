"""How a collector makes itself known on the local network: DNS-SD over multicast DNS (RFC 6762, RFC 6763)."""

from __future__ import annotations

SERVICE_TYPE = "_gleaner._tcp.local."
PROTOCOL = "1"  # the TXT member `v`; a device reads announcements of its own version alone
URL_MEMBER = "url"  # the TXT member with the address to join at, where it is not simply ADDRESS:PORT
TLS_MEMBER = "tls"  # the TXT member that is "1" where ADDRESS:PORT speaks HTTPS

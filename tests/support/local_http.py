"""HTTP with a service of this machine, which has no certificates: httpx would load those of the world for each call.

Several tests share two cores: an answer may take its time.
"""

from __future__ import annotations

import ssl
from functools import partial

import httpx

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

get = partial(httpx.get, verify=NO_AUTHORITIES, timeout=60.0)
head = partial(httpx.head, verify=NO_AUTHORITIES, timeout=60.0)
post = partial(httpx.post, verify=NO_AUTHORITIES, timeout=60.0)
request = partial(httpx.request, verify=NO_AUTHORITIES, timeout=60.0)
Client = partial(httpx.Client, verify=NO_AUTHORITIES, timeout=60.0)

"""What links to objects on an S3 server say: where the object is, and what a browser is told that its bytes are."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

# What a browser may show or play. Everything else is bytes to it.
_SHOWN = re.compile(r"(?:video|audio)/[a-z0-9.+-]+|image/(?:jpeg|png|webp)")
BYTES = "application/octet-stream"


def object_address(endpoint: str, *names: str) -> str:
    """The address of a bucket's folder or object at a server."""
    return f"{endpoint.rstrip('/')}/{quote('/'.join(filter(None, names)), safe='-_.~/')}"


def answer_query(media_type: str) -> str:
    """The headers of the answer, to be signed with the link: none of them is chosen by whoever uploaded the bytes.

    Args:
        media_type: what the bytes are; a browser gets it only where it can do no harm with it.
    """
    headers = {
        # Whoever opens the link itself saves a file: nothing of it is shown as a page of the bucket's address.
        "response-content-disposition": "attachment",
        "response-content-type": media_type if _SHOWN.fullmatch(media_type) else BYTES,
        "response-cache-control": "no-store",
    }
    return urlencode(headers, quote_via=quote, safe="")

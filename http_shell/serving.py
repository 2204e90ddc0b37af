"""What the servers of device and collector have in common: uvicorn on a loop of asyncio, silent about itself."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp


def server_config(app: ASGIApp, *, last_requests_seconds: int, **more: Any) -> uvicorn.Config:
    """How uvicorn serves an app that begins and ends around it.

    No line for each request, no name of the server in answers, and no belief in what a proxy's headers say: the apps
    have their own rules for that.

    Args:
        last_requests_seconds: for requests that are in the middle when it ends; a sender that fell silent must not
            hold that up.
        more: as `uvicorn.Config` has it.
    """
    return uvicorn.Config(
        app,
        interface="asgi3",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=last_requests_seconds,
        **more,
    )

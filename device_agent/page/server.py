"""The session page's thread: one uvicorn server on one socket, started, asked for its address, stopped."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import uvicorn

from device_agent.events import Event, Snapshot
from device_agent.page.control import Control
from device_agent.page.guard import PageGuard
from device_agent.page.routes import PageContext, make_app
from device_agent.page.stream import Viewers
from http_shell.hosts import Hosts, is_loopback
from http_shell.ports import bind_port
from http_shell.serving import server_config
from wire.errors import GleanerError

START_SECONDS = 10.0
STOP_SECONDS = 5.0
LAST_REQUESTS_SECONDS = 1
MAX_WAITING_CONNECTIONS = 128


class PageNotStarted(GleanerError):
    code = "page-not-started"
    status = 500
    exit_code = 1
    retryable = True
    hint = "Start the agent again."


class PageServer:
    """Serves the session page from a thread of its own.

    `read` gives the newest snapshot, `post` takes an event, `preview` gives the newest JPEG or None; all three are
    called from the page's thread and must return at once. `key` opens the page; the same key after a restart of the
    agent keeps pages that are already open working. `control` knows which browser runs the session.
    """

    def __init__(
        self,
        read: Callable[[], Snapshot],
        post: Callable[[Event], None],
        preview: Callable[[], bytes | None],
        host: str = "127.0.0.1",
        port: int = 8710,
        *,
        key: str,
        control: Control | None = None,
    ) -> None:
        if not key:
            raise ValueError("the page needs a key")
        self._callbacks = (read, post, preview)
        self._host = host
        self._port = port
        self._key = key
        self._control = control or Control()
        self._viewers = Viewers()
        self._stopping = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on; after `start` never 0."""
        return self._port

    @property
    def address(self) -> str:
        """Where the page is, without its key."""
        host = shown_host(self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}/"

    @property
    def watched(self) -> bool:
        """Whether somebody views the preview just now; without a viewer no picture needs to be made."""
        return self._viewers.any

    @property
    def opened(self) -> bool:
        """Whether somebody has had the page open since the start."""
        return self._viewers.opened

    def start(self) -> str:
        """Listen, and return the address that opens the page once it answers.

        Raises:
            PortTaken: another program listens there.
            AddressUnusable: the host is no address of this machine, or the port needs rights this process lacks.
            PageNotStarted: the server did not come up.
        """
        listener = bind_port(self._host, self._port, backlog=MAX_WAITING_CONNECTIONS)
        self._port = listener.getsockname()[1]
        guard = PageGuard(self._key, self._port)
        context = PageContext(
            *self._callbacks, guard=guard, viewers=self._viewers, stopping=self._stopping, control=self._control
        )
        app = make_app(context, Hosts(is_open=not is_loopback(self._host)))
        config = server_config(app, last_requests_seconds=LAST_REQUESTS_SECONDS, http="h11")
        server = uvicorn.Server(config)
        self._server = server
        self._thread = threading.Thread(target=server.run, args=([listener],), name="page", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                listener.close()
                raise PageNotStarted(f"The session page did not come up at {self.address}.")
            time.sleep(0.01)
        return f"{self.address}?key={self._key}"

    def stop(self) -> None:
        """End streams and connections and join the thread; harmless before `start` and a second time."""
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
            if self._thread.is_alive():
                raise PageNotStopped(f"The thread page did not end within {STOP_SECONDS:g} seconds.")


class PageNotStopped(GleanerError):
    code = "page-not-stopped"
    status = 500
    exit_code = 1
    hint = "End the agent. The session and its recordings are not affected."


def shown_host(host: str) -> str:
    """The host to print: for "every address" the one other machines reach, or loopback without a network."""
    if host not in {"0.0.0.0", "::", ""}:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only picks the way out (192.0.2.1: RFC 5737).
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"

"""A session that was interrupted and is not resumed, because the agent cannot start: its open pages say why.

A page that lost its agent asks for it each second under the address that it knows. For a few seconds it gets an answer
there: the session as it stands, and the reason.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from device_agent.events import Snapshot
from device_agent.page.control import Control
from device_agent.page.guard import session_key
from device_agent.page.server import PageServer
from device_agent.session.failure import failure_of
from device_agent.session.journal import read as read_journal
from device_agent.session.record import replay
from device_agent.session.resume import unfinished_session
from device_agent.session.snapshot import snapshot_of
from device_agent.settings import AgentSettings
from device_agent.spool.inspection import backlog_of, set_aside_of
from device_agent.state_files import PAGE_CONTROL_FILE
from device_agent.uplink.uplink import UplinkState
from wire.errors import GleanerError

WAIT_SECONDS = 4.0  # for a page that asks each second


def show_failed_start(settings: AgentSettings, error: Exception) -> None:
    """Show the reason on the pages of the interrupted session, if there is one; returns once one of them has it.

    What goes wrong here is not reported: the error itself is, by the caller.
    """
    with suppress(GleanerError, OSError):
        unfinished = unfinished_session(settings.state)
        if unfinished is None or settings.page_port == 0:
            return
        journal = unfinished[1]
        shown = _snapshot(settings, journal, error)
        page = PageServer(
            lambda: shown,
            lambda _event: None,
            lambda: None,
            settings.page_host,
            settings.page_port,
            key=session_key(journal.parent),
            control=Control(journal.parent / PAGE_CONTROL_FILE),
        )
        try:
            page.start()
            until = time.monotonic() + WAIT_SECONDS
            while not page.opened and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            page.stop()


def _snapshot(settings: AgentSettings, journal: Path, error: Exception) -> Snapshot:
    replayed, spool = replay(read_journal(journal)), settings.state / "spool"
    return snapshot_of(
        replayed,
        replayed.state.phase,
        None,
        UplinkState(),
        pending=backlog_of(spool).captures,
        set_aside=len(set_aside_of(spool)),
        failure=failure_of(error),
    )

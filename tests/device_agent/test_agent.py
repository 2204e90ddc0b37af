"""An agent that takes up what an earlier one left."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from device_agent.agent import Agent
from device_agent.events import TakeClosed, TimerFired
from device_agent.journal import Happened
from device_agent.models import Models
from device_agent.record_keeping import replay
from device_agent.settings import AgentSettings
from device_agent.spool.catalogue import Spool
from tests.device_agent.masked_agent import CREDENTIALS
from tests.device_agent.test_journal import AT, GREET, recording, written
from tests.device_agent.test_session import PLAN


def waiting(state: Path) -> Agent:
    settings = AgentSettings(state=state, script="greeting", camera="none", microphone="none", page_port=0)
    return Agent(settings, CREDENTIALS, PLAN, Models(), lambda _: None)


def test_a_kill_between_the_end_of_a_session_and_its_record_leaves_nothing_untold(tmp_path: Path) -> None:
    entries = [
        *recording(),
        Happened(TimerFired("recording", 2), 90, AT),
        Happened(TakeClosed(GREET, 100), 1_000_100, AT),
    ]
    written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", entries)
    earlier, last = replay(entries[:-1]).record, replay(entries).record
    assert earlier is not None and last is not None and (earlier.state, last.state) == ("running", "finished")
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    spool.put_session(earlier)
    spool.session_sent(earlier.session, earlier.revision)
    spool.close()
    agent = waiting(tmp_path)
    try:
        assert not agent.runner.resumed and agent.spool.sessions_to_send() == [last]
    finally:
        agent.stop()


def test_a_signal_is_heard_while_the_session_waits_for_a_person(tmp_path: Path) -> None:
    """One that another thread was given does not wake the session's, as one that comes just before its wait."""

    def tell() -> None:
        time.sleep(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    agent = waiting(tmp_path)
    other = threading.Thread(target=tell)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            agent.runner.run()
    finally:
        other.join()
        agent.stop()

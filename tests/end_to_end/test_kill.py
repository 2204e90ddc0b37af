"""kill -9 on either side at random moments: both come back, every closed take is there once, hashes are equal."""

from __future__ import annotations

import hashlib
import random
import subprocess
import time
from pathlib import Path

import pytest

from device_agent.session.journal import read as read_journal
from device_agent.session.record import Fold, replay
from tests.end_to_end.installation import Installation
from tests.support.trials import rounds
from tests.support.waiting import until

KILLS = rounds(3, 10)


def sessions(installation: Installation) -> list[Fold]:
    journals = [read_journal(path) for path in (installation.state / "sessions").glob("*/journal.jsonl")]
    return [replay(entries) for entries in journals if entries]  # an agent killed before its first line began none


def check_both_sides(installation: Installation) -> None:
    """What the journals say was recorded is what the collector has: each once, byte for byte."""
    takes = {row["id"]: row for row in installation.rows("SELECT id, state, step, attempt FROM take")}
    captures = {row["id"]: row for row in installation.rows("SELECT id, take_id, complete, state, sha256 FROM capture")}
    torn = closed = 0
    for session in sessions(installation):
        closed_steps = [take.step for take in session.takes if take.state == "closed"]
        assert len(closed_steps) == len(set(closed_steps)), "a step was counted twice"
        for take in session.takes:
            assert takes[take.take]["state"] == take.state
            if take.state == "torn":
                torn += 1
                later = [one for one in session.takes if one.step == take.step and one.attempt > take.attempt]
                assert later or session.state.phase != "finished", "a torn take's step was not run again"
                continue
            closed += 1
            for one in take.captures:
                row = captures[one.capture]
                assert row["complete"] == 1 and row["state"] == "opened"
                assert installation.original(one.capture) == row["sha256"]
    assert closed > 0
    doubled = installation.rows("SELECT take_id, type, count(*) AS n FROM task GROUP BY take_id, type HAVING n > 1")
    assert doubled == []
    for row in captures.values():
        if not row["complete"] and row["state"] == "opened":
            # A torn one is still what the device had: the bytes hash to what the collector opened.
            assert hashlib.sha256(installation.get(f"/api/captures/{row['id']}/original")).hexdigest() == row["sha256"]
    print(f"{closed} takes closed, {torn} torn")


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_agent_is_killed_at_random_moments(installation: Installation) -> None:
    moments = random.Random(20)
    killed = 0
    while killed < KILLS:
        installation.start_agent()
        assert installation.agent is not None
        try:
            installation.agent.wait(moments.uniform(0.8, 6.5))
        except subprocess.TimeoutExpired:
            installation.kill(installation.agent)
            killed += 1
    installation.start_agent()
    facts = installation.finish_agent()
    assert facts["lost"] == 0
    assert all(session.state.phase == "finished" for session in sessions(installation))
    check_both_sides(installation)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_collector_is_killed_at_random_moments(installation: Installation) -> None:
    moments = random.Random(21)
    installation.start_agent("kitchen-greeting")
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.2, 2.0))
        installation.kill(installation.collector)
        time.sleep(moments.uniform(0.0, 0.5))
        installation.start_collector()
    facts = installation.finish_agent()
    assert facts["lost"] == 0 and facts["takes"] == 6
    check_both_sides(installation)
    until(lambda: len(installation.rows("SELECT id FROM task")) == 6)


def test_the_collector_is_away_for_the_whole_session(installation: Installation) -> None:
    """The session runs without a network; what it recorded is delivered by the next run."""
    installation.kill(installation.collector)
    installation.start_agent(str(Path(__file__).parent / "short.yaml"), "--deliver-seconds", "1")
    facts = installation.finish_agent(code=1)
    assert (facts["takes"], facts["lost"]) == (5, 5)
    assert "wait in the spool" in " ".join(installation.log().split())
    installation.start_collector()
    installation.start_agent()
    assert installation.finish_agent()["lost"] == 0
    check_both_sides(installation)

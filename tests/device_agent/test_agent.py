"""An agent that takes up what an earlier one left."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from device_agent.agent import Agent
from device_agent.events import Start, Stop, TakeClosed, TakeFailed, TakeOpened, TimerFired
from device_agent.labelling.models import Models
from device_agent.session import resume
from device_agent.session.journal import Entry, Happened, Header, JournalDamaged, Ran
from device_agent.session.journal import read as read_journal
from device_agent.session.machine import take_id
from device_agent.session.record import Fold, replay
from device_agent.session.resume import unfinished_session
from device_agent.settings import AgentSettings
from device_agent.spool.inspection import set_aside_of
from device_agent.spool.spool import Spool
from tests.device_agent.masked_agent import CREDENTIALS
from tests.device_agent.spool.making import noise, spooled
from tests.support import local_http
from tests.support.journals import AT, GREET, PLAN, consented, recording, take, written
from wire.session import SessionRecord


def put(spool: Spool, replayed: Fold, *, sent: bool = False) -> None:
    """What the agent puts into the spool of a session, as it stands."""
    head, takes = replayed.head, [replayed.document_of(take) for take in replayed.ended_takes]
    assert head is not None
    for document in takes:
        spool.records.put_take(document)
    spool.records.put(head)
    if sent:
        deliver(spool)


def deliver(spool: Spool) -> None:
    """The collector has every record."""
    for record in spool.records.to_send():
        spool.records.sent(record.session, record.revision)
    for document in spool.records.takes_to_send():
        spool.records.take_sent(document)


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
    earlier, last = replay(entries[:-1]), replay(entries)
    assert earlier.head is not None and last.head is not None
    assert (earlier.head.state, last.head.state) == ("running", "finished") and earlier.ended_takes == []
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    put(spool, earlier, sent=True)
    spool.close()
    agent = waiting(tmp_path)
    try:
        assert not agent.runner.resumed and agent.spool.records.to_send() == [last.head]
        assert agent.spool.records.takes_to_send() == [last.document_of(GREET)]
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


def damage(path: Path) -> None:
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([rows[0], b"\x00" * 40 + b"\n", *rows[2:]]))


def test_damage_in_the_journal_of_a_session_that_is_over_never_stops_a_start(tmp_path: Path) -> None:
    entries = [
        *recording(),
        Happened(TimerFired("recording", 2), 90, AT),
        Happened(TakeClosed(GREET, 100), 1_000_100, AT),
    ]
    path = written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", entries)
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    put(spool, replay(entries))
    spool.close()
    damage(path)
    assert unfinished_session(tmp_path) is None
    waiting(tmp_path).stop()


def test_damage_in_the_journal_of_a_session_that_may_go_on_is_reported(tmp_path: Path) -> None:
    damage(written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", recording()))
    with pytest.raises(JournalDamaged, match="line 2"):
        unfinished_session(tmp_path)


def test_the_page_counts_what_lies_in_the_spool_right_now(tmp_path: Path) -> None:
    """The uplink never ran: what it knows is old."""
    agent = waiting(tmp_path)
    try:
        assert agent.snapshot().uploads_pending == 0
        for seed in range(3):
            spooled(agent.spool, noise(seed, 400))
        assert agent.snapshot().uploads_pending == 3
        capture = agent.spool.pending()[1].capture
        agent.spool.set_aside(capture, "the file has changed")
        assert agent.snapshot().uploads_pending == 2 and agent.snapshot().facts["set_aside"] == 1
        assert set_aside_of(tmp_path / "spool") == {capture: "the file has changed"}
    finally:
        agent.stop()


def test_a_session_that_nobody_consented_to_is_thrown_away(tmp_path: Path) -> None:
    path = written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", [recording()[0], Ran("boot-1", AT)])
    assert unfinished_session(tmp_path) is None
    agent = waiting(tmp_path)
    try:
        assert not path.exists() and agent.runner.replayed.header.session != "ses-1"
        new = tmp_path / "sessions" / agent.runner.replayed.header.session / "journal.jsonl"
        assert new.stat().st_mode & 0o777 == 0o600
    finally:
        agent.stop()


def test_a_changed_script_is_reported_when_a_consented_session_goes_on(tmp_path: Path) -> None:
    header = recording()[0]
    assert isinstance(header, Header)
    settings = AgentSettings(
        state=tmp_path,
        script="greeting",
        camera="none",
        microphone="none",
        page_port=0,
        pseudonym=header.participant,
        home=header.home,
    )
    here = header.model_copy(update={"device": CREDENTIALS.device})
    written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", [here, *recording()[1:4]])
    said: list[str] = []
    Agent(settings, CREDENTIALS, PLAN.model_copy(update={"title": "Corrected"}), Models(), said.append).stop()
    assert any("has changed" in line for line in said)


def test_the_browser_of_the_last_session_is_shut_out_of_the_next(tmp_path: Path) -> None:
    """Neither its address nor its cookie opens anything; after a restart in one session both still do."""
    first = waiting(tmp_path)
    with local_http.Client(headers={"X-Gleaner-Page": "1"}) as old:
        try:
            address = first.start()
            session, port = first.runner.replayed.header.session, first.page.port
            assert old.get(address).status_code == 303
            assert old.get(f"{first.page.address}api/snapshot").json()["session"] == session
        finally:
            first.stop()
        settings = AgentSettings(state=tmp_path, script="greeting", camera="none", microphone="none", page_port=port)
        second = Agent(settings, CREDENTIALS, PLAN, Models(), lambda _: None)
        try:
            begun = second.start()
            assert begun != address and second.runner.replayed.header.session != session
            for way in ("", "api/snapshot", "api/stream", "api/preview.jpg", "api/preview.mjpeg", "static/app.js"):
                assert old.get(f"{second.page.address}{way}").status_code == 401, way
            assert old.get(address).status_code == 401
            for event in ({"event": "consent", "granted": ["audio"]}, {"event": "stop"}):
                assert old.post(f"{second.page.address}api/events", json=event).status_code == 401
            assert old.post(f"{second.page.address}api/control").status_code == 401
            assert second.runner.replayed.consent is None
            assert list((tmp_path / "sessions").glob("*/page.key")) == [second.folder / "page.key"]
        finally:
            second.stop()


def ended(state: Path, session: str) -> Path:
    """The journal of a session that came to its end, as its agent left it."""
    header = recording()[0]
    assert isinstance(header, Header)
    own = header.model_copy(update={"session": session, "device": CREDENTIALS.device})
    name = take_id(session, "greet", 1)
    entries = [
        own,
        *consented()[1:],
        Happened(Start(), 2, AT),
        Happened(TimerFired("countdown", 1), 3, AT),
        take(name),
        Happened(TakeOpened(name, 5), 6, AT),
        Happened(TimerFired("recording", 2), 90, AT),
        Happened(TakeClosed(name, 100), 1_000_100, AT),
    ]
    return written(state / "sessions" / session / "journal.jsonl", entries)


def test_the_journal_of_a_session_goes_once_the_collector_has_all_of_it(tmp_path: Path) -> None:
    paths = {session: ended(tmp_path, session) for session in ("ses-1", "ses-2")}
    agent = waiting(tmp_path)
    try:
        assert {record.session for record in agent.spool.records.to_send()} == set(paths)
        spooled(agent.spool, noise(1, 400))  # of ses-1
        deliver(agent.spool)
    finally:
        agent.stop()
    assert all(path.exists() for path in paths.values())
    waiting(tmp_path).stop()
    assert paths["ses-1"].exists(), "a capture of it waits"
    assert not paths["ses-2"].parent.exists()
    assert not list((tmp_path / "spool" / "sessions").glob("ses-2*"))


def test_a_start_reads_no_journal_of_a_session_that_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is delivered, so none may be deleted."""
    paths = [ended(tmp_path, f"ses-{number}") for number in range(12)]
    waiting(tmp_path).stop()
    reads: list[Path] = []

    def read(path: Path) -> list[Entry]:
        reads.append(path)
        return read_journal(path)

    monkeypatch.setattr(resume, "read_journal", read)
    agent = waiting(tmp_path)
    agent.stop()
    assert unfinished_session(tmp_path) is None
    assert not set(reads) & set(paths)
    assert all(path.exists() for path in paths) and len(agent.spool.records.to_send()) == 12


def test_the_start_after_a_delivered_session_deletes_its_journal_and_sends_nothing_again(tmp_path: Path) -> None:
    path = ended(tmp_path, "ses-1")
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    put(spool, replay(read_journal(path)), sent=True)
    spool.close()
    agent = waiting(tmp_path)
    agent.stop()
    assert not path.parent.exists() and not list((tmp_path / "spool" / "sessions").iterdir())


def test_a_session_is_not_over_before_the_collector_has_every_take(tmp_path: Path) -> None:
    path = ended(tmp_path, "ses-1")
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    replayed = replay(read_journal(path))
    put(spool, replayed)
    for record in spool.records.to_send():
        spool.records.sent(record.session, record.revision)
    spool.close()
    for _ in range(2):
        agent = waiting(tmp_path)
        agent.stop()
        assert path.exists() and agent.spool.records.to_send() == []
        assert agent.spool.records.takes_to_send() == [replayed.document_of(take_id("ses-1", "greet", 1))]


def test_a_record_that_the_version_before_left_is_sent_whole_and_nothing_twice(tmp_path: Path) -> None:
    path = ended(tmp_path, "ses-1")
    whole = replay(read_journal(path)).record
    assert whole is not None
    before = SessionRecord.read({k: v for k, v in whole.to_json().items() if k not in ("schema", "take_count")})
    assert before.schema_number == 1 and before.is_whole
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    spool.records.put(before)
    spool.close()
    agent = waiting(tmp_path)
    try:
        assert agent.spool.records.to_send() == [before] and agent.spool.records.takes_to_send() == []
        plan = replay(read_journal(path)).header.plan
        assert agent.spool.plans.to_send() == {plan.ref.sha256: plan}, "which the version before did not send"
        agent.spool.records.sent("ses-1", before.revision)
        assert agent.spool.records.takes_to_send() == []
    finally:
        agent.stop()
    waiting(tmp_path).stop()
    assert not path.parent.exists() and not list((tmp_path / "spool" / "sessions").iterdir())


def test_a_session_that_goes_on_after_an_upgrade_sends_its_earlier_takes_too(tmp_path: Path) -> None:
    """The newest record has no takes in it and takes the place of the whole one, also where that was never sent."""
    entries = [
        *recording(), Happened(TimerFired("recording", 2), 90, AT), Happened(TakeFailed(GREET, "No."), 95, AT),
    ]  # fmt: skip
    entries[0] = entries[0].model_copy(update={"device": CREDENTIALS.device, "participant": "p-1", "home": "home-1"})  # type: ignore[union-attr]
    written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", entries)
    whole = replay(entries).record
    assert whole is not None and [take.state for take in whole.takes] == ["torn"]
    before = SessionRecord.read({k: v for k, v in whole.to_json().items() if k not in ("schema", "take_count")})
    spool = Spool(tmp_path / "spool", reserve_bytes=0)
    spool.records.put(before)
    spool.close()
    settings = AgentSettings(
        state=tmp_path, script="greeting", camera="none", microphone="none", page_port=0, pseudonym="p-1",
        home="home-1",
    )  # fmt: skip
    agent = Agent(settings, CREDENTIALS, PLAN, Models(), lambda _: None)
    try:
        assert agent.runner.resumed
        agent.runner.handle(Stop())
        (record,) = agent.spool.records.to_send()
        assert (record.take_count, record.takes, record.state) == (1, [], "stopped")
        agent.spool.records.sent("ses-1", record.revision)
        (document,) = agent.spool.records.takes_to_send()
        assert (document.take.take, document.take.state, document.number) == (GREET, "torn", 1)
    finally:
        agent.stop()

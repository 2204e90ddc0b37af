from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from device_agent.uplink.errors import CollectorBusy, CollectorProblem
from device_agent.uplink.waiting import FINAL_SECONDS, one_seconds, way_seconds
from hardware.ports import free_port
from scripts import load
from tests.device_agent.spool.making import header, noise, recorded, session_record, spooled, take_document
from tests.device_agent.uplink.conftest import Line, PeerProcess
from wire.canonical import document_hash, sha256_hex
from wire.capture import CaptureManifest


def is_there(peer: PeerProcess, manifest: CaptureManifest) -> None:
    """The peer holds exactly the capture's bytes, once."""
    state = peer.state()
    held = state["captures"][manifest.capture]
    assert held == {part.name: [part.sealed_bytes, part.sealed_sha256] for part in manifest.parts}
    assert state["manifests"][manifest.capture] == document_hash(manifest)


def test_a_closed_capture_goes_over_and_leaves_the_spool(line: Line) -> None:
    manifest = spooled(line.spool, noise(1, 300_000), labels=b'{"labels": []}')
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)
    assert line.spool.state_of(manifest.capture) == "confirmed"
    assert not (line.spool.layout.captures / manifest.capture).exists()
    line.wait_for(lambda: line.uplink.state.pending == 0)
    assert line.uplink.state.message is None and line.uplink.state.reachable is True


def test_media_goes_over_while_it_is_recorded(line: Line) -> None:
    data = noise(2, 900_000)
    line.uplink.start()
    capture = line.spool.open_capture(header())
    sink = capture.sink("media")
    for start in range(0, 600_000, 100_000):
        sink.write(data[start : start + 100_000])
    name = capture.header.capture
    line.wait_for(lambda: line.peer.state()["captures"].get(name, {}).get("media", [0])[0] == 600_000)
    assert line.peer.state()["manifests"] == {}
    sink.write(data[600_000:])
    sink.close()
    manifest = capture.finish(recorded(data))
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)


def test_all_bytes_sent_before_the_end_is_known(line: Line) -> None:
    """An empty PATCH brings the length."""
    data = noise(3, 50_000)
    line.uplink.start()
    capture = line.spool.open_capture(header())
    sink = capture.sink("media")
    sink.write(data)
    sink.close()
    name = capture.header.capture
    line.wait_for(lambda: line.peer.state()["captures"].get(name, {}).get("media", [0])[0] == 50_000)
    manifest = capture.finish(recorded(data))
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)


def test_an_empty_answer_goes_over(line: Line) -> None:
    capture = line.spool.open_capture(header("text"))
    capture.put("media", b"")
    manifest = capture.finish(recorded(b""))
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)


@pytest.mark.parametrize("offset", [0, 1, 7, 100, 4095, 4096, 65_536, 150_000, 299_999, 300_000])
def test_an_upload_cut_at_any_offset_is_whole_in_the_end(line: Line, offset: int) -> None:
    line.peer.faults([{"on": "PATCH", "kind": "cut", "n": offset}])
    manifest = spooled(line.spool, noise(4, 300_000))
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)
    assert line.peer.state()["faults"] == []


@pytest.mark.parametrize(
    "fault",
    [
        {"on": "PATCH", "kind": "status", "n": 460},
        {"on": "PATCH", "kind": "status", "n": 500},
        {"on": "PATCH", "kind": "status", "n": 423},
        {"on": "PATCH", "kind": "status", "n": 409},
        {"on": "PATCH", "kind": "status", "n": 404},
        {"on": "PATCH", "kind": "wrong-offset", "n": 7},
        {"on": "PATCH", "kind": "wrong-offset", "n": 10_000_000},
        {"on": "PATCH", "kind": "lost", "n": 0},
        {"on": "PATCH", "kind": "forget", "n": 0},
        {"on": "POST", "kind": "lost", "n": 0},
        {"on": "PUT", "kind": "lost", "n": 0},
        {"on": "PUT", "kind": "status", "n": 503},
        {"on": "GET", "kind": "lost", "n": 0},
        {"on": "GET", "kind": "forget", "n": 0},
        {"on": "GET", "kind": "status", "n": 500},
    ],
    ids=lambda fault: f"{fault['on']}-{fault['kind']}-{fault['n']}",
)
def test_each_fault_heals(line: Line, fault: dict[str, Any]) -> None:
    # The first POST is the heartbeat; the fault shall meet the creation.
    ahead = [{"on": "POST", "kind": "slow", "n": 0}] if fault["on"] == "POST" else []
    line.peer.faults([*ahead, fault])
    manifest = spooled(line.spool, noise(5, 200_000), labels=b"{}")
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)
    assert line.peer.state()["faults"] == []


def test_bytes_that_went_bad_at_the_collector_are_sent_again(line: Line) -> None:
    data = noise(6, 200_000)
    line.uplink.start()
    capture = line.spool.open_capture(header())
    sink = capture.sink("media")
    sink.write(data)
    name = capture.header.capture
    line.wait_for(lambda: line.peer.state()["captures"].get(name, {}).get("media", [0])[0] == 200_000)
    line.peer.http.post("/_peer/spoil", json={"capture": name, "part": "media"})
    sink.close()
    manifest = capture.finish(recorded(data))
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)


def test_the_session_record_goes_before_the_manifest_and_again_when_it_rises(line: Line) -> None:
    manifest = spooled(line.spool, noise(7, 1000))
    line.spool.records.put(session_record(revision=1))
    line.uplink.start()
    assert line.uplink.drain(60)
    journal = line.peer.state()["journal"]
    assert journal.index("session ses-1 1") < journal.index(f"manifest {manifest.capture}")
    line.spool.records.put(session_record(revision=2, state="finished"))
    assert line.uplink.drain(60)
    assert line.peer.state()["sessions"]["ses-1"]["revision"] == 2
    assert line.spool.records.to_send() == []


def test_a_collector_that_takes_no_plans_gets_everything_else(line: Line) -> None:
    line.spool.plans.put(load("kitchen-greeting"))
    line.spool.records.put(session_record(revision=1))
    line.uplink.start()
    manifest = spooled(line.spool, noise(9, 1000))
    assert line.uplink.drain(60)
    assert line.spool.state_of(manifest.capture) == "confirmed" and line.uplink.state.message is None
    assert line.spool.plans.to_send() == {}, "asked once, not every round"


def test_a_plan_that_a_collector_fails_at_holds_nothing_else_up(line: Line) -> None:
    line.peer.mode(plan=[500, "internal"])
    line.spool.plans.put(load("kitchen-greeting"))
    line.spool.records.put(session_record(revision=1))
    line.uplink.start()
    manifest = spooled(line.spool, noise(9, 1000))
    line.wait_for(lambda: line.spool.state_of(manifest.capture) == "confirmed")
    assert len(line.spool.plans.to_send()) == 1 and line.uplink.drain(60)
    line.peer.mode()
    line.wait_for(lambda: not line.spool.plans.to_send())


def test_takes_go_after_their_session_and_before_manifests(line: Line) -> None:
    manifest = spooled(line.spool, noise(7, 1000))
    line.spool.records.put_take(take_document("take-1", 2))
    line.spool.records.put_take(take_document("take-2", 3, number=2))
    line.spool.records.put(session_record(revision=1))
    line.uplink.start()
    assert line.uplink.drain(60)
    journal = line.peer.state()["journal"]
    order = ["session ses-1 1", "take take-1 2", "take take-2 3", f"manifest {manifest.capture}"]
    assert [row for row in journal if row in order] == order
    line.spool.records.put_take(take_document("take-1", 4, "torn"))
    assert line.uplink.drain(60)
    takes = line.peer.state()["takes"]
    assert (takes["take-1"]["take"]["state"], takes["take-2"]["revision"]) == ("torn", 3)


def test_a_refused_session_holds_its_takes_back_and_nothing_else(line: Line) -> None:
    line.peer.mode(session=[409, "session-conflict"])
    line.spool.records.put(session_record(revision=1))
    line.spool.records.put_take(take_document())
    line.uplink.start()
    line.wait_for(lambda: line.uplink.state.code == "collector-problem")
    manifest = spooled(line.spool, noise(8, 1000))
    line.wait_for(lambda: line.spool.state_of(manifest.capture) == "confirmed")
    assert line.peer.state()["takes"] == {} and len(line.spool.records.to_send()) == 1


def test_a_collector_that_has_lost_a_session_gets_all_of_it_again(line: Line) -> None:
    line.spool.records.put(session_record(revision=1))
    line.spool.records.put_take(take_document("take-1", 2))
    line.uplink.start()
    assert line.uplink.drain(60)
    line.peer.http.post("/_peer/lose", json={})
    line.spool.records.put_take(take_document("take-2", 3, number=2))
    assert line.uplink.drain(60)
    state = line.peer.state()
    assert state["sessions"]["ses-1"]["revision"] == 1 and set(state["takes"]) == {"take-1", "take-2"}


def test_a_small_capture_does_not_wait_behind_long_ones(tmp_path: Path, peer: PeerProcess) -> None:
    line = Line(tmp_path / "spool", peer, bandwidth=6_000_000)
    for seed in range(5):
        spooled(line.spool, noise(seed, 2_000_000), capture=f"long-{seed}")
    spooled(line.spool, noise(9, 5_000), capture="small")
    line.uplink.start()
    assert line.uplink.drain(60)
    order = [row.split()[1] for row in peer.state()["journal"] if row.startswith("manifest")]
    assert order[0] == "small"
    assert order[1] == "long-0"
    line.end()


def test_heartbeats_tell_state_and_backlog(line: Line) -> None:
    line.uplink.report_session("recording", "ses-1")
    line.uplink.start()
    line.wait_for(lambda: line.peer.state()["heartbeats"])
    line.uplink.report_session("finished", "ses-1")
    line.wait_for(lambda: line.peer.state()["heartbeats"][-1]["state"] == "finished")
    beat = line.peer.state()["heartbeats"][0]
    assert beat["device"] == "dev-1" and beat["session"] == "ses-1" and beat["backlog"]["captures"] == 0


def test_the_last_heartbeat_comes_behind_the_last_receipt(line: Line) -> None:
    spooled(line.spool, noise(1, 10_000))
    line.uplink.start()
    assert line.uplink.drain(60) and line.uplink.stop(30)
    assert [beat["backlog"]["captures"] for beat in line.peer.state()["heartbeats"]] == [1, 0]


def test_no_collector_is_a_state_and_heals_by_itself(tmp_path: Path) -> None:
    first = PeerProcess(free_port())
    line = Line(tmp_path / "spool", first)
    first.end()
    line.uplink.start()
    manifest = spooled(line.spool, noise(10, 10_000))
    line.wait_for(lambda: line.uplink.state.reachable is False)
    assert line.uplink.state.code == "collector-unreachable"
    assert line.uplink.state.message is not None and "does not answer" in line.uplink.state.message
    second = PeerProcess(first.port)
    assert line.uplink.drain(60)
    is_there(second, manifest)
    line.wait_for(lambda: line.uplink.state.message is None)
    line.end()
    second.end()


def test_a_revoked_token_says_join_again_and_keeps_everything(line: Line) -> None:
    line.peer.mode(refuse=401)
    manifest = spooled(line.spool, noise(11, 10_000))
    line.uplink.start()
    line.wait_for(lambda: line.uplink.state.code == "device-refused")
    assert "Join again" in (line.uplink.state.message or "")
    assert line.spool.state_of(manifest.capture) == "closed"


def test_one_capture_that_is_not_this_devices_stops_no_other(line: Line) -> None:
    """A device that joined anew still holds captures of its old name: they stay, and the rest goes on."""
    line.peer.mode(manifest=[403, "capture-mismatch"])
    manifest = spooled(line.spool, noise(20, 1000))
    line.uplink.start()
    line.wait_for(lambda: line.uplink.state.code == "collector-problem")
    assert line.uplink.state.reachable is True
    line.spool.records.put(session_record())
    line.wait_for(lambda: line.spool.records.to_send() == [])
    assert line.spool.state_of(manifest.capture) == "closed"


def test_a_conflict_sets_the_capture_aside_and_keeps_it(line: Line) -> None:
    line.peer.http.put("/api/captures/cap-x/manifest", content=b"another")
    other = spooled(line.spool, noise(13, 1000))
    data = noise(12, 10_000)
    spooled(line.spool, data, capture="cap-x")
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(line.peer, other)
    assert line.spool.state_of("cap-x") == "aside"
    assert (line.spool.layout.aside / "cap-x" / "media").read_bytes() == data
    assert any(state.code == "capture-conflict" for state in line.states)
    assert any("cap-x was set aside" in trouble for trouble in line.spool.problems)


def test_a_collector_too_old_keeps_the_capture_here_and_says_so(line: Line) -> None:
    line.peer.mode(manifest=[409, "schema-too-new"])
    manifest = spooled(line.spool, noise(14, 10_000))
    line.uplink.start()
    line.wait_for(lambda: line.uplink.state.message is not None)
    assert "schema 9" in (line.uplink.state.message or "")
    assert line.uplink.state.reachable is True
    assert line.spool.state_of(manifest.capture) == "closed"


class Turns:
    """Waiting that lasts until the test allows the next try; `seconds` has what was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._allowed, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._free = False

    def wait(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._waits.release()
        if not self._free:
            assert self._allowed.acquire(timeout=60)

    def until_it_waits(self) -> None:
        assert self._waits.acquire(timeout=60)

    def next_try(self) -> None:
        self._allowed.release()

    def end(self) -> None:
        self._free = True
        self._allowed.release()


@pytest.mark.parametrize("methods", [["PUT"], ["PATCH"], ["POST"], ["GET"]], ids=lambda methods: methods[0])
@pytest.mark.parametrize("says", [[503, "read-only", 30], [429, "too-many-requests", 7]], ids=lambda says: says[1])
def test_a_collector_that_asks_for_patience_gets_one_request_each_time(
    tmp_path: Path, peer: PeerProcess, caplog: pytest.LogCaptureFixture, methods: list[str], says: list[Any]
) -> None:
    """PUT: records; PATCH: uploads; POST: heartbeats; GET: receipts. A heartbeat that is answered changes nothing."""
    peer.mode(busy={"on": methods, "says": says})
    turns = Turns()
    line = Line(tmp_path / "spool", peer, wait=turns.wait, chance=lambda: 0.5, heartbeat_seconds=0.0)
    line.spool.records.put(session_record(revision=1))
    line.spool.records.put_take(take_document("take-1", 2))
    line.spool.records.put_take(take_document("take-2", 3, number=2))
    manifest = spooled(line.spool, noise(10, 1000))
    with caplog.at_level("WARNING"):
        line.uplink.start()
        for attempt in range(1, 5):
            turns.until_it_waits()
            assert peer.state()["journal"].count(f"busy {methods[0]}") == attempt
            if attempt < 4:
                turns.next_try()
    assert turns.seconds == [says[2] + 0.125, says[2] + 0.25, says[2] + 0.5, says[2] + 1.0]
    assert {state.message for state in line.states if state.message} == {"It moves. Do otherwise."}
    messages = [state.message for state in line.states]
    assert all(said == "It moves. Do otherwise." for said in messages[messages.index("It moves. Do otherwise.") :])
    assert line.uplink.state.code == "collector-busy" and line.uplink.state.reachable is True
    assert caplog.messages == []
    peer.mode()
    turns.end()
    line.wait_for(lambda: line.spool.state_of(manifest.capture) == "confirmed" and line.uplink.state.message is None)
    line.end()


def test_a_record_that_fails_again_and_again_waits_longer_and_is_said_once(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    line.peer.mode(session=[500, "internal"])
    line.spool.records.put(session_record(revision=1))
    with caplog.at_level("WARNING"):
        line.uplink.start()
        line.wait_for(lambda: line.peer.state()["journal"].count("refused session") >= 5)
    assert len([said for said in caplog.messages if said.startswith("record ses-1")]) == 1
    line.peer.mode()
    assert line.uplink.drain(60)


def test_how_long_what_failed_waits() -> None:
    def failed(seconds: float, transient: bool = True) -> CollectorProblem:
        return CollectorProblem(
            "No.", hint=None, problem_code="x", answer=500, transient=transient, retry_after=seconds
        )

    assert [one_seconds(failed(0), failures, 0.5) for failures in (1, 2, 3, 30)] == [0.05, 0.1, 0.2, 7.5]
    assert one_seconds(failed(20), 1, 0.5) == 20.05
    assert one_seconds(failed(0, transient=False), 1, 0.5) == FINAL_SECONDS
    week = CollectorBusy("No.", hint=None, problem_code="x", retry_after=604_800)
    assert way_seconds(week, 1, 0.0) == FINAL_SECONDS, "no server keeps a device silent for a week"


def test_a_forged_receipt_deletes_nothing(line: Line) -> None:
    line.peer.mode(forge=True)
    manifest = spooled(line.spool, noise(15, 10_000))
    line.uplink.start()
    line.wait_for(lambda: line.uplink.state.code == "receipt-forged")
    assert line.spool.state_of(manifest.capture) == "closed"
    assert (line.spool.layout.captures / manifest.capture / "media").stat().st_size == 10_000


def test_a_withdrawn_capture_is_set_aside(line: Line) -> None:
    line.peer.mode(withdrawn=True)
    manifest = spooled(line.spool, noise(16, 100))
    line.uplink.start()
    assert line.uplink.drain(60)
    assert line.spool.state_of(manifest.capture) == "aside"


def test_a_late_receipt_is_waited_for(line: Line) -> None:
    line.peer.mode(pending=6)
    manifest = spooled(line.spool, noise(17, 100))
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(line.peer, manifest)


def test_a_torn_capture_goes_over_as_torn(tmp_path: Path, peer: PeerProcess) -> None:
    first = Spool(tmp_path / "spool", reserve_bytes=0)
    capture = first.open_capture(header())
    sink = capture.sink("media")
    sink.write(noise(18, 70_000))
    sink.close()
    first.close()
    line = Line(tmp_path / "spool", peer)
    [torn] = recover(line.spool)
    assert torn.bytes == 70_000
    line.uplink.start()
    assert line.uplink.drain(60)
    assert peer.state()["captures"][torn.capture]["media"] == [70_000, sha256_hex(noise(18, 70_000))]
    assert line.spool.state_of(torn.capture) == "confirmed"
    line.end()


def test_a_new_uplink_goes_on_where_the_old_one_was(tmp_path: Path, peer: PeerProcess) -> None:
    slow = Line(tmp_path / "spool", peer, bandwidth=50_000)
    manifest = spooled(slow.spool, noise(19, 400_000))
    slow.uplink.start()
    slow.wait_for(lambda: peer.state()["captures"].get(manifest.capture, {}).get("media", [0])[0] > 100_000)
    slow.end()  # six seconds before the rest would be there
    before = peer.state()["captures"][manifest.capture]["media"][0]
    line = Line(tmp_path / "spool", peer)
    line.uplink.start()
    assert line.uplink.drain(60)
    is_there(peer, manifest)
    sent = sum(int(row.split()[-1]) for row in peer.state()["journal"] if row.startswith("chunk"))
    assert sent == 400_000 and before < 400_000
    line.end()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:500] + bytes([data[500] ^ 4]) + data[501:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def remove_all(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("damage", [cut, empty, flip, Path.unlink, replace_by_folder, remove_all])
def test_a_damaged_capture_is_set_aside_and_the_others_go(line: Line, damage: Callable[[Path], None]) -> None:
    before, bad, after = (spooled(line.spool, noise(30 + index, 700_000)) for index in range(3))
    damage(line.spool.layout.captures / bad.capture / "media")
    line.uplink.start()
    line.wait_for(lambda: line.spool.state_of(bad.capture) == "aside")
    assert line.uplink.drain(60)
    is_there(line.peer, before)
    is_there(line.peer, after)
    assert any(state.code == "part-damaged" for state in line.states)
    line.wait_for(lambda: bad.capture in (line.uplink.state.message or ""))


def test_the_other_parts_of_a_capture_are_checked_too(line: Line) -> None:
    bad = spooled(line.spool, noise(41, 2000), labels=b'{"labels": []}')
    (line.spool.layout.captures / bad.capture / "labels+vad").unlink()
    line.uplink.start()
    line.wait_for(lambda: line.spool.state_of(bad.capture) == "aside")
    assert line.uplink.drain(60)

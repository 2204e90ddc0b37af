"""A take's newest document waits until the collector has it, through restarts, and goes with its session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from device_agent.spool.export import export
from device_agent.spool.inspection import mark_unsent, waiting_of
from device_agent.spool.spool import Spool
from scripts import load
from tests.device_agent.spool.making import noise, session_record, spooled, take_document
from wire.script import Plan
from wire.session import SessionRecord


@contextmanager
def opened(root: Path) -> Iterator[Spool]:
    spool = Spool(root, reserve_bytes=0)
    try:
        yield spool
    finally:
        spool.close()


def revisions(spool: Spool) -> list[tuple[str, int]]:
    return [(one.take.take, one.revision) for one in spool.records.takes_to_send()]


def head(revision: int = 1, state: str = "running") -> SessionRecord:
    return SessionRecord.read(session_record(revision=revision, state=state).to_json() | {"schema": 3, "take_count": 2})


def put_session(spool: Spool, revision: int = 1, state: str = "running") -> None:
    spool.records.put(head(revision, state))
    spool.records.sent("ses-1", revision)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root / "sessions")) for path in (root / "sessions").rglob("*.*"))


def test_the_newest_document_waits_until_it_is_sent(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        put_session(spool)
        for revision, state in ((2, "closed"), (4, "torn"), (3, "closed")):
            spool.records.put_take(take_document(revision=revision, state=state))
        spool.records.put_take(take_document("take-2", 5, number=2))
        assert revisions(spool) == [("take-1", 4), ("take-2", 5)]
        spool.records.take_sent(take_document(revision=2))
        assert revisions(spool) == [("take-1", 4), ("take-2", 5)], "an older one was sent"
    with opened(tmp_path) as spool:
        assert revisions(spool) == [("take-1", 4), ("take-2", 5)]
        spool.records.take_sent(take_document(revision=4, state="torn"))
        assert revisions(spool) == [("take-2", 5)]
    with opened(tmp_path) as spool:
        assert revisions(spool) == [("take-2", 5)]


def test_what_says_nothing_new_is_not_written(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        put_session(spool)
        spool.records.put_take(take_document(revision=2))
        spool.records.take_sent(take_document(revision=2))
        spool.records.put_take(take_document(revision=9))
        assert revisions(spool) == []
        spool.records.put_take(take_document(revision=10, state="torn"))
        assert revisions(spool) == [("take-1", 10)]
        spool.records.take_sent(take_document(revision=10, state="torn"))
    assert files(tmp_path) == ["ses-1.json", "ses-1.sent", "ses-1.takes", "ses-1.takes/take-1.sent"]


def test_takes_wait_for_their_session(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.records.put(head())
        spool.records.put_take(take_document())
        assert revisions(spool) == []
        spool.records.sent("ses-1", 1)
        assert revisions(spool) == [("take-1", 2)]


def test_a_session_leaves_when_its_record_and_all_takes_are_sent(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        put_session(spool)
        spool.records.put_take(take_document(revision=2))
        spool.records.put_take(take_document("take-2", 3, number=2))
        put_session(spool, 4, "finished")
        spool.records.take_sent(take_document(revision=2))
        assert not spool.records.is_delivered("ses-1")
    with opened(tmp_path) as spool:
        assert revisions(spool) == [("take-2", 3)]
        spool.records.take_sent(take_document("take-2", 3, number=2))
        assert spool.records.is_delivered("ses-1")
    with opened(tmp_path) as spool:
        assert spool.records.is_delivered("ses-1") and files(tmp_path) == []
        spool.records.put_take(take_document(revision=4, state="torn"))
        spool.records.put(head(5, "finished"))
        assert files(tmp_path) == [], "what the journal still says was delivered"


@pytest.mark.parametrize("left", [["ses-1.takes/take-1.sent"], ["ses-1.takes/take-1.sent", "ses-1.sent"]])
def test_a_kill_while_a_session_is_deleted_is_finished(tmp_path: Path, left: list[str]) -> None:
    with opened(tmp_path) as spool:
        put_session(spool, 4, "finished")
        spool.records.put_take(take_document())
        spool.records.take_sent(take_document())
    for name in files(tmp_path):
        path = tmp_path / "sessions" / name
        if name not in left and path.is_file():
            path.unlink()
    with opened(tmp_path) as spool:
        assert spool.problems == [] and spool.records.is_delivered("ses-1")
        assert not (tmp_path / "sessions" / "ses-1.takes").exists()


def test_a_kill_between_the_document_and_the_end_of_the_older_one(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        put_session(spool)
        spool.records.put_take(take_document(revision=2))
        spool.records.take_sent(take_document(revision=2))
        spool.records.put_take(take_document(revision=3, state="torn"))
    assert {"ses-1.takes/take-1.json", "ses-1.takes/take-1.sent"} <= set(files(tmp_path))
    with opened(tmp_path) as spool:
        assert revisions(spool) == [("take-1", 3)]


def test_a_damaged_document_is_reported_and_hinders_no_other(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        put_session(spool)
        spool.records.put_take(take_document(revision=2))
        spool.records.put_take(take_document("take-2", 3, number=2))
    (tmp_path / "sessions" / "ses-1.takes" / "take-1.json").write_bytes(b"\0\0")
    with opened(tmp_path) as spool:
        assert revisions(spool) == [("take-2", 3)]
        assert len(spool.problems) == 1 and "take-1.json" in spool.problems[0]
        spool.records.put_take(take_document(revision=4))
        assert revisions(spool) == [("take-2", 3), ("take-1", 4)], "the journal has it: the next start mends it"


def test_a_damaged_document_is_written_anew_before_its_session_goes(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.records.put_take(take_document(revision=2))
        put_session(spool, 4, "finished")
    (tmp_path / "sessions" / "ses-1.takes" / "take-1.json").write_bytes(b"{")
    with opened(tmp_path) as spool:
        assert not spool.records.is_delivered("ses-1")
        spool.records.put_take(take_document(revision=4))  # from the journal
        (document,) = spool.records.takes_to_send()
        spool.records.take_sent(document)
        assert spool.records.is_delivered("ses-1")


def test_another_collector_gets_every_take(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        put_session(spool)
        for revision, state in ((2, "closed"), (3, "torn")):
            spool.records.put_take(take_document(revision=revision, state=state))
            spool.records.take_sent(take_document(revision=revision, state=state))
        spool.records.put_take(take_document("take-2", 4, number=2))
    mark_unsent(tmp_path, ["ses-1"])
    with opened(tmp_path) as spool:
        assert [record.revision for record in spool.records.to_send()] == [1]
        spool.records.sent("ses-1", 1)
        assert revisions(spool) == [("take-1", 3), ("take-2", 4)]


def test_a_copy_to_carry_has_every_take_waiting(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    with opened(root) as spool:
        spooled(spool, noise(1, 400))
        put_session(spool)
        spool.plans.put(plan := load("kitchen-greeting"))
        spool.records.put_take(take_document(revision=2))
        spool.records.take_sent(take_document(revision=2))
        spool.records.put_take(take_document(revision=3, state="torn"))
        spool.records.put_take(take_document("take-2", 4, number=2))
        spool.records.take_sent(take_document("take-2", 4, number=2))
    export(root, tmp_path / "copy", waiting_of(root))
    sums = (tmp_path / "copy" / "SHA256SUMS").read_text().splitlines()
    named = {line.split("  ")[1]: line.split("  ")[0] for line in sums}
    takes = tmp_path / "copy" / "spool" / "sessions" / "ses-1.takes"
    assert {f"spool/sessions/ses-1.takes/{path.name}" for path in takes.iterdir()} <= set(named)
    assert Plan.read((tmp_path / "copy" / "spool" / "plans" / f"{plan.ref.sha256}.json").read_bytes()) == plan
    assert f"spool/plans/{plan.ref.sha256}.json" in named
    for name, digest in named.items():
        assert sha256((tmp_path / "copy" / name).read_bytes()).hexdigest() == digest, name
    with opened(tmp_path / "copy" / "spool") as spool:
        spool.records.sent("ses-1", 1)
        assert revisions(spool) == [("take-1", 3), ("take-2", 4)]


def test_a_whole_record_of_the_version_before_stays_and_holds_its_takes(tmp_path: Path) -> None:
    whole = SessionRecord.read(
        session_record(revision=5, state="finished").to_json() | {"takes": [take_document().take.to_json()]}
    )
    with opened(tmp_path) as spool:
        spool.records.put(whole)
        spool.records.put_take(take_document(revision=5))
        spool.records.put(SessionRecord.read(whole.to_json() | {"schema": 3, "takes": [], "take_count": 1}))
        assert spool.records.to_send() == [whole]
        spool.records.sent("ses-1", 5)
        assert revisions(spool) == [] and spool.records.is_delivered("ses-1")
        spool.records.put_take(take_document("take-2", 6, number=2))
        assert revisions(spool) == [("take-2", 6)]

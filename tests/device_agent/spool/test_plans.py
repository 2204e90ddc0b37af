"""The plans that a spool holds for the collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.spool.spool import Spool
from scripts import load
from tests.device_agent.spool.making import session_record
from wire.canonical import document_hash
from wire.script import Plan


@pytest.fixture
def plan() -> Plan:
    return load("kitchen-greeting")


def spool_of(folder: Path, *, naming: Plan | None = None) -> Spool:
    made = Spool(folder, reserve_bytes=0)
    if naming is not None:
        made.records.put(session_record().model_copy(update={"script": naming.ref}))
    return made


def test_a_plan_waits_also_over_a_restart_until_it_was_sent(tmp_path: Path, plan: Plan) -> None:
    spool = spool_of(tmp_path, naming=plan)
    spool.plans.put(plan)
    spool.plans.put(plan)
    assert spool.plans.to_send() == {document_hash(plan): plan}
    spool.close()
    spool = spool_of(tmp_path)
    assert spool.plans.to_send() == {document_hash(plan): plan}
    spool.plans.sent(document_hash(plan))
    spool.plans.put(plan)
    assert spool.plans.to_send() == {}
    spool.close()


def test_what_no_session_names_any_more_is_deleted(tmp_path: Path, plan: Plan) -> None:
    other = plan.model_copy(update={"title": "Another title"})
    spool = spool_of(tmp_path, naming=plan)
    spool.plans.put(plan)
    spool.plans.put(other)
    spool.close()
    spool = spool_of(tmp_path)
    assert set(spool.plans.to_send()) == {document_hash(plan)}
    assert [path.stem for path in spool.layout.plans.iterdir()] == [document_hash(plan)]
    spool.close()


def test_a_damaged_plan_is_kept_and_told(tmp_path: Path, plan: Plan) -> None:
    spool = spool_of(tmp_path, naming=plan)
    spool.plans.put(plan)
    path = spool.layout.plans / f"{document_hash(plan)}.json"
    spool.close()
    path.write_bytes(path.read_bytes()[:50])
    spool = spool_of(tmp_path)
    assert spool.plans.to_send() == {} and path.exists()
    assert any(f"plans/{path.name} in the spool cannot be read" in sentence for sentence in spool.problems)
    spool.close()

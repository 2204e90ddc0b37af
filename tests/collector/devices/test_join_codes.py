"""Join codes, device tokens, heartbeats."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from collector.devices.join_codes import (
    ALPHABET,
    TRIES_A_MINUTE,
    JoinCodeExpired,
    JoinCodeUsed,
    JoinCodeWrong,
    TooManyTries,
    count_attempt,
    join,
    new_join_code,
)
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.sql import Connection, text
from tests.collector.running import Collector, DeviceClient
from tests.support import local_http
from tests.support.databases import new_database, on_both
from wire.device import DeviceInfo

INFO = DeviceInfo(name="kitchen", model="pi 5", agent_version="0.1.0")


def ask(collector: Collector, code: str, **more: object) -> httpx.Response:
    body = {"schema": 1, "code": code, "device": INFO.to_json(), **more}
    return local_http.post(f"{collector.url}/api/devices/join", json=body)


def test_a_device_joins_once_with_a_code(fresh: Collector) -> None:
    printed = fresh.run("join-code", "--json")
    made = json.loads(printed.stdout)
    assert re.fullmatch(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", made["code"])
    assert made["url"] == fresh.url
    reply = ask(fresh, made["code"])
    assert reply.status_code == 201
    assert set(reply.json()) == {"schema", "device", "token", "collector", "verify_key"}
    assert ask(fresh, made["code"]).json()["code"] == "join-code-used"
    assert ask(fresh, "AAAA-AAAA").json()["code"] == "join-code-wrong"
    assert ask(fresh, "too short").json()["code"] == "document-invalid"
    assert ask(fresh, "AAAA-AAAA", schema=3).json()["code"] == "schema-too-new"


def test_a_refusal_of_an_expired_code_is_the_latest_time_seen(fresh: Collector) -> None:
    code = json.loads(fresh.run("join-code", "--json").stdout)["code"]

    def seen() -> str:
        (row,) = fresh.rows("SELECT value FROM service_state WHERE name = 'time_seen'")
        return str(json.loads(row.value)["steady"])

    fresh.change("UPDATE join_code SET expires_at = :past", past=now_text(-1))
    before = now_text()
    assert seen() < before
    assert ask(fresh, code).json()["code"] == "join-code-expired"
    assert seen() >= before


def test_ten_tries_a_minute(fresh: Collector) -> None:
    codes = [ask(fresh, "AAAA-AAAA").json()["code"] for _ in range(11)]
    assert codes == ["join-code-wrong"] * 10 + ["too-many-tries"]
    assert int(ask(fresh, "AAAA-AAAA").headers["Retry-After"]) > 0


@on_both
def test_tries_are_counted_by_address_for_all_processes_and_forgotten_after_a_minute(db: Database) -> None:
    def attempt(address: str) -> None:
        db.write_sync(lambda conn: count_attempt(conn, address))

    def shift(seconds: float) -> None:
        """The attempts so far were made that much earlier."""
        statement = text("UPDATE join_attempt SET at = :at")
        db.write_sync(lambda conn: conn.execute(statement, {"at": now_text(-seconds)}).rowcount)

    for _ in range(TRIES_A_MINUTE):
        attempt("a")
    attempt("b")
    with pytest.raises(TooManyTries) as caught:
        attempt("a")
    assert 50 <= caught.value.facts["retry_after"] <= 60
    shift(61)
    attempt("a")
    assert db.read_sync(lambda conn: conn.execute("SELECT count(*) FROM join_attempt").scalar_one()) == 1
    shift(-3600)  # the clock was set back by an hour: nobody waits for so long
    for _ in range(TRIES_A_MINUTE):
        attempt("a")


def test_codes_are_used_once_and_expire(tmp_path: Path) -> None:
    db = new_database(tmp_path)

    def plan(conn: Connection) -> None:
        code = new_join_code(conn)["code"]
        with pytest.raises(JoinCodeWrong):
            join(conn, "AAAA-AAAA", INFO)
        device, token = join(conn, code.replace("-", "").lower(), INFO)
        with pytest.raises(JoinCodeUsed):
            join(conn, code, INFO)
        late = new_join_code(conn)["code"]
        conn.execute(text("UPDATE join_code SET expires_at = :past WHERE used_at IS NULL"), {"past": now_text(-1)})
        with pytest.raises(JoinCodeExpired):
            join(conn, late, INFO)
        row = conn.execute(text("SELECT name, token_hash FROM device WHERE id = :id"), {"id": device}).one()
        assert row.name == "kitchen" and token not in row.token_hash

    db.write_sync(plan)
    db.close()


def test_heartbeats_are_kept_and_only_of_oneself(device: DeviceClient) -> None:
    beat = {
        "schema": 1, "device": device.id, "at": "2026-11-23T12:00:00Z", "agent_version": "0", "state": "ready",
        "backlog": {"captures": 1, "bytes": 2, "free_bytes": 3},
    }  # fmt: skip
    assert device.call("POST", "/api/devices/heartbeat", json=beat).status_code == 204
    assert device.call("POST", "/api/devices/heartbeat", json=beat | {"device": "dev-other"}).status_code == 403
    too_new = device.call("POST", "/api/devices/heartbeat", json=beat | {"schema": 2, "new": 1})
    assert (too_new.status_code, too_new.json()["code"]) == (409, "schema-too-new")


def test_a_persons_token_is_no_devices_and_the_other_way_round(collector: Collector, device: DeviceClient) -> None:
    person = collector.person("hugo", "lead")
    assert person.post("/api/devices/heartbeat", json={}).status_code == 401
    assert device.call("GET", "/api/sessions").status_code == 401

"""Join codes, device tokens, heartbeats."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from nacl.pwhash import argon2id

from collector.devices.join_codes import (
    ALPHABET,
    MAX_TRIES,
    TRIES_A_MINUTE,
    JoinCodeExpired,
    JoinCodeUsed,
    JoinCodeWrong,
    TooManyCodes,
    TooManyTries,
    count_attempt,
    find_code,
    join,
    new_join_code,
)
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.sql import Connection, text
from tests.collector.running import Collector, DeviceClient
from tests.support import local_http
from tests.support.databases import on_both
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


def use(conn: Connection, code: str) -> tuple[str, str]:
    stored = find_code(conn, code)
    stored.check(code)
    return join(conn, stored, INFO)


def wrong(code: str) -> str:
    """Another code with the same handle."""
    return code[:-1] + ("A" if code[-1] != "A" else "B")


@on_both
def test_codes_are_used_once_and_expire(db: Database) -> None:
    def plan(conn: Connection) -> None:
        code = new_join_code(conn)["code"]
        with pytest.raises(JoinCodeWrong):
            use(conn, wrong(code))
        device, token = use(conn, code.replace("-", "").lower())
        with pytest.raises(JoinCodeUsed):
            use(conn, code)
        late = new_join_code(conn)["code"]
        conn.execute(text("UPDATE join_code SET expires_at = :past WHERE used_at IS NULL"), {"past": now_text(-1)})
        with pytest.raises(JoinCodeExpired):
            use(conn, late)
        row = conn.execute(text("SELECT name, token_hash FROM device WHERE id = :id"), {"id": device}).one()
        assert row.name == "kitchen" and token not in row.token_hash

    db.write_sync(plan)


@on_both
def test_of_a_code_its_handle_and_a_salted_slow_hash_are_stored(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = []
    slow = argon2id.kdf

    def counted(*given: Any) -> bytes:
        evaluated.append(given[1:])
        return slow(*given)

    monkeypatch.setattr("collector.devices.join_codes.argon2id.kdf", counted)
    code = db.write_sync(new_join_code)["code"].replace("-", "")
    (row,) = db.read_sync(lambda conn: list(conn.execute("SELECT * FROM join_code")))
    assert row.handle == code[:2] and code[2:] not in str(row)
    assert bytes.fromhex(row.code_hash) == slow(32, code.encode(), bytes.fromhex(row.salt), 2, 19 * 2**20)
    assert evaluated == [(code.encode(), bytes.fromhex(row.salt), 2, 19 * 2**20)]
    evaluated.clear()
    for handle in {"AA", "BB", "CC"} - {code[:2]}:  # nothing is evaluated for what cannot be right
        with pytest.raises(JoinCodeWrong):
            db.write_sync(lambda conn, handle=handle: find_code(conn, f"{handle}AA-AAAA"))
    assert evaluated == []
    for _ in range(MAX_TRIES):
        stored = db.write_sync(lambda conn: find_code(conn, wrong(code)))
        with pytest.raises(JoinCodeWrong, match="not one of"):
            stored.check(wrong(code))
    with pytest.raises(JoinCodeWrong, match="Too many wrong letters"):
        db.write_sync(lambda conn: find_code(conn, code))
    assert len(evaluated) == MAX_TRIES


@on_both
def test_a_handle_is_of_one_code_at_a_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.devices.join_codes._HANDLES", frozenset({"AA", "BB"}))
    first, second = (db.write_sync(new_join_code)["code"] for _ in range(2))
    assert {first[:2], second[:2]} == {"AA", "BB"}
    with pytest.raises(TooManyCodes):
        db.write_sync(new_join_code)
    db.write_sync(lambda conn: use(conn, first))
    third = db.write_sync(new_join_code)["code"]
    assert third[:2] == first[:2] and third != first
    with pytest.raises(JoinCodeWrong):
        db.write_sync(lambda conn: use(conn, first))
    db.write_sync(lambda conn: use(conn, third))


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

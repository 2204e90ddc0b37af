"""Requests per person and device: how many, and who is not held up by whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.people import rates
from collector.people.accounts import add_user, new_token
from collector.people.rates import Rate, RequestRates, TooManyRequests
from collector.services import services_of, set_services
from collector.settings import Settings


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refused(buckets: RequestRates, role: str, who: str) -> int | None:
    try:
        buckets.take_one(role, who)
    except TooManyRequests as error:
        wait: int = error.facts["retry_after"]
        return wait
    return None


def test_a_burst_then_so_many_per_second() -> None:
    clock = Clock()
    buckets = RequestRates({"lead": Rate(2, 5), "device": Rate(0.25, 1)}, clock)
    assert [refused(buckets, "lead", "ann") for _ in range(7)] == [None] * 5 + [1, 1]
    assert refused(buckets, "lead", "bob") is None  # nobody else waits
    clock.now += 1
    assert [refused(buckets, "lead", "ann") for _ in range(3)] == [None, None, 1]
    clock.now += 3600
    assert [refused(buckets, "lead", "ann") for _ in range(6)] == [None] * 5 + [1]
    assert [refused(buckets, "device", "dev") for _ in range(2)] == [None, 4]
    clock.now += 4
    assert refused(buckets, "device", "dev") is None


def test_buckets_of_the_idle_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_BUCKETS", 3)
    clock = Clock()
    buckets = RequestRates({"lead": Rate(1, 2)}, clock)
    for name in "abc":
        buckets.take_one("lead", name)
    clock.now += 60
    buckets.take_one("lead", "d")
    assert len(buckets._buckets) == 1


def test_every_role_has_a_rate_and_the_answer_says_when(tmp_path: pytest.TempPathFactory) -> None:
    app = create_app(Settings(data=tmp_path))
    with TestClient(app, base_url="http://localhost") as client:
        for name, role in (("ann", "annotator"), ("lea", "lead")):
            services = services_of(app)
            services.db.write_sync(lambda conn, name=name, role=role: add_user(conn, name, role))
            token = services.db.write_sync(lambda conn, name=name: new_token(conn, name))
            headers = {"Authorization": f"Bearer {token}"}
            parts = {**services.parts, RequestRates: RequestRates({role: Rate(0.1, 2)})}
            set_services(app, replace(services, parts=parts))
            answers = [client.get("/api/me", headers=headers) for _ in range(3)]
            assert [reply.status_code for reply in answers] == [200, 200, 429]
            assert answers[2].json()["code"] == "too-many-requests"
            assert 1 <= int(answers[2].headers["retry-after"]) <= 10

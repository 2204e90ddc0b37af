"""Two full collectors on one PostgreSQL database and one S3 server, behind a proxy that hops between them.

Devices upload, people submit and exports are made while one of the two is killed again and again, while the database's
server is started again, and while the S3 server fails every tenth request: nothing is lost, and nothing is done twice.

    GLEANER_KILLS=100 python -m pytest tests/collector/test_several_processes.py    # and a fifth as many restarts
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tusclient.client import TusClient

from collector.ingest.housekeeping import AGAIN_SECONDS
from tests.collector.review.whole_line import submission
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, SampleTake, sample
from tests.collector.sending import announce, resume, settle
from tests.support import local_http, postgres
from tests.support.databases import with_address
from tests.support.hopping_proxy import HoppingProxy, hopping
from tests.support.s3 import S3Server
from tests.support.s3_faults import failing
from tests.support.trials import SOAK, rounds
from tests.support.waiting import until
from wire.base import new_id
from wire.device import Receipt

CHUNK_BYTES = 40_000
RETRY_SECONDS = 0.05
KILLS = int(os.environ.get("GLEANER_KILLS") or rounds(2, 10))
RESTARTS = min(KILLS, max(2, KILLS // 5))
TRIAL_SECONDS = 600 + 60 * KILLS
MODES = ("immediate", "fast")
TROUBLES = ("kills", "restarts", "kills and restarts") if SOAK or KILLS > 10 else ("kills and restarts",)


class Pair:
    """Two collectors behind one address."""

    def __init__(self, folder: Path, moto: S3Server, endpoint: str, proxy: HoppingProxy) -> None:
        self.folder, self.proxy, self.url = folder, proxy, proxy.url
        self._moto, self._bucket = moto, moto.new_bucket()
        place = f"s3://{self._bucket}/gleaner"
        common = {
            "BLOBS": place, "STAGING": place, "S3_ENDPOINT": endpoint, "MASTER_KEY": str(folder / "master.key"),
            "PUBLIC_URL": proxy.url, "TRUSTED_PROXIES": "127.0.0.1",
        }  # fmt: skip
        environment = {f"GLEANER_COLLECTOR_{name}": value for name, value in common.items()}
        self.collectors = [Collector(folder / name, **environment) for name in ("a", "b")]

    def start(self) -> None:
        for one in self.collectors:
            one.data.mkdir(parents=True, exist_ok=True)
            one.start()
        self.proxy.ports = [one.port for one in self.collectors]

    def stop(self) -> None:
        for one in self.collectors:
            one.stop()

    def device(self) -> DeviceClient:
        first = self.collectors[0].device()
        first.collector = self  # type: ignore[assignment]  # of which it uses the address alone
        return first

    def person(self, name: str) -> httpx.Client:
        with self.collectors[0].person(name, "annotator") as direct:
            return local_http.Client(base_url=self.url, headers=direct.headers, timeout=60)

    def rows(self, statement: str) -> list[Any]:
        return self.collectors[0].rows(statement)

    def staged(self) -> list[str]:
        """The objects of uploads that are on the server, whatever rows say."""
        return [name for name in self._moto.keys(self._bucket) if name.startswith("gleaner/staging/up-")]


class Load:
    """Devices and people at work until `end`; what was answered to them is compared with what is there then."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.sent: dict[str, tuple[Sample, Receipt]] = {}
        self.leases: dict[tuple[str, int], set[str]] = {}
        self.accepted: dict[str, set[str]] = {}  # submit -> the revisions that were named for it
        self.exports = 0
        self._ending = threading.Event()
        self._errors: list[Exception] = []
        devices, people = [pair.device() for _ in range(2)], [pair.person(name) for name in ("ann", "bob")]
        work: list[Callable[[], None]] = [self._export]
        work += [partial(self._send, device, with_tuspy=device is devices[0]) for device in devices]
        work += [partial(self._review, client, f"page-{number}") for number, client in enumerate(people)]
        # Not waited for after a failure: who sends to a collector that is gone tries for ever.
        self._threads = [threading.Thread(target=self._guarded, args=(one,), daemon=True) for one in work]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Every one ends what it is at. Raises what went wrong."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        for error in self._errors:
            raise error

    def progress(self) -> int:
        return len(self.sent) + len(self.accepted)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  raised by `end`
            self._errors.append(error)

    def _send(self, device: DeviceClient, *, with_tuspy: bool) -> None:
        chance = random.Random(device.id)
        while not self._ending.is_set():
            session, take = new_id("ses"), new_id("take")
            if chance.random() < 0.3:
                text = bytes(chance.choices(b"abcdefg \n", k=300_000))
                one = sample("text", device.id, take, session, media=text, labels=False)
            else:
                one = sample("image", device.id, take, session)
            kind = {"text": "text", "image": "boxes"}[one.manifest.medium]
            announce(device, session, [SampleTake(take, "step-1", [one], [kind], kind="answer")])
            for name, data in one.parts.items():
                if with_tuspy:
                    self._send_by_tuspy(device, one.id, name, data)
                else:
                    resume(device, one.id, name, data, CHUNK_BYTES, checksum=chance.random() < 0.5)
            self.sent[one.id] = (one, Receipt.read(settle(device, one).content))

    def _send_by_tuspy(self, device: DeviceClient, capture: str, part: str, data: bytes) -> None:
        client = TusClient(f"{self.pair.url}/api/uploads", headers={"Authorization": f"Bearer {device.token}"})
        while True:
            with contextlib.suppress(Exception):  # requests' and its own, of many kinds: the next try resumes
                uploader = client.uploader(
                    file_stream=io.BytesIO(data), chunk_size=CHUNK_BYTES, metadata={"capture": capture, "part": part}
                )
                uploader.set_url(uploader.create_url())
                uploader.offset = uploader.get_offset()
                uploader.upload()
                return
            time.sleep(RETRY_SECONDS)

    def _review(self, client: httpx.Client, name: str) -> None:
        with client:
            while not self._ending.is_set():
                asked = self._again(client, "/api/tasks/next", {"client": name, "have": [], "count": 1})
                for task in asked.json()["tasks"]:
                    self.leases.setdefault((task["id"], task["lease"]["fence"]), set()).add(name)
                    body = submission(task, str(uuid4()))
                    done = self._again(client, f"/api/tasks/{task['id']}/submit", body)
                    assert done.status_code == 200, done.text
                    self.accepted.setdefault(body["submit"], set()).add(done.json()["revision"])
                    # An answer may be lost after it was given: the same again is the same.
                    again = self._again(client, f"/api/tasks/{task['id']}/submit", body)
                    self.accepted[body["submit"]].add(again.json()["revision"])
                if not asked.json()["tasks"]:
                    time.sleep(RETRY_SECONDS)

    def _again(self, client: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
        """Until somebody answers what is no failure that may be tried again."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                reply = client.post(path, json=body)
                if reply.status_code < 500:
                    return reply
            time.sleep(RETRY_SECONDS)

    def _export(self) -> None:
        while not self._ending.is_set():
            made = export(self.pair, self.pair.folder / f"export-{self.exports}")
            if made.returncode == 0:
                self.exports += 1
            else:
                assert made.returncode == 3, made.stderr  # the database or the bucket was away
            self._ending.wait(rounds(4, 1))


def export(pair: Pair, to: Path) -> Any:
    return random.choice(pair.collectors).run("export", "--to", str(to), "--json")


@pytest.fixture
def proxy() -> Iterator[HoppingProxy]:
    with hopping() as running:
        yield running


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """Which can be started again, and syncs as others do."""
    with postgres.own_server(options="") as running:
        postgres.as_admin(running, f"CREATE DATABASE pair TEMPLATE {postgres.TEMPLATE}")
        yield running


@pytest.fixture
def pair(tmp_path: Path, moto: S3Server, proxy: HoppingProxy, server: postgres.Server) -> Iterator[Pair]:
    with failing(moto.endpoint, share=0.1) as spoiled:
        made = Pair(tmp_path, moto, spoiled.endpoint, proxy)
        with with_address(server.address.format(name="pair"), *(one.data for one in made.collectors)):
            made.start()
            yield made
            made.stop()


def check(pair: Pair, load: Load) -> None:
    """Nothing is lost, nothing is there twice."""
    until(lambda: not pair.rows("SELECT kind, key, state, error FROM job WHERE state <> 'done'"), 240)
    for one, receipt in load.sent.values():
        assert receipt.sha256 == hashlib.sha256(one.parts["media"]).hexdigest()
    assert {row.capture_id for row in pair.rows("SELECT capture_id FROM receipt")} == set(load.sent)
    verify_key = pair.rows("SELECT value FROM service_state WHERE name = 'verify_key'")[0].value
    assert {receipt.collector for _, receipt in load.sent.values()} == {f"collector-{verify_key[:16]}"}
    with pair.collectors[0].person("lena", "lead") as lead:
        for one, _ in load.sent.values():
            assert lead.get(f"/api/captures/{one.id}/original").content == one.parts["media"]
    assert all(len(people) == 1 for people in load.leases.values()), "a task and fence went to two people"
    assert all(len(revisions) == 1 for revisions in load.accepted.values())
    kept = {row.submit_uuid: row.id for row in pair.rows("SELECT submit_uuid, id FROM revision")}
    assert kept == {submit: next(iter(revisions)) for submit, revisions in load.accepted.items()}
    assert len(pair.rows("SELECT DISTINCT task_id FROM revision")) == len(kept)
    tasks = pair.rows("SELECT take_id, type FROM task")
    assert len(tasks) == len({(row.take_id, row.type) for row in tasks}) == len(load.sent)
    assert not pair.rows("SELECT id FROM upload WHERE owner IS NOT NULL")
    # Nothing stays of a killed process: most goes at once, what its last request did to the server a little later.
    until(lambda: not pair.staged(), AGAIN_SECONDS + 240)
    until(lambda: not pair.rows("SELECT object FROM upload_piece"), AGAIN_SECONDS + 240)  # rows go after their objects
    made = export(pair, pair.folder / "export-at-the-end")
    assert made.returncode == 0, made.stderr
    lines = (pair.folder / "export-at-the-end" / "labels.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["revision"] for line in lines) == sorted(kept.values())
    verified = pair.collectors[0].run("verify", "--json")
    assert json.loads(verified.stdout)["whole"], verified.stdout


def with_progress(load: Load, count: int = 2) -> None:
    """Until so much more is done."""
    wanted = load.progress() + count
    until(lambda: load.progress() >= wanted or load._errors, 240)


def kill_one(pair: Pair, load: Load, chance: random.Random) -> None:
    victim = chance.choice(pair.collectors)
    time.sleep(chance.uniform(0.0, 0.8))
    victim.kill()
    if chance.random() < 0.5:
        with_progress(load, 1)  # the other one does everything meanwhile
    victim.start()


def restart(server: postgres.Server, load: Load, chance: random.Random, mode: str) -> None:
    with_progress(load)
    time.sleep(chance.uniform(0.0, 0.5))
    server.stop(mode)
    time.sleep(chance.uniform(0.0, 1.0))
    server.start()


@pytest.mark.soak
@pytest.mark.timeout(TRIAL_SECONDS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_is_lost_and_nothing_done_twice(pair: Pair, server: postgres.Server, trouble: str) -> None:
    """One of the two is killed, the server of the database is started again, all while S3 fails."""
    load, chance = Load(pair), random.Random()
    with_progress(load)
    for number in range(KILLS if "kills" in trouble else 0):
        kill_one(pair, load, chance)
        if "restarts" in trouble and number < RESTARTS:
            restart(server, load, chance, MODES[number % 2])
    for number in range(RESTARTS if trouble == "restarts" else 0):
        restart(server, load, chance, MODES[number % 2])
    with_progress(load)
    load.end()
    assert all(pair.proxy.served[one.port] for one in pair.collectors)
    check(pair, load)

"""Runs by a real service: killed in the middle, paused and resumed by command."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from collector.prelabels.runs import RunAsked, start_run
from prelabel.labelling.one_file import describe
from tests.collector.prelabels.stills import add_stills, answers
from tests.collector.review.filled import Filled
from tests.collector.running import Collector
from tests.support.databases import reopened
from tests.support.other_model import package
from tests.support.waiting import until

STILLS = 400


class Service:
    """A collector with stills and a run of a model over them."""

    def __init__(self, folder: Path, stills: int = STILLS, **environment: str) -> None:
        self.filled = Filled(folder / "data")
        self.captures = add_stills(self.filled, stills)
        self.model = package(folder / "planted", by_brightness=True)
        asked, source = RunAsked(model=str(self.model)), describe(str(self.model)).source
        self.run = self.filled.db.write_sync(lambda conn: start_run(conn, asked, source, ("image",)))
        self.filled.db.close()
        self.collector = Collector(folder, GLEANER_COLLECTOR_BULK_PROCESSES="2", **environment)

    def row(self) -> Any:
        (row,) = self.collector.rows("SELECT * FROM prelabel_run WHERE id = :run", run=self.run)
        return row

    def command(self, verb: str) -> dict[str, Any]:
        done = self.collector.run("prelabel", verb, self.run, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def answers(self) -> dict[str, Any]:
        self.filled.db = reopened(self.filled.folder)
        try:
            return answers(self.filled)
        finally:
            self.filled.db.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.collector.stop()


def test_a_killed_collector_continues_where_it_was(service: Service) -> None:
    service.collector.start()
    until(lambda: service.row().done)
    workers = psutil.Process(service.collector.process.pid).children(recursive=True)  # type: ignore[union-attr]
    service.collector.kill()
    for one in workers:
        until(lambda one=one: not one.is_running() or one.status() == psutil.STATUS_ZOMBIE)  # type: ignore[misc]
    done = service.row().done
    service.collector.start()
    until(lambda: service.row().state == "done")
    assert done <= service.row().done == STILLS == service.row().captures
    service.collector.stop()
    assert list(service.answers()) == service.captures


def test_pausing_and_resuming_by_command(service: Service) -> None:
    service.collector.start()
    assert service.command("pause")["state"] == "paused"
    assert service.collector.run("prelabel", "list").stdout.startswith(f"{service.run}  planted ")
    until(lambda: service.row().owner is None)
    service.collector.stop()
    service.collector.start()
    assert service.row().state == "paused", "also after a restart"
    assert service.command("resume")["state"] in ("queued", "running")
    until(lambda: service.row().state == "done")
    assert service.row().done == STILLS
    refused = service.collector.run("prelabel", "cancel", service.run)
    assert refused.returncode == 1 and "is done: there is nothing to cancel" in refused.stderr
    assert service.collector.run("prelabel", "failures", service.run).stdout == "Nothing failed.\n"


def test_without_its_cluster_a_run_waits_and_says_why(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        service = Service(tmp_path, 3, GLEANER_COLLECTOR_BULK_ENGINE="ray", GLEANER_COLLECTOR_BULK_ADDRESS=address)
        service.collector.start()
        try:
            problem = until(lambda: service.row().problem)
            assert f"The Ray cluster at {address} does not answer" in problem and "tried again every 30" in problem
            assert (service.row().state, service.row().owner, service.row().failed) == ("running", None, 0)
            assert "queued" in service.collector.run("prelabel", "list").stdout
        finally:
            service.collector.stop()

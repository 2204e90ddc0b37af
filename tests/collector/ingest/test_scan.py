"""The virus scanner: what it finds gets no receipt and is given to nobody, and while it is away nothing is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.ingest.scan import OVERLAP_BYTES, ScannerFailed, scan_file, scan_parts, scanner_problem
from collector.security.files import read_lines
from collector.setting_tables import ScanSettings
from collector.settings import SettingsInvalid, load_settings
from tests.collector.running import Collector
from tests.collector.samples import sample
from tests.support.clamd import NAME, PATTERN, STREAM_BYTES, SmallScanner, clamd
from tests.support.waiting import until


def log_of(running: Collector) -> list[dict[str, Any]]:
    """The lines about finds in its security log."""
    return [row for row in map(json.loads, read_lines(running.data / "logs")) if row["event"] == "malware-found"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallScanner]:
    made = SmallScanner(tmp_path / "scanner")
    yield made
    made.stop()


@pytest.fixture(params=["small", "clamd"])
def scanner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScanSettings]:
    if request.param == "small":
        made = SmallScanner(tmp_path / "scanner")
        yield ScanSettings(clamd=made.address, stream_bytes=STREAM_BYTES)
        made.stop()
        return
    with clamd(tmp_path) as address:
        yield ScanSettings(clamd=address, stream_bytes=STREAM_BYTES)


def test_the_pattern_is_found_wherever_it_is(scanner: ScanSettings, tmp_path: Path) -> None:
    path = tmp_path / "part"

    def found(data: bytes) -> str | None:
        path.write_bytes(data)
        return scan_file(scanner, path)

    assert scanner_problem(scanner) is None
    assert [found(data) for data in (b"", b"a picture", os.urandom(2 * STREAM_BYTES + 7))] == [None, None, None]
    # At the ends, and across each place where one stream ends and the next begins.
    for place in (0, STREAM_BYTES - 9, STREAM_BYTES - OVERLAP_BYTES - 9, 2 * STREAM_BYTES - OVERLAP_BYTES - 9, -1):
        data = bytearray(3 * STREAM_BYTES)
        data[place : place + len(PATTERN)] = PATTERN
        assert found(bytes(data)) == NAME, place
    assert scan_parts(scanner, {"media": path, "none": tmp_path / "none"}) == (
        f"The virus scanner found {NAME} in its part media."
    )


def test_a_stream_that_is_too_long_is_no_clean_one(scanner: ScanSettings, tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(os.urandom(2 * STREAM_BYTES))
    with pytest.raises(ScannerFailed, match=r"less at once than the setting scan\.stream_bytes"):
        scan_file(scanner.model_copy(update={"stream_bytes": 2 * STREAM_BYTES}), path)


@pytest.mark.parametrize("answer", [b"stream: Cannot allocate ERROR", b"stream: OK but not all", b"OK FOUNDLING"])
def test_whatever_is_no_verdict_is_a_failure(small: SmallScanner, tmp_path: Path, answer: bytes) -> None:
    small.answer = answer
    path = tmp_path / "part"
    path.write_bytes(b"x")
    settings = ScanSettings(clamd=small.address)
    with pytest.raises(ScannerFailed) as caught:
        scan_file(settings, path)
    assert caught.value.retryable and "answers" in str(scanner_problem(settings))


def test_a_capture_waits_for_the_scanner_and_one_with_a_find_is_set_aside(tmp_path: Path, small: SmallScanner) -> None:
    running = Collector(tmp_path, GLEANER_COLLECTOR_SCAN_CLAMD=small.address)
    running.start()
    try:
        device, lead = running.device(), running.person("lea", "lead")
        good = sample("text", device.id, media=b"good morning\n")
        bad = sample("text", device.id, take="take-2", session="ses-2", media=b"so " + PATTERN)
        small.stop()
        device.send(good)
        until(
            lambda: running.rows("SELECT error FROM job WHERE error LIKE 'The virus scanner unix:% does not answer%'")
        )
        assert device.receipt(good.id).status_code == 202
        small.start()
        until(lambda: device.receipt(good.id).status_code == 200)
        device.send(bad)
        until(lambda: device.receipt(bad.id).status_code == 409)
        problem = device.receipt(bad.id).json()
        assert problem["code"] == "capture-unreadable" and "was set aside: The virus scanner" in problem["title"]
        what = f"The virus scanner found {NAME} in its part media."
        until(lambda: [row for row in log_of(running) if (row.get("capture"), row.get("what")) == (bad.id, what)])
        (listed,) = lead.get("/api/captures", params={"state": "bad"}).json()["captures"]
        assert listed["id"] == bad.id and NAME in listed["problem"] and listed["bad_reason"] == "infected"
        assert lead.get(f"/api/captures/{bad.id}/original").status_code == 404
        assert lead.get(f"/api/captures/{good.id}/original").status_code == 200
        advice = [one["what"] for one in lead.get("/api/installation").json()["advice"]]
        assert "The virus scanner set aside 1 capture. Nobody is given them." in advice
        assert not [one for one in advice if "cannot be read" in one or "does not answer" in one]
        small.stop()
        advice = [one["what"] for one in lead.get("/api/installation").json()["advice"]]
        assert [one for one in advice if "does not answer" in one]
        small.start()
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("clamd", "why"),
    [
        ("/run/clamd.ctl", "an address like"),
        ("tcp:127.0.0.1", "an address like"),
        ("tcp:127.0.0.1:99999", "an address like"),
        ("tcp:scanner.example.org:3310", "without encryption"),
    ],
)
def test_a_scanner_that_cannot_be_is_refused(clamd: str, why: str) -> None:
    with pytest.raises(SettingsInvalid, match=why):
        load_settings({"scan": {"clamd": clamd}})


def test_a_scanner_may_listen_on_a_port_of_this_machine() -> None:
    assert ScanSettings(clamd="tcp:127.0.0.1:3310").place == ("127.0.0.1", 3310)
    assert ScanSettings(clamd="tcp:[::1]:3310").place == ("::1", 3310)

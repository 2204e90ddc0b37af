"""Links to media on an S3 server: where the study allows them, for who may see the medium, and recorded before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from collector.catalogue.media_links import LINK_TYPE
from collector.client import Client
from collector.store.blobs import MAX_LINK_SECONDS
from collector.store.read_only import ReadOnly
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, SampleTake, sample, session_record
from tests.support import local_http
from tests.support.s3 import S3Server
from tests.support.s3_links import LinkServer, checking_links
from tests.support.waiting import until
from wire.consent import Grant

ASKED = {"Accept": f"{LINK_TYPE}, */*;q=0.9"}


@pytest.fixture(scope="module")
def server(moto: S3Server) -> Iterator[LinkServer]:
    with checking_links(moto.endpoint) as made:
        yield made


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory, moto: S3Server, server: LinkServer) -> Iterator[Collector]:
    running = Collector(
        tmp_path_factory.mktemp("links"), GLEANER_COLLECTOR_BLOBS=f"s3://{moto.new_bucket()}/media",
        GLEANER_COLLECTOR_S3_ENDPOINT=moto.endpoint, GLEANER_COLLECTOR_LINK_ENDPOINT=server.endpoint,
    )  # fmt: skip
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def one(device: DeviceClient, lead: httpx.Client) -> Sample:
    """A picture of a study that allows links, and a task of it."""
    made = sample("image", device.id, "take-l", "ses-l")
    put(device, "ses-l", made)
    device.send(made)
    until(lambda: lead.head(media(made)).status_code == 200)
    assert lead.get("/api/studies").json()["links_from"] is not None
    allowed = lead.patch("/api/studies/study-1", json={"media_links": True})
    assert allowed.status_code == 200 and allowed.json()["media_links"] is True, allowed.text
    return made


def put(device: DeviceClient, session: str, made: Sample, grants: list[Grant] | None = None, revision: int = 1) -> None:
    takes = [SampleTake(made.manifest.take, "step-1", [made], ["boxes"])]
    record = session_record(device.id, takes, session, revision)
    if grants is not None:
        record = record.model_copy(update={"consent": record.consent.model_copy(update={"grants": grants})})
    assert device.call("PUT", f"/api/sessions/{session}", content=json.dumps(record.to_json())).status_code == 200


def media(made: Sample) -> str:
    return f"/api/captures/{made.id}/media"


def looks(collector: Collector, capture: str) -> list[tuple[str, str]]:
    query = (
        "SELECT name, why FROM look JOIN person ON person.id = person_id WHERE capture_id = :capture ORDER BY look.id"
    )
    return [tuple(row) for row in collector.rows(query, capture=capture)]


def test_a_link_for_who_asks_for_one_and_bytes_for_others(
    collector: Collector, server: LinkServer, one: Sample, lead: httpx.Client
) -> None:
    whole = lead.get(media(one))
    assert whole.headers["content-type"] == "image/jpeg"
    before = looks(collector, one.id)
    reply = lead.get(media(one), headers=ASKED, params={"why": "audit"})
    assert (reply.status_code, reply.headers["content-type"]) == (200, LINK_TYPE)
    assert reply.headers["cache-control"] == "no-store" and "etag" not in reply.headers
    link = reply.json()
    assert link["seconds"] == MAX_LINK_SECONDS == 60
    assert (link["bytes"], f'"{link["sha256"]}"') == (len(whole.content), whole.headers["etag"])
    assert looks(collector, one.id) == [*before, ("lena", "audit")]
    found = local_http.get(link["url"])
    assert (found.status_code, found.content) == (200, whole.content)
    assert (found.headers["content-type"], found.headers["cache-control"]) == ("image/jpeg", "no-store")
    ranged = lead.get(media(one), headers=ASKED | {"Range": "bytes=5-"})
    assert ranged.json()["bytes"] == len(whole.content), "a link is to all of it"
    assert len(looks(collector, one.id)) == len(before) + 2, "each link is a row: it opens everything"
    assert lead.head(media(one), headers=ASKED).headers["content-type"] == "image/jpeg"
    assert lead.get(media(one), headers=ASKED | {"If-None-Match": whole.headers["etag"]}).status_code == 304
    original = lead.get(f"/api/captures/{one.id}/original", headers=ASKED).json()["url"]
    assert local_http.get(original).content == one.parts["media"]
    for name in ("", "/labels"):
        answer = lead.get(f"/api/captures/{one.id}{name}", headers=ASKED)
        assert answer.headers["content-type"] == "application/json"


def test_a_link_ends_and_cannot_be_changed(server: LinkServer, one: Sample, lead: httpx.Client) -> None:
    url = lead.get(media(one), headers=ASKED).json()["url"]
    assert local_http.get(url).status_code == 200
    for changed in (
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"), url.replace("image%2Fjpeg", "text%2Fhtml"),
        url.replace("attachment", "inline"), url.replace("/media/blobs/", "/media/other/"), url.partition("?")[0],
    ):  # fmt: skip
        assert local_http.get(changed).status_code == 403, changed
    server.later = timedelta(seconds=61)
    try:
        assert local_http.get(url).status_code == 403
    finally:
        server.later = timedelta()


def test_nobody_gets_a_link_to_what_they_may_not_see(
    collector: Collector, device: DeviceClient, one: Sample, lead: httpx.Client
) -> None:
    holder, _ = collector.holder("hans", one.id)
    assert "url" in holder.get(media(one), headers=ASKED).json()
    stranger, limited = collector.person("stan", "annotator"), collector.person("lim", "lead")
    collector.change("INSERT INTO study (id, created_at, control_share) VALUES ('garden', '', 0)")
    collector.ask("user-studies", name="lim", studies='["garden"]')
    before = looks(collector, one.id)
    for person, path, code in (
        (stranger, media(one), "not-allowed"), (holder, f"/api/captures/{one.id}/original", "not-allowed"),
        (limited, media(one), "capture-unknown"), (lead, "/api/captures/cap-none/media", "capture-unknown"),
        (local_http.Client(base_url=collector.url), media(one), "not-signed-in"),
    ):  # fmt: skip
        reply = person.get(path, headers=ASKED)
        assert reply.json()["code"] == code and "Signature" not in reply.text
    assert looks(collector, one.id) == before
    gone = sample("image", device.id, "take-g", "ses-g")
    put(device, "ses-g", gone)
    device.send(gone)
    until(lambda: lead.head(media(gone)).status_code == 200)
    soon = datetime.now(UTC) + timedelta(seconds=40)
    grants = [Grant(use="image", until=soon)]
    put(device, "ses-g", gone, grants, 2)
    short = lead.get(media(gone), headers=ASKED).json()
    assert 1 <= short["seconds"] <= 40 and f"X-Amz-Expires={short['seconds']}&" in short["url"]
    put(device, "ses-g", gone, [Grant(use="image", until=datetime.now(UTC) - timedelta(days=1))], 3)
    assert lead.get(media(gone), headers=ASKED).json()["code"] == "consent-ended"


def test_a_log_that_cannot_be_written_gives_no_link(collector: Collector, one: Sample, lead: httpx.Client) -> None:
    collector.change("ALTER TABLE look RENAME TO look_away")
    try:
        reply = lead.get(media(one), headers=ASKED)
        assert reply.status_code == 503 and "Signature" not in reply.text
    finally:
        collector.change("ALTER TABLE look_away RENAME TO look")
    assert "url" in lead.get(media(one), headers=ASKED).json()


def test_while_rows_are_read_only_the_line_is_synced_before(
    collector: Collector, one: Sample, lead: httpx.Client
) -> None:
    state = json.dumps(asdict(ReadOnly("moving", "a-move", "2026-11-30T12:00:00.000000Z", "elsewhere")))
    collector.change("INSERT INTO service_state (name, value) VALUES ('read_only', :state)", state=state)
    try:
        assert "url" in lead.get(media(one), headers=ASKED, params={"why": "late"}).json()
        line = (collector.data / "logs" / "looks-while-read-only.jsonl").read_text()
        assert json.loads(line)["why"] == "late" and "http" not in line
    finally:
        collector.change("DELETE FROM service_state WHERE name = 'read_only'")


def test_a_study_allows_them_by_word_of_a_lead_or_a_command(
    collector: Collector, one: Sample, lead: httpx.Client
) -> None:
    done = collector.run("study", "set", "study-1", "--no-media-links")
    assert "study-1: media come through the collector" in done.stdout
    before = looks(collector, one.id)
    reply = lead.get(media(one), headers=ASKED)
    assert reply.headers["content-type"] == "image/jpeg" and len(looks(collector, one.id)) == len(before) + 1
    assert "no" in collector.run("study", "list").stdout.splitlines()[1]
    done = collector.run("study", "set", "study-1", "--media-links")
    assert done.returncode == 0 and "by links that work for a minute, from http://" in done.stdout
    assert "url" in lead.get(media(one), headers=ASKED).json()
    assert collector.run("study", "set", "study-1").returncode == 2
    assert lead.patch("/api/studies/study-1", json={"media_links": "yes"}).status_code == 422
    until(lambda: '"study-changed"' in (collector.data / "logs" / "security.jsonl").read_text())


def test_no_signature_is_in_a_log_and_the_page_may_load_from_there(
    collector: Collector, server: LinkServer, one: Sample, lead: httpx.Client
) -> None:
    reply = lead.get(media(one), headers=ASKED)
    address = reply.json()["url"].partition("/blobs/")[0] + "/blobs/"
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    assert address.startswith(f"{server.endpoint}/") and address in policy["media-src"]
    assert {name for name, value in policy.items() if "127.0.0.1" in value} == {"media-src", "connect-src"}
    logs = [collector.log, *(path.read_text() for path in (collector.data / "logs").iterdir())]
    assert not any("X-Amz" in text for text in logs)


def test_the_client_gets_media_there_and_from_the_collector_when_it_is_away(
    collector: Collector, server: LinkServer, one: Sample, lead: httpx.Client, tmp_path: Path
) -> None:
    token = lead.headers["Authorization"].removeprefix("Bearer ")
    with Client(collector.url, token=token) as client:
        server.answered.clear()
        data = client.captures.read(one.id, which="original")
        assert data == one.parts["media"] and [status for _, status, _ in server.answered] == [200]
        assert client.captures.read(one.id, 7, 20, which="original") == data[7:20]
        client.captures.download(one.id, tmp_path / "a.jpg", which="original", why="a copy")
        assert (tmp_path / "a.jpg").read_bytes() == data and len(server.answered) == 3
        server.later = timedelta(days=1)
        try:
            assert client.captures.read(one.id, which="original") == data
            assert client.captures.download(one.id, tmp_path / "b.jpg", which="original").read_bytes() == data
        finally:
            server.later = timedelta()
        assert [status for _, status, _ in server.answered[3:]] == [403], "it is asked once"


def test_the_page_for_whoever_runs_it_says_what_links_need(tmp_path: Path, ministack: S3Server) -> None:
    bucket = ministack.new_bucket()
    with checking_links(ministack.endpoint) as server:
        running = Collector(
            tmp_path, GLEANER_COLLECTOR_BLOBS=f"s3://{bucket}", GLEANER_COLLECTOR_S3_ENDPOINT=ministack.endpoint,
            GLEANER_COLLECTOR_LINK_ENDPOINT=server.endpoint,
        )  # fmt: skip
        running.start()
        try:
            device, lead = running.device(), running.person("lena", "lead")
            made = sample("image", device.id)
            put(device, made.manifest.session, made)
            device.send(made)
            device.received(made.id)

            def about_links() -> list[str]:
                advice = lead.get("/api/installation").json()["advice"]
                return [one["what"] for one in advice if "link" in one["what"]]

            assert about_links() == [] and server.answered == []
            assert lead.patch("/api/studies/study-1", json={"media_links": True}).status_code == 200
            wanted = f"The bucket {bucket} has no CORS rule for {running.url}: browsers refuse what media links bring."
            assert about_links() == [wanted] == about_links() and len(server.answered) == 1
            ministack.allow_origin(bucket, running.url)
            running.stop()
            running.start()
            assert local_http.get(f"{running.url}/api/health").status_code == 200 and about_links() == []
        finally:
            running.stop()

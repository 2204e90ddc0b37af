"""The client and a real collector: what a device sends, what people do with it, and what a lead reads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from collector.client import Client, CollectorRefused, ReceiptForged, SourceChanged
from tests.collector.running import Collector
from tests.collector.samples import Sample, SampleTake, sample, session_record
from tests.support.waiting import until
from wire.device import DeviceInfo, JoinReply
from wire.labels import Box, LabelsDocument, Source

INFO = DeviceInfo(name="kitchen program", model="a program", agent_version="0.1.0")


@pytest.fixture(scope="module")
def joined(collector: Collector) -> JoinReply:
    return Client.join(collector.url, collector.ask("join-code")["code"], INFO)


@pytest.fixture(scope="module")
def sender(collector: Collector, joined: JoinReply) -> Iterator[Client]:
    with Client(collector.url, token=joined.token, verify_key=joined.verify_key) as client:
        yield client


def client_of(collector: Collector, name: str, role: str) -> Client:
    collector.ask("user-add", name=name, role=role)
    return Client(collector.url, token=collector.ask("user-token", name=name)["token"])


@pytest.fixture(scope="module")
def reader(collector: Collector) -> Iterator[Client]:
    with client_of(collector, "rita", "lead") as client:
        yield client


@pytest.fixture(scope="module")
def still(sender: Client, reader: Client, joined: JoinReply) -> Sample:
    """A still with a pre-label, sent by the client, whose task is there."""
    made = sample("image", joined.device, "take-still", "ses-still")
    take = SampleTake("take-still", "step-1", [made], ["boxes"], objects=["cup"])
    reports: list[tuple[int, int]] = []
    sender.uploads.put_session(session_record(joined.device, [take], "ses-still"))
    receipt = sender.uploads.send_capture(
        made.manifest, made.parts, report=lambda here, total: reports.append((here, total))
    )
    total = sum(map(len, made.parts.values()))
    assert receipt.capture == made.id and reports[0] == (0, total) and reports[-1] == (total, total)
    until(lambda: any(row.session == "ses-still" for row in reader.tasks.list()))
    return made


def test_what_was_sent_is_read_back(still: Sample, reader: Client, tmp_path: Path) -> None:
    row = next(row for row in reader.captures.list(session="ses-still"))
    assert (row.id, row.medium, row.state, row.sha256) == (still.id, "image", "opened", still.manifest.sha256)
    view = reader.captures.get(still.id)
    assert (view.format, view.complete) == (still.manifest.format, True)
    original = reader.captures.download(still.id, tmp_path / "still.jpg", which="original")
    assert original.read_bytes() == still.parts["media"]
    assert reader.captures.read(still.id, 10, 20, which="original") == still.parts["media"][10:20]
    assert reader.captures.read(still.id, which="original", why="a test") == still.parts["media"]
    assert [document.source.name for document in reader.captures.labels(still.id)] == ["test-model"]
    detail = reader.sessions.get("ses-still")
    assert detail.record.session == "ses-still" and [row["id"] for row in detail.captures] == [still.id]
    assert "ses-still" in [row.id for row in reader.sessions.list()]
    assert [row.id for row in reader.studies.list()] == ["study-1"]


def test_lists_are_read_page_by_page(
    still: Sample, sender: Client, reader: Client, joined: JoinReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        sender.uploads.put_session(session_record(joined.device, [], f"ses-{number}"))
    monkeypatch.setattr("collector.client.connection.MAX_PAGE", 2)
    every = [row.id for row in reader.sessions.list()]
    assert len(every) == len(set(every)) >= 5
    assert [row.id for row in reader.sessions.list(limit=3)] == every[:3]
    assert list(reader.captures.list(study="none")) == [] and list(reader.sessions.list(limit=0)) == []


def test_a_part_is_continued_where_the_collector_has_it(sender: Client, joined: JoinReply, tmp_path: Path) -> None:
    made = sample("text", joined.device, "take-long", "ses-long", media=b"gleaner " * 400_000)
    file = tmp_path / "text"
    file.write_bytes(made.parts["media"])
    sent: list[int] = []

    class Stopped(Exception):
        """As a program that ends in the middle."""

    def stop_after_two(here: int, _total: int) -> None:
        sent.append(here)
        if len(sent) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        sender.uploads.send_part(made.id, "media", file, report=stop_after_two)
    again: list[int] = []
    sender.uploads.send_part(made.id, "media", file, report=lambda here, _: again.append(here))
    assert again[0] == sent[-1] > 0 and again[-1] == len(made.parts["media"])
    sender.uploads.put_session(session_record(joined.device, [], "ses-long"))
    receipt = sender.uploads.send_capture(made.manifest, {"media": io.BytesIO(made.parts["media"])})
    assert receipt.sha256 == made.manifest.sha256


def test_a_file_that_shrinks_is_named(sender: Client, joined: JoinReply) -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size)[:-1]

    with pytest.raises(SourceChanged):
        sender.uploads.send_part("cap-shrinks", "media", Shrinking(b"0123456789"))


def test_a_receipt_of_somebody_else_is_found(collector: Collector, joined: JoinReply, still: Sample) -> None:
    with Client(collector.url, token=joined.token, verify_key="ab" * 32) as other, pytest.raises(ReceiptForged):
        other.uploads.receipt(still.id)


def test_another_manifest_is_refused(sender: Client, still: Sample) -> None:
    with pytest.raises(CollectorRefused) as caught:
        sender.uploads.put_manifest(still.manifest.model_copy(update={"sensor": "camera-9"}))
    assert caught.value.code == "capture-conflict"


def test_a_task_from_next_to_its_revision(collector: Collector, still: Sample, reader: Client) -> None:
    with client_of(collector, "ann", "annotator") as ann:
        assert ann.people.me().name == "ann"
        task = next(task for task in ann.tasks.next(count=5) if task.session == "ses-still")
        assert task.lease is not None and task.prelabels[0].labels[0].label == "cup"
        renewed = ann.tasks.renew(task)
        assert renewed.lease.fence == task.lease.fence
        label = Box(id="b1", label="cup", x=50, y=30, width=60, height=60)
        documents = [LabelsDocument(capture=still.id, source=Source(kind="person", name="ann"), labels=[label])]
        ann.tasks.save_draft(task, documents)
        assert [draft.person for draft in reader.tasks.drafts(task.id)] == ["ann"]
        same = uuid4()
        done, again = (ann.tasks.submit(task, documents, submit=same) for _ in range(2))
        assert done.revision == again.revision and done.diff[still.id].moved == 1
        with pytest.raises(ValueError, match="is not held"):
            ann.tasks.renew(reader.tasks.get(task.id))
        reopened = ann.tasks.reopen(task.id)
        with pytest.raises(CollectorRefused) as caught:
            ann.tasks.submit(task, documents)
        assert caught.value.code == "lease-lost" and caught.value.facts["task"]["state"] == "leased"
        ann.tasks.skip(reopened, "too dark", "not-perceptible")
    assert [row.id for row in reader.tasks.list(state="done", type="boxes", study="study-1")] == [task.id]
    revisions = reader.tasks.revisions(task.id)
    assert [(row.reviewer, row.documents[0].labels[0].label) for row in revisions] == [("ann", "cup")]
    history = reader.tasks.history(task.id)
    assert history.leases[0].person == "ann" and history.skips[0].reason == "too dark"
    assert reader.tasks.set_aside().skipped == []  # it is done: a skip of a finished one leaves it so
    assert reader.reports.day(zone=None).tasks.done == 1
    assert reader.reports.prelabels(study="study-1").items == 1


def test_access_is_ended(collector: Collector, reader: Client) -> None:
    with client_of(collector, "leo", "annotator") as leo:
        token = next(row for row in reader.people.tokens("leo") if row.kind == "api")
        reader.people.revoke_token(token.id, "leo")
        with pytest.raises(CollectorRefused) as caught:
            leo.people.me()
        assert (caught.value.code, caught.value.status) == ("not-signed-in", 401)
    assert reader.people.disable("leo").name == "leo"
    reader.people.enable("leo")
    reader.people.set_role("leo", "lead")
    assert {row.name: row.role for row in reader.people.list()}["leo"] == "lead"
    assert {row.name for row in reader.people.list()} >= {"rita", "leo"}
    assert [row.current for row in reader.people.tokens()] == [True]
    device = Client.join(collector.url, collector.ask("join-code")["code"], INFO).device
    assert reader.devices.rename(device, "the other one").name == "the other one"
    assert reader.devices.revoke(device).revoked_at is not None
    assert device in [row.id for row in reader.devices.list()]


def test_the_service_says_how_it_is(still: Sample, reader: Client) -> None:
    assert reader.health() and reader.ready().status == "ready"
    assert "gleaner_jobs" in reader.metrics()
    assert reader.prelabel_runs.list() == []
    assert reader.installation.overview().status == "ready" and list(reader.installation.failed_jobs()) == []
    assert "study-1" in [row.study for row in reader.installation.storage().studies]
    with pytest.raises(CollectorRefused) as caught:
        reader.installation.try_again("derive")
    assert caught.value.code == "job-unknown"

"""What people made of pre-labels, out of a database they worked in: the report, and what scores are worth."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from collector.cli import app
from collector.cli.prelabel_table import show
from collector.prelabels import report_worker
from collector.prelabels.calibration import fit_all
from collector.prelabels.calibration_timer import MIN_NEW_REVISIONS, calibrate_once
from collector.prelabels.relabel import prepare
from collector.prelabels.report_worker import Measurer, report_of
from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.review.calibrations import calibrations, save_calibration
from collector.review.tasks import known_words, reconsider
from prelabel.labelling.worker import WorkerStopped
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.shapes import PrelabelReport
from prelabel.triage.calibration import Calibration
from prelabel.triage.score_keys import ScoreKey
from tests.collector.review.filled import MODEL, VAD, Filled, box, interval, location_of
from tests.support.databases import command
from wire.canonical import document_hash
from wire.labels import Source


def still(filled: Filled, number: int, person: str, said: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """One still with what the model said, and what a person made of it."""
    ids = filled.take(
        f"step-{number % 2}", "show", {"image": b"jpeg %d" % number}, ["boxes"], prelabels={"image": [said]}
    )
    filled.make(ids["take"])
    task = filled.tasks(take_id=ids["take"])[0].id
    filled.execute("UPDATE task SET reason_kind = 'random', probability = 0.1 WHERE id = :id", id=task)
    filled.submit(person, task, {ids["image"]: after})


@pytest.fixture
def worked(filled: Filled) -> Filled:
    """Thirty stills: every plate the model said is wrong and deleted, cups are kept or moved."""
    ann = filled.person("ann")
    for number in range(30):
        cup = box("b1", "cup", 0.9)
        said = [cup, box("b2", "plate", 0.4, x=60.0)]
        moved = {**cup, "x": 12.0}
        still(filled, number, ann, said, [moved if number % 3 == 0 else cup])
    return filled


def items(filled: Filled, asked: Asked | None = None) -> list[Reviewed]:
    return list(ReviewedRows(filled.db, filled.blobs).items(asked or Asked()))


def report_on(filled: Filled) -> PrelabelReport:
    """The report of the commands and of the service; what it measures is saved beside the database."""
    return report_of(location_of(filled), Asked())


def fitted_on(filled: Filled, now: datetime | None = None) -> list[Calibration]:
    return fit_all(items(filled, Asked(random=True)), now or datetime.now(UTC))


def test_every_review_is_one_item(worked: Filled) -> None:
    found = items(worked)
    assert len(found) == 30 and all(one.drawn_by_chance and one.shown for one in found)
    first = found[0]
    assert (first.model.name, first.step, first.device, first.size) == ("yolox-nano", "step-0", "dev-1", (160, 120))
    assert first.active_ms and first.language == "en"
    assert items(worked, Asked(study="garden")) == [] and items(worked, Asked(model="silero-vad")) == []
    assert len(items(worked, Asked(model="a" * 64))) == 30
    assert items(worked, Asked(since=datetime.now(UTC) + timedelta(hours=1))) == []


def test_the_report_names_the_class_that_costs_time(worked: Filled) -> None:
    report = report_on(worked)
    whole = next(row for row in report.rows if row.cut == "model")
    assert (whole.edits.accepted, whole.edits.moved, whole.edits.deleted, whole.edits.added) == (20, 10, 30, 0)
    assert [(row.label, row.found.wrong) for row in report.rows if row.cut == "class"] == [("cup", 0), ("plate", 30)]
    (plate,) = report.costs_time
    assert plate.label == "plate" and "of 30 pre-labels 30 were deleted" in plate.text


def test_a_submit_again_counts_once(worked: Filled) -> None:
    task = worked.tasks()[0]
    capture = worked.rows("SELECT capture_id FROM task_capture WHERE task_id = :id", id=task.id)[0].capture_id
    worked.submit(worked.person("bob"), task.id, {capture: []})
    found = items(worked)
    assert len(found) == 30
    assert [len(one.after.labels) for one in found if one.capture == capture] == [0]


def test_blind_is_who_was_shown_nothing_and_drawn_by_chance(worked: Filled) -> None:
    worked.execute("UPDATE labels_document SET shown = FALSE WHERE id = (SELECT min(id) FROM labels_document)")
    assert [one.blind for one in items(worked)] == [True] + [False] * 29
    worked.execute("UPDATE revision SET reason_kind = 'conflict'")
    assert not any(one.blind for one in items(worked)) and items(worked)[0].sight == "nothing"


def run_again(filled: Filled, sha: str) -> None:
    """Another version of the model ran over every capture; nobody was shown what it said."""
    for row in filled.rows("SELECT * FROM labels_document WHERE shown ORDER BY id"):
        values = row._asdict()
        del values["id"]
        values.update(name=f"again-{sha[0]}", shown=False, source_sha256=sha)
        values["body"] = values["body"].replace(MODEL["sha256"], sha)
        names = ", ".join(values)
        filled.execute(
            f"INSERT INTO labels_document ({names}) VALUES ({', '.join(f':{name}' for name in values)})", **values
        )


def test_who_saw_one_answer_of_a_model_was_not_blind_to_it(worked: Filled) -> None:
    """The device's answer was shown; the same model run again at the collector is the same model."""
    run_again(worked, MODEL["sha256"])
    assert len(items(worked)) == 30 and all(one.shown for one in items(worked))


def test_another_version_is_measured_but_not_blind(worked: Filled) -> None:
    """Its pre-labels were not shown, those of the version before were: people agree with what they saw."""
    run_again(worked, "9" * 64)
    ran = [one for one in items(worked) if one.model.sha256 == "9" * 64]
    assert len(ran) == 30 and {one.sight for one in ran} == {"others"} and not any(one.blind for one in ran)
    report = report_on(worked)
    (row,) = [row for row in report.rows if row.cut == "model" and row.model.sha256 == "9" * 64]
    assert (row.shown, row.items, row.found.right, row.found.wrong) == (False, 30, 30, 30)
    assert report.anchoring == []


def test_what_was_opened_for_its_doubt_calibrates_no_model(worked: Filled) -> None:
    worked.execute("UPDATE revision SET reason_kind = 'uncertainty', probability = 0.9")
    run_again(worked, "9" * 64)
    assert fitted_on(worked) == []
    worked.execute("UPDATE labels_document SET shown = FALSE")  # nobody saw anything: still not drawn by chance
    assert fitted_on(worked) == []


def set_otherwise(filled: Filled, score: float, numbers: set[int]) -> None:
    """The model of some of the stills ran with this threshold."""
    rows = filled.rows("SELECT id FROM labels_document ORDER BY id")
    filled.configure([row.id for number, row in enumerate(rows) if number in numbers], {"thresholds": {"score": score}})


def test_two_devices_with_other_thresholds_are_two_rows(worked: Filled) -> None:
    set_otherwise(worked, 0.35, set(range(10)))
    set_otherwise(worked, 0.4, set(range(10, 15)))
    report = report_on(worked)
    rows = {row.configuration: row.items for row in report.rows if row.cut == "model"}
    assert rows == {"score 0.35": 10, "score 0.4": 5, "settings not recorded": 15}
    console = Console(record=True, width=200)
    show(report, console)
    printed = console.export_text()
    assert all(printed.count(text) == 1 for text in ("  score 0.35\n", "  score 0.4\n", "  settings not recorded\n"))


def test_another_setting_of_the_same_file_was_not_seen(worked: Filled) -> None:
    """Its answer is measured beside the one that people saw, as that of another model would be."""
    run_again(worked, MODEL["sha256"])
    set_otherwise(worked, 0.4, set(range(30, 60)))
    ran = [one for one in items(worked) if one.model.settings is not None]
    assert len(ran) == 30 and {one.sight for one in ran} == {"others"}


def test_a_reader_that_found_no_text_is_not_measured_by_boxes(worked: Filled) -> None:
    reader = next(sha for sha, words in known_words().items() if words == ["text"])
    capture = worked.rows("SELECT capture_id FROM labels_document ORDER BY id LIMIT 1")[0].capture_id
    source = {"kind": "model", "name": "ocr-recognition", "version": "1", "sha256": reader}
    body = json.dumps({"schema": 1, "capture": capture, "source": source, "labels": []})
    worked.execute(
        "INSERT INTO labels_document (capture_id, name, source_kind, source_name, source_sha256, body, raw_sha256)"
        " VALUES (:capture, 'ocr', 'model', 'ocr-recognition', :sha, :body, 'x')",
        capture=capture, sha=reader, body=body,
    )  # fmt: skip
    assert {one.model.name for one in items(worked)} == {"yolox-nano"}


def test_sound_is_measured_by_time(filled: Filled) -> None:
    ann = filled.person("ann")
    ids = filled.take("say", "say", {"audio": b"flac"}, ["speech"], prelabels={"audio": [[interval()]]})
    filled.make(ids["take"])
    filled.submit(ann, filled.tasks()[0].id, {ids["audio"]: [interval(end_us=260_000)]})
    (row,) = [row for row in report_on(filled).rows if row.cut == "model"]
    assert row.intervals is not None and row.intervals.end is not None
    assert row.intervals.end.bias_ms == pytest.approx(-60)
    assert row.intervals.missed_seconds == pytest.approx(0.06)


# ---------------------------------------------------------------- calibration
FILE = ScoreKey(MODEL["sha256"])


def in_force(filled: Filled, *keys: ScoreKey) -> dict[ScoreKey, Calibration]:
    return filled.db.read_sync(lambda conn: calibrations(conn, keys))


def calibrated(filled: Filled) -> int:
    measurer = Measurer(location_of(filled))
    try:
        return asyncio.run(calibrate_once(filled.db, measurer))
    finally:
        measurer.close()


def test_scores_are_calibrated_from_the_random_share_alone(worked: Filled) -> None:
    (fitted,) = fitted_on(worked)
    assert (fitted.model.sha256, fitted.pairs) == (MODEL["sha256"], 60)
    # The model is surer of plates than it may be and less of cups: after the fit both are nearer the truth.
    assert fitted.after.ece < fitted.before.ece
    worked.execute("UPDATE revision SET reason_kind = 'uncertainty'")
    assert fitted_on(worked) == []


def test_the_calibration_of_a_file_has_all_of_its_settings(worked: Filled) -> None:
    """Of a still that it labelled under two, what the person saw counts for the file, and counts once."""
    (before,) = fitted_on(worked)
    run_again(worked, MODEL["sha256"])
    set_otherwise(worked, 0.4, set(range(30, 60)))
    set_otherwise(worked, 0.35, set(range(7)))
    assert len(items(worked)) == 60
    of_file, *own = fitted_on(worked, before.fitted_at)
    assert of_file == before and not before.model.is_configured and of_file.configuration is None
    assert {one.settings["thresholds"]["score"]: one.pairs for one in own} == {0.35: 60, 0.4: 60}
    assert {one.why.partition(" ")[0] for one in own} == {"14", "The"}, "few of its own, and as many as the file"


def test_configurations_that_mean_something_else_are_read_otherwise(filled: Filled) -> None:
    """Two sizes of the input of one file: plates are right under one and wrong under the other; a third is new.

    Score thresholds part nothing.
    """
    ann = filled.person("ann")
    for number in range(120):
        size, threshold = 416 if number % 2 else 224, 0.3 if number % 4 < 2 else 0.5
        said = [box("b1", "plate", 0.6), box("b2", "plate", 0.7, x=60.0)]
        after = [row for row in said if (number // 2 % 7 < 6) == (size == 416)]
        still(filled, number, ann, said, after)
        (newest,) = filled.rows("SELECT max(id) AS id FROM labels_document")
        filled.configure([newest.id], {"input": {"size": [size, size]}, "thresholds": {"score": threshold, "iou": 0.5}})
    of_file, *own = fitted_on(filled)
    assert of_file.pairs == 240 and [(one.fitted_on, one.pairs) for one in own] == [("configuration", 120)] * 2
    assert calibrated(filled) == 3
    chances = {one.settings["input"]["size"][0]: in_force(filled, one.key)[one.key].apply("plate", 0.65) for one in own}
    assert chances[416] > 0.8 and chances[224] < 0.2 and 0.4 < of_file.apply("plate", 0.65) < 0.6
    unknown = ScoreKey(str(of_file.model.sha256), "7" * 64)
    assert set(in_force(filled, unknown)) == {of_file.key}

    def reason(name: str, settings: dict[str, Any] | None) -> str:
        """Of a new still with a plate of score 0.65, made under settings."""
        ids = filled.take(name, "show", {"image": name.encode()}, ["boxes"], prelabels={"image": [[said[0]]]})
        if settings is not None:
            filled.configure([filled.rows("SELECT max(id) AS id FROM labels_document")[0].id], settings)
        filled.make(ids["take"])
        task = filled.tasks(take_id=ids["take"])[0].id
        filled.execute("UPDATE task SET reason_kind = 'age' WHERE id = :id", id=task)  # whatever its coin said
        filled.db.write_sync(lambda conn: reconsider(conn, ids["image"]))
        return str(filled.tasks(take_id=ids["take"])[0].reason_text)

    sure = reason("large", {"input": {"size": [416, 416]}, "thresholds": {"score": 0.45, "iou": 0.5}})
    unsure = reason("small", {"input": {"size": [224, 224]}, "thresholds": {"score": 0.3, "iou": 0.5}})
    assert "over all settings" not in sure + unsure and sure != unsure
    assert reason("new", {"input": {"size": [320, 320]}, "thresholds": {"iou": 0.5}}) == reason("unknown", None)


def test_a_configuration_of_few_reviews_borrows_and_says_so(worked: Filled) -> None:
    set_otherwise(worked, 0.4, set(range(12)))
    of_file, own = fitted_on(worked)
    assert (of_file.pairs, own.pairs, own.fitted_on) == (60, 60, "file") and own.configuration is not None
    assert own.why.startswith("24 pairs (12 right, 12 wrong) under these settings are too few")


def test_items_share_the_settings_of_their_models(worked: Filled) -> None:
    set_otherwise(worked, 0.4, set(range(30)))
    assert len({id(settings) for one in items(worked) for settings in one.before.settings.values()}) == 1


def test_the_queue_reads_the_newest_calibration(worked: Filled) -> None:
    assert calibrated(worked) == 1
    found = in_force(worked, ScoreKey("0" * 64), FILE)
    assert set(found) == {FILE}
    assert calibrated(worked) == 0, "nothing new was reviewed since"
    assert MIN_NEW_REVISIONS <= 30
    later = found[FILE].model_copy(update={"pairs": 61})
    worked.db.write_sync(lambda conn: save_calibration(conn, later))
    assert in_force(worked, FILE)[FILE].pairs == 61
    earlier = [Calibration.read(row.body) for row in worked.rows("SELECT body FROM calibration ORDER BY id")]
    assert earlier == [found[FILE], later], "an old order of the queue can still be explained"


def test_a_calibrated_score_makes_another_reason(worked: Filled) -> None:
    """Plates at 0.4 were always wrong: once that is known, such a pre-label is in little doubt."""

    def doubts(name: str) -> set[str]:
        for number in range(12):  # the random share takes one in ten
            said = {"image": [[box("b2", "plate", 0.4)]]}
            ids = worked.take(f"{name}-{number}", "show", {"image": b"%d" % number}, ["boxes"], prelabels=said)
            worked.make(ids["take"])
        rows = [row for row in worked.tasks(state="open") if row.reason_kind != "random"]
        worked.execute("UPDATE task SET state = 'skipped' WHERE state = 'open'")
        return {row.reason_text for row in rows}

    assert doubts("before") == {"Least certain: plate, 40%."}
    calibrated(worked)
    (after,) = doubts("after")
    assert "80%" not in after, after


def test_what_people_found_wrong_in_transcripts_decides_whether_the_next_are_filled_in(filled: Filled) -> None:
    """A recogniser that says 10 % of itself and gets one word in two wrong here writes no more in a later run."""
    ann = filled.person("ann")
    truth, wrong = " ".join("abcdefghij"), " ".join("abcdezzzzz")
    for number in range(26):
        said = {"audio": [[interval(text=wrong)]]}
        ids = filled.take(f"say-{number}", "say", {"audio": b"%d" % number}, ["speech"], prelabels=said)
        filled.make(ids["take"])
        task = filled.tasks(take_id=ids["take"])[0].id
        filled.execute("UPDATE task SET reason_kind = 'random', probability = 0.1 WHERE id = :id", id=task)
        filled.submit(ann, task, {ids["audio"]: [interval(text=truth)]})

    def given(package: str | None = None) -> dict[str, Any]:
        source = Source.model_validate({**VAD, "package": package})
        found = filled.db.read_sync(lambda conn: prepare(conn, ids["audio"], source))
        assert found is not None
        return found

    assert given()["measured"] is None
    assert calibrated(filled) == 1
    assert 0.5 <= given()["measured"] < 0.6 and given()["language"] == "en"
    filled.execute("UPDATE session SET language = 'en-GB'")
    assert 0.5 <= given()["measured"] < 0.6 and given()["language"] == "en-GB", "one language"

    # One package of the file wrote what was wrong: only another one, which wrote little, is judged by all.
    documents = [row.id for row in filled.rows("SELECT id FROM labels_document ORDER BY id")]
    wrote: dict[str, Any] = {"decode": {"frame_ms": 20}}
    filled.configure(documents[:20], wrote)
    good = [json.loads(row.body) for row in filled.rows("SELECT body FROM labels_document ORDER BY id")][20:]
    for number, body in zip(documents[20:], good, strict=True):
        body["labels"][0]["text"] = truth
        filled.execute("UPDATE labels_document SET body = :body WHERE id = :id", body=json.dumps(body), id=number)
    for one in fitted_on(filled):
        filled.db.write_sync(lambda conn, one=one: save_calibration(conn, one))
    assert given(document_hash(wrote))["measured"] > given()["measured"] == given("3" * 64)["measured"]


def test_a_lead_who_asks_again_finds_the_process_warm_and_it_leaves_when_nobody_does(
    worked: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurer = Measurer(location_of(worked))

    async def asked() -> None:
        first = await measurer.report(Asked())
        warm = measurer._worker
        again = await measurer.report(Asked(study="nowhere"))
        assert warm is not None and measurer._worker is warm and (first.items, again.items) == (30, 0)
        monkeypatch.setattr(report_worker, "IDLE_SECONDS", 0.1)
        await measurer.report(Asked(study="nowhere"))
        async with asyncio.timeout(60):
            while measurer._worker is not None:
                await asyncio.sleep(0.02)

    try:
        asyncio.run(asked())
    finally:
        measurer.close()


def test_who_waits_while_the_service_ends_is_told(filled: Filled) -> None:
    measurer = Measurer(location_of(filled))

    async def ended() -> None:
        reports = [asyncio.ensure_future(measurer.report(Asked(study=name))) for name in ("one", "two")]
        while measurer._worker is None:
            await asyncio.sleep(0)
        await asyncio.to_thread(measurer.close)
        for report in reports:
            with pytest.raises(WorkerStopped):
                await asyncio.wait_for(report, 20)

    asyncio.run(ended())


# ---------------------------------------------------------------- the commands
def test_the_commands(worked: Filled) -> None:
    worked.db.close()
    data = ["--data", str(worked.folder)]
    shown = command(app, ["report", "prelabels", *data], worked.folder)
    assert shown.exit_code == 0, shown.output
    assert "yolox-nano" in shown.output and " boxes" in shown.output and "boxs" not in shown.output
    assert "costs time: plate (box, yolox-nano): of 30 pre-labels 30 were deleted" in " ".join(shown.output.split())
    report = json.loads(command(app, ["report", "prelabels", "--json", *data], worked.folder).stdout)
    assert report["items"] == 30 and report["costs_time"][0]["label"] == "plate"
    fitted = command(app, ["prelabel", "calibrate", *data], worked.folder)
    assert "from 60 reviewed pre-labels of the random share" in " ".join(fitted.output.split())


def test_the_command_names_each_configuration_and_why_it_has_its_fit(worked: Filled) -> None:
    set_otherwise(worked, 0.35, set(range(12)))
    set_otherwise(worked, 0.4, set(range(12, 16)))
    worked.db.close()
    shown = command(app, ["prelabel", "calibrate", "--data", str(worked.folder)], worked.folder)
    assert shown.exit_code == 0, shown.output
    of_file, *own = shown.output.splitlines()
    assert of_file.startswith("yolox-nano 1: ") and len(own) == 4
    reasons = {own[row].split(":")[0]: own[row + 1] for row in (0, 2)}
    assert reasons.keys() == {"  score 0.35", "  score 0.4"}
    assert reasons["  score 0.4"].startswith(
        "    8 pairs (4 right, 4 wrong) under these settings are too few for a fit"
    )
    assert (
        json.loads(
            command(app, ["prelabel", "calibrate", "--data", str(worked.folder), "--json"], worked.folder).stdout
        )[1]["fitted_on"]
        == "file"
    )

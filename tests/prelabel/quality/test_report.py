"""The whole report: counts by hand, cuts that add up, and the words it says."""

from __future__ import annotations

import pytest

from prelabel.quality.estimates import ratio
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.shapes import Estimate, PrelabelReport, QualityRow, estimates
from tests.prelabel.quality.made import (
    FRAME_US,
    MODEL,
    OTHER,
    box,
    exact_interval,
    interval,
    kept,
    report_on,
    reviewed,
    text,
    track,
)
from wire.labels import Choice, Source


def rows(report: PrelabelReport, cut: str, model: Source = MODEL, **where: str) -> list[QualityRow]:
    return [
        row
        for row in report.rows
        if row.cut == cut and row.model == model and all(getattr(row, name) == value for name, value in where.items())
    ]


def boxes_of(count: int, **more: object) -> list[Reviewed]:
    """Each: one cup kept, one moved by 2 of 10 pixels (IoU 2/3), one mug deleted, one cup added."""
    return [
        reviewed(
            [box("b1", score=0.9), box("b2", 50, score=0.8), box("b3", 100, label="mug", score=0.4)],
            [kept(box("b1")), kept(box("b2", 52)), box("n1", 200)],
            revision=f"rev-{more.get('device', '')}-{number}",
            capture=f"cap-{more.get('device', '')}-{number}",
            **more,
        )
        for number in range(count)
    ]


def share_of(good: int, of: int, captures: int) -> Estimate:
    low, high = (round(end, 6) for end in exact_interval(good, of))
    return Estimate(share=round(good / of, 6), low=low, high=high, of=of, captures=captures)


def test_labels_of_one_capture_are_right_together() -> None:
    """All right on one half of the captures, all wrong on the other: worth as many labels as there are captures."""
    items = [
        reviewed(
            [box(f"b{row}", 20 * row, score=0.9) for row in range(8)],
            [kept(box(f"b{row}", 20 * row)) for row in range(8)] if number % 2 else [],
            revision=f"r{number}",
            capture=f"c{number}",
        )
        for number in range(20)
    ]
    (row,) = rows(report_on(items), "model")
    assert row.acceptance is not None and (row.acceptance.of, row.acceptance.captures) == (160, 20)
    low, high = exact_interval(10, 20)
    assert row.acceptance.low == pytest.approx(low, abs=0.03) and row.acceptance.high == pytest.approx(high, abs=0.03)


def test_counts_by_hand() -> None:
    report = report_on(boxes_of(10) + boxes_of(30, device="cam-2", step="pour", drawn_by_chance=True))
    (total,) = rows(report, "model")
    assert total.kind == "box" and total.items == 40
    assert total.edits.to_json() == {
        "prelabels": 120, "accepted": 40, "moved": 40, "edited": 0, "relabelled": 0, "deleted": 40, "doubled": 0,
        "added": 40,
    }  # fmt: skip
    assert (total.found.right, total.found.wrong, total.found.missed) == (80, 40, 40)
    assert (total.found.precision, total.found.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert total.moved_iou is not None and total.moved_iou.median == pytest.approx(2 / 3, abs=1e-5)
    # One of three on every capture: nothing is right together.
    assert total.acceptance == share_of(40, 120, 40)
    cup, mug = rows(report, "class")
    assert (cup.label, cup.edits.prelabels, cup.edits.added) == ("cup", 80, 40)
    assert (mug.label, mug.edits.deleted, mug.found.precision, mug.found.recall) == ("mug", 40, 0, None)
    assert [(row.device, row.items) for row in rows(report, "device")] == [("cam-1", 10), ("cam-2", 30)]
    assert [(row.step, row.items) for row in rows(report, "step")] == [("pour", 30), ("show-cup", 10)]
    assert len(rows(report, "each")) == 4
    # Two of three true cups: of the 101 recall levels those up to 2/3 have precision 1, IoU 2/3 counts to 0.65.
    assert cup.average_precision is not None and cup.average_precision.ap50 == pytest.approx(67 / 101, abs=1e-6)
    assert cup.average_precision.ap == pytest.approx((4 * 67 + 6 * 34) / 10 / 101, abs=1e-6)
    assert report.items == 40 and report.random_items == 30 and report.blind_items == 0
    assert total.random is not None and total.random.items == 30 and total.random.acceptance == share_of(30, 90, 30)
    assert rows(report, "device", device="cam-1")[0].random is None


def test_the_cuts_add_up_and_json_comes_back() -> None:
    report = report_on(boxes_of(5) + boxes_of(7, device="cam-2"))
    (total,) = rows(report, "model")
    for cut in ("class", "device", "step", "each"):
        for name in ("prelabels", "accepted", "deleted", "added"):
            assert sum(getattr(row.edits, name) for row in rows(report, cut)) == getattr(total.edits, name)
    assert PrelabelReport.read(report.to_json()) == report


def test_a_class_that_costs_time_is_named() -> None:
    report = report_on(boxes_of(25))
    (worst,) = report.costs_time
    assert worst.label == "mug" and worst.saved_seconds_per_100 == pytest.approx(-100)
    assert worst.text.startswith("mug (box, yolox-nano): of 25 pre-labels 25 were deleted; leaving it out would save")
    assert [row.label for row in report.classes] == ["mug", "cup"]
    assert report.classes[1].basis == "all"
    assert report_on(boxes_of(25, drawn_by_chance=True)).costs_time[0].basis == "random"


def test_a_model_is_not_blamed_for_words_it_does_not_know() -> None:
    def one(**more: object) -> Reviewed:
        return reviewed([box("b1", label="face")], [kept(box("b1", label="face"), OTHER), box("n1", 50)], OTHER, **more)

    (row,) = rows(report_on([one()]), "model", OTHER)
    assert (row.found.recall, row.edits.added) == (1, 1)
    assert row.average_precision is not None and row.average_precision.ap == 1
    (row,) = rows(report_on([one(words=frozenset({"face", "cup"}))]), "model", OTHER)
    assert row.found.recall == 0.5


def test_nor_for_the_time_and_the_tracks_of_such_words() -> None:
    walk, dog = [(0, 0, 0, 10, 10), (9, 0, 0, 10, 10)], [(0, 90, 0, 10, 10), (9, 90, 0, 10, 10)]
    seen = reviewed(
        [track("t1", walk)], [kept(track("t1", walk)), track("n1", dog, "dog")], task_type="tracks", revision="r1"
    )
    heard = reviewed(
        [interval("s1", 0, 2)], [kept(interval("s1", 0, 2)), interval("n1", 3, 4, "music")], task_type="speech"
    )
    report = report_on([seen, heard])
    for cut in ("model", "class"):
        tracks = [row for row in rows(report, cut, kind="track") if row.label != "dog"]
        assert [(row.tracks.hota, row.tracks.idf1) for row in tracks if row.tracks is not None] == [(1, 1)]
    (speech,) = rows(report, "model", kind="interval")
    assert speech.intervals is not None and speech.intervals.error_rate == 0
    dogs, music = rows(report, "class", label="dog"), rows(report, "class", label="music")
    assert [(row.edits.added, row.found.missed) for row in (*dogs, *music)] == [(1, 0), (1, 0)]
    assert dogs[0].tracks is None
    assert music[0].intervals is None or music[0].intervals.error_rate is None


@pytest.mark.parametrize("sight", ["shown", "others"])
def test_a_kind_that_only_people_used(sight: str) -> None:
    item = reviewed([], [Choice(id="c1", label="unclear")], sight=sight)
    found = report_on([item])
    assert [(row.kind, row.items, row.edits.added) for row in rows(found, "model")] == (
        [("choice", 1, 1)] if sight == "shown" else [("box", 1, 0)]
    )


def test_two_models_on_one_capture() -> None:
    after = [kept(box("b1")), kept(box("f1", 50, label="face"), OTHER)]
    report = report_on([reviewed([box("b1")], after), reviewed([box("f1", 50, label="face")], after, OTHER)])
    for model in (MODEL, OTHER):
        (row,) = rows(report, "model", model)
        assert (row.edits.accepted, row.edits.added, row.found.missed) == (1, 0, 0)


def test_blind_items_say_how_much_people_agree_because_they_see() -> None:
    facts = {"sight": "nothing", "revision": "rev-9"}
    blind = reviewed([box("b1"), box("b2", 50)], [box("n1", 1)], drawn_by_chance=True, **facts)
    report = report_on([*boxes_of(1, drawn_by_chance=True), blind])
    (total,) = rows(report, "model")
    assert total.items == 1 and total.edits.prelabels == 3
    (anchor,) = report.anchoring
    assert (anchor.shown_f1, anchor.blind_f1) == (pytest.approx(4 / 6, abs=1e-6), pytest.approx(2 / 3, abs=1e-6))
    assert (report.blind_items, report.unseen_items, report.items) == (1, 1, 2)
    # Who opened an item before the model ran was drawn by nobody: no anchor, and none against doubtful items.
    opened_first = reviewed([box("b1")], [box("n1", 1)], **facts)
    report = report_on([*boxes_of(1, drawn_by_chance=True), opened_first])
    assert (report.anchoring, report.blind_items, report.unseen_items) == ([], 0, 1)
    assert report_on([*boxes_of(1), blind]).anchoring == []


def test_a_model_that_ran_over_reviewed_captures_has_its_row() -> None:
    """People saw another model's pre-labels: nothing was done to these, but how right they are is known."""
    after = [kept(box("b1")), box("n1", 60)]
    shown = [reviewed([box("b1")], after, revision=f"r{n}", capture=f"c{n}") for n in range(4)]
    ran = [
        reviewed(
            [box("b1", 1, score=0.9), box("b2", 60, score=0.8), box("b3", 120, score=0.3)],
            after,
            OTHER,
            revision=f"r{n}",
            capture=f"c{n}",
            sight="others",
            drawn_by_chance=n == 0,
        )
        for n in range(4)
    ]
    report = report_on([*shown, *ran])
    (row,) = rows(report, "model", OTHER)
    assert (row.shown, row.items, row.edits.prelabels, row.acceptance) == (False, 4, 0, None)
    assert (row.found.right, row.found.wrong, row.found.missed) == (8, 4, 0)
    assert row.average_precision is not None and row.average_precision.ap50 == 1
    assert row.random is not None and (row.random.items, row.random.found.right) == (1, 2)
    (seen,) = rows(report, "model", MODEL)
    assert seen.shown and seen.unseen is None and seen.edits.accepted == 4
    assert (report.unseen_items, report.blind_items) == (4, 0)
    # Shown on some, run over others later: the row is of those where it was shown, the rest stands beside.
    later = reviewed([box("b1")], after, revision="r9", capture="c9", sight="nothing")
    (both,) = rows(report_on([*shown, later]), "model", MODEL)
    assert both.shown and both.items == 4 and both.unseen is not None and both.unseen.items == 1


def test_tracks() -> None:
    times = tuple(frame * FRAME_US for frame in range(10))
    whole = track("n1", [(0, 0, 0, 10, 10), (9, 0, 0, 10, 10)])
    halves = [track("t1", [(0, 0, 0, 10, 10), (5, 0, 0, 10, 10)]), track("t2", [(6, 0, 0, 10, 10), (9, 0, 0, 10, 10)])]
    report = report_on([reviewed(halves, [whole], task_type="tracks", times_us=times)])
    for cut in ("model", "class"):
        (row,) = rows(report, cut)
        assert row.tracks is not None
        assert (row.tracks.idf1, row.tracks.switches, row.tracks.frames) == (0.6, 1, 10)
        assert row.tracks.hota == pytest.approx(0.52**0.5, abs=1e-6)
    assert row.edits.moved == 1 and row.edits.deleted == 1


def test_intervals_and_transcripts() -> None:
    heard = [interval("s1", 1.1, 3.0, text="put the cup down"), interval("s2", 5, 6, text="hello")]
    said = [kept(interval("s1", 1.0, 3.2, text="put the cups down")), interval("n1", 8, 9, text="bye bye")]
    items = [reviewed(heard, said, task_type="speech", language="en")]
    items.append(reviewed([], [interval("n1", 0, 1, text="one two")], task_type="speech", revision="r2", capture="c2"))
    report = report_on(items)
    (row,) = rows(report, "model")
    assert row.kind == "interval" and row.intervals is not None and row.texts is not None
    assert row.intervals.start is not None and row.intervals.end is not None
    assert (row.intervals.start.median_ms, row.intervals.start.bias_ms) == (100, 100)
    assert (row.intervals.end.median_ms, row.intervals.end.bias_ms) == (200, -200)
    # True: 2.2 + 1 + 1 s; missed 0.3 + 1 + 1 s, false 1 s.
    assert row.intervals.error_rate == pytest.approx(3.3 / 4.2, abs=1e-6)
    assert (row.intervals.truth_seconds, row.intervals.false_seconds) == (4.2, 1)
    # "hello" for "bye bye" is two edits, "cup" one; the model wrote nothing for "one two".
    assert (row.texts.words, row.texts.word_error_rate) == (8, pytest.approx(5 / 8))
    assert row.texts.unchanged == share_of(0, 1, 1)


def test_a_speech_detector_has_no_word_error_rate() -> None:
    item = reviewed([interval("s1", 0, 1)], [kept(interval("s1", 0, 1, text="hello"))], task_type="speech")
    (row,) = rows(report_on([item]), "model")
    assert row.texts is None and row.edits.accepted == 1


def test_texts() -> None:
    read = [text("t1", "EXIT"), text("t2", "N0 SMOKING"), text("t3", "noise")]
    true = [kept(text("t1", "EXIT")), kept(text("t2", "NO SMOKING")), text("n1", "PUSH")]
    (row,) = rows(report_on([reviewed(read, true, task_type="text", language="en")]), "model")
    assert row.texts is not None
    # exit 0 of 4, "no smoking" 1 of 10, "noise" 5 put in, "push" 4 of 4 left out
    assert (row.texts.characters, row.texts.character_error_rate) == (18, pytest.approx(10 / 18, abs=1e-6))
    assert row.texts.unchanged == estimates([ratio([(1, 2)])])[0]
    assert (row.edits.accepted, row.edits.edited, row.edits.deleted, row.edits.added) == (1, 1, 1, 1)


def test_an_empty_item_counts() -> None:
    (row,) = rows(report_on([reviewed([], [])]), "model")
    assert (row.kind, row.items, row.edits.prelabels, row.acceptance) == ("box", 1, 0, None)
    assert report_on([]).rows == []

"""One model file under two settings: two rows of the report, and the words that say why."""

from __future__ import annotations

from typing import Any

import pytest

from prelabel.quality.configurations import configurations, named
from prelabel.quality.reviewed import Reviewed
from tests.prelabel.quality.made import MODEL, OTHER, box, kept, report_on, reviewed
from wire.canonical import document_hash
from wire.labels import Source

BASE: dict[str, Any] = {"runtime": "onnxruntime 1.32.0", "thresholds": {"score": 0.35, "scores": {}}, "names": ["cup"]}


def configured(settings: dict[str, Any] | None, package: str | None = "c", model: Source = MODEL) -> Source:
    changes = {"package": package and package * 64, "settings": None if settings is None else document_hash(settings)}
    return model.model_copy(update=changes)


def item(source: Source, settings: dict[str, Any] | None = None, number: int = 1) -> Reviewed:
    """A cup that the person kept, of a model that ran under these settings."""
    found = reviewed(
        [box("b1", score=0.9)], [kept(box("b1"), source)], source, revision=f"r{number}", capture=f"c{number}"
    )
    if settings is None or source.settings is None:
        return found
    before = found.before.model_copy(update={"settings": {source.settings: settings}})
    return Reviewed(**{**vars(found), "before": before})


def settings_of(items: list[Reviewed]) -> dict[Source, Any]:
    return {one.model: one.before.settings.get(one.model.settings or "") for one in items}


@pytest.mark.parametrize(
    ("change", "mine", "its"),
    [
        ({"thresholds": {"score": 0.4, "scores": {}}}, "score 0.35", "score 0.4"),
        ({"thresholds": {"score": 0.35, "scores": {"cup": 0.6}}}, "scores.cup not set", "scores.cup 0.6"),
        ({"runtime": "onnxruntime 1.33.0"}, "runtime onnxruntime 1.32.0", "runtime onnxruntime 1.33.0"),
        ({"max_looks_per_second": 5.0}, "looks per second not set", "looks per second 5.0"),
        ({"names": ["mug"]}, "names cup", "names mug"),
        ({"looked_at": [640, 360]}, "picture size not set", "picture size 640 × 360"),
        ({"words": ["cup", "mug"]}, "followed words not set", "followed words cup, mug"),
        (
            {"runtime": "x", "thresholds": {"score": 0.4, "iou": 0.5, "floor": 0.1}, "names": ["mug"]},
            "runtime onnxruntime 1.32.0, score 0.35, names cup, iou not set, 1 more",
            "runtime x, score 0.4, names mug, iou 0.5, 1 more",
        ),
    ],
)
def test_what_differs_is_told_in_a_few_words(change: dict[str, Any], mine: str, its: str) -> None:
    other = {**BASE, **change}
    one, two = configured(BASE), configured(other, "d")
    assert configurations(settings_of([item(one, BASE), item(two, other)])) == {one: mine, two: its}


def test_a_long_list_is_told_by_its_length_and_a_few_digits() -> None:
    one = {**BASE, "words": [f"word-{number}" for number in range(12)]}
    two = {**BASE, "words": [f"term-{number}" for number in range(12)]}
    first, second = configured(one), configured(two, "d")
    told = configurations(settings_of([item(first, one), item(second, two)]))
    assert told[first] != told[second] and all(text.startswith("followed words 12 (") for text in told.values())


def test_old_labels_are_one_row_without_settings() -> None:
    one = configured(BASE)
    told = configurations(settings_of([item(MODEL), item(MODEL, number=2), item(one, BASE)]))
    assert told == {MODEL: "settings not recorded", one: f"settings {document_hash(BASE)[:8]}"}
    assert named(MODEL, told) == "yolox-nano, settings not recorded"


def test_two_packages_with_the_same_settings_are_told_by_their_hash() -> None:
    one, two = configured(BASE, "c"), configured(BASE, "d")
    assert configurations(settings_of([item(one, BASE), item(two, BASE)])) == {
        one: "package cccccccc",
        two: "package dddddddd",
    }


def test_a_model_alone_needs_no_words() -> None:
    one = configured(BASE)
    assert configurations(settings_of([item(one, BASE), item(OTHER), item(one, BASE, 2)])) == {}
    assert named(one, {}) == "yolox-nano"


def test_two_thresholds_are_two_rows_of_the_report() -> None:
    other = {**BASE, "thresholds": {"score": 0.4, "scores": {}}}
    one, two = configured(BASE), configured(other, "d")
    items = [item(one, BASE, number) for number in range(2)] + [item(two, other, number) for number in range(2, 5)]
    report = report_on([*items, item(MODEL, number=9)])
    rows = {row.configuration: row.items for row in report.rows if row.cut == "model"}
    assert rows == {"score 0.35": 2, "score 0.4": 3, "settings not recorded": 1}


def test_what_another_setting_said_is_of_another_model() -> None:
    """As with a detector beside another: a person who kept the other's cup deleted none of this one's."""
    one, two = configured(BASE), configured(BASE, "d")
    mine = item(one, BASE)
    after = mine.after.model_copy(update={"labels": [kept(box("b1"), two)]})
    (label,) = after.labels
    assert Reviewed(**{**vars(mine), "after": after}).of_another_model(label)
    assert not mine.of_another_model(mine.after.labels[0])

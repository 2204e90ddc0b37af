"""Sound: what was timed in it is shown, lists and playhead follow, and pausing loses no place."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Locator, expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer
from wire.labels import Interval, Label, Word

SAID = "turn on teh light"


def timed(name: str = "s1", start: int = 500_000, score: float = 0.4, channel: int | None = None) -> Interval:
    words = [
        Word(text=text, start_us=start + 400_000 * n, end_us=start + 400_000 * n + 300_000)
        for n, text in enumerate(SAID.split())
    ]
    return Interval(
        id=name,
        label="speech",
        score=score,
        start_us=start,
        end_us=start + 1_600_000,
        text=SAID,
        words=words,
        channel=channel,
    )


def share(page_row: Locator, inner: Locator) -> tuple[float, float]:
    """Where an element begins and ends in the row it lies in, 0 to 1."""
    row, box = page_row.bounding_box(), inner.bounding_box()
    assert row is not None and box is not None
    return (box["x"] - row["x"]) / row["width"], (box["x"] + box["width"] - row["x"]) / row["width"]


def test_words_stand_under_the_waveform_and_the_one_that_is_said_is_marked(house: House, open_page: Open) -> None:
    house.add_speech([timed()], 4)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    word = ada.page.locator("[data-word=light]")
    np.testing.assert_allclose(share(ada.page.locator(".wave-row"), word), (1.7 / 4, 2.0 / 4), atol=0.003)
    expect(ada.page.locator(".word-chip")).to_have_text(["turn0.50", "on0.90", "teh1.30", "light1.70"])
    ada.page.evaluate("document.querySelectorAll('audio').forEach(e => e.pause())")
    row = ada.page.locator(".wave-row").bounding_box()
    assert row is not None
    for seconds, marked in ((1.0, ["on"]), (1.4, ["teh"]), (1.65, []), (2.3, [])):
        ada.page.mouse.click(row["x"] + row["width"] * seconds / 4, row["y"] + row["height"] + 14)
        expect(ada.page.locator(".timed-word-said")).to_have_text(marked)
    ada.submit()
    assert [w["text"] for w in house.truth("speech")[0]["words"]] == SAID.split()


def test_channels_have_lanes_and_names(house: House, open_page: Open) -> None:
    house.add_speech([timed("s1", channel=0), timed("s2", 700_000, 0.6, channel=1)], 4, channels=2)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.locator("[data-interval] .channel")).to_have_text(["L", "R"])
    expect(ada.page.locator(".word-time .channel")).to_have_text(["L", "R"])
    left, right = (ada.page.locator(f"[data-interval={name}]").bounding_box() for name in ("s1", "s2"))
    assert left is not None and right is not None and left["y"] + left["height"] <= right["y"] + 1
    ada.submit()
    assert {label["id"]: label["channel"] for label in house.truth("speech")} == {"s1": 0, "s2": 1}


def test_the_list_follows_and_an_hour_is_looked_at_as_closely_as_a_minute(house: House, open_page: Open) -> None:
    labels: list[Label] = [
        Interval(
            id=f"s{n}", label="speech", score=0.9 - n / 1000, start_us=n * 1_000_000, end_us=n * 1_000_000 + 700_000
        )
        for n in range(300)
    ]
    house.add_speech(labels, 300)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    row = ada.page.locator("[data-region=s299]")
    expect(row).to_be_in_viewport(ratio=0.9)
    ada.press("Shift+Tab")
    expect(ada.page.locator("[data-region=s0]")).to_be_in_viewport(ratio=0.9)
    expect(row).not_to_be_in_viewport()
    ada.press("Tab", "up")
    expect(ada.page.locator("[data-region=s298]")).to_be_in_viewport(ratio=0.9)
    expect(ada.page.locator(".region-thin")).to_have_count(299)
    for _ in range(20):
        ada.press("+")
    scale = "document.querySelector('.timeline-inner').offsetWidth / 300"
    ada.page.wait_for_function(f"() => {scale} > 400")
    expect(ada.page.locator("[data-interval=s298]")).to_be_in_viewport()
    assert ada.page.locator("[data-interval]").count() < 20
    ada.press("right")
    box = ada.page.locator("[data-interval=s298]").bounding_box()
    assert box is not None and abs(box["width"] - 0.71 * ada.page.evaluate(scale)) < 2

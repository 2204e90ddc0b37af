"""The pointer does what the keyboard does: draw, move, resize, seek, pull an edge, choose a keyframe."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.mouse import drag, on_picture
from tests.web import media
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def test_boxes(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    page = ada.page
    ada.press("n")
    drag(page, on_picture(page, 300, 200), on_picture(page, 360, 260))
    assert ada.selected() == "p1"
    drag(page, on_picture(page, 330, 230), on_picture(page, 340, 225))
    drag(page, on_picture(page, 370, 255), on_picture(page, 380, 265))
    page.mouse.click(*on_picture(page, 150, 230))
    assert ada.selected() == "b1"
    ada.press("u")
    assert ada.selected() == "p1", "a drag is one step of undo"
    ada.submit()
    made = next(label for label in house.truth("boxes") if label["id"] == "p1")
    assert [made[key] for key in ("x", "y", "width", "height")] == pytest.approx([310, 195, 60, 60], abs=1.5)


def test_a_rejected_label_comes_back_by_a_click(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press("Delete")
    ada.page.locator(".label-ghost").click()
    expect(ada.page.locator(".label-ghost")).to_have_count(0)
    ada.submit()
    assert len(house.truth("boxes")) == 2


def test_the_timeline_of_tracks(house: House, open_page: Open) -> None:
    house.add_walk()
    house.publish()
    ada = Reviewer(open_page())
    ada.go_to("tracks")
    ada.frame(5)
    ada.page.locator(".keyframe").nth(1).dispatch_event("pointerdown")
    ada.frame(25)
    ruler = ada.page.locator(".ruler").bounding_box()
    assert ruler is not None
    ada.page.mouse.click(ruler["x"] + 1, ruler["y"] + 6)
    ada.frame(0)


def test_regions(house: House, open_page: Open) -> None:
    house.add_walk()
    house.publish()
    ada = Reviewer(open_page())
    ada.go_to("speech")
    row = ada.page.locator(".wave-row").bounding_box()
    assert row is not None
    duration = media.frame_times(45)[-1]

    def at(seconds: float) -> tuple[float, float]:
        return row["x"] + row["width"] * seconds * 1e6 / duration, row["y"] + row["height"] / 2

    drag(ada.page, at(1.65), at(1.78))
    drag(ada.page, at(1.2), at(1.1))
    ada.submit()
    spans = sorted((label["start_us"], label["end_us"]) for label in house.truth("speech"))
    assert spans[1] == (pytest.approx(1_100_000, abs=8_000), 1_600_000)
    assert spans[2] == (pytest.approx(1_650_000, abs=8_000), pytest.approx(1_780_000, abs=8_000))

"""Boxes that cannot be seen are not made on the page and not accepted by it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.collector.running import until
from tests.web import media
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

MOVE_OUT = """() => {
  const name = Object.keys(localStorage).find(n => n.startsWith('gleaner.draft.'));
  const draft = JSON.parse(localStorage.getItem(name));
  for (const labels of Object.values(draft.work)) for (const l of labels) if (l.id === 'b1') Object.assign(l, %s);
  localStorage.setItem(name, JSON.stringify({...draft, at: Date.now() + 60000}));
}"""


def test_arrows_and_pointer_keep_a_box_in_the_picture(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press(*["Shift+ArrowRight"] * 25)
    expect(ada.page.locator(".label-facts")).to_contain_text(f"x {media.WIDTH - 1}  y 60")
    ada.press("e", "left", *["Shift+ArrowRight"] * 3, "e", "Tab")
    stage = ada.page.locator(".box-selected[data-label=b1] .box-line")
    at = stage.bounding_box()
    assert at is not None
    ada.page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    ada.page.mouse.down()
    ada.page.mouse.move(4, at["y"] + at["height"] / 2, steps=4)
    ada.page.mouse.move(0, 0)
    ada.page.mouse.up()
    ada.submit()
    cup, kettle = house.truth("boxes")
    # The edge that was moved to the right would have taken all of it out: it stayed.
    assert (kettle["x"], kettle["width"]) == (media.WIDTH - 1, 130)
    assert cup["x"] + cup["width"] >= 1 and cup["y"] + cup["height"] >= 1
    assert cup["width"] == 60 and cup["x"] < 60


@pytest.mark.parametrize(
    ("change", "words"),
    [("{x: 641}", "is outside the picture"), ("{width: 0}", "has no width"), ("{y: -66.5}", "is outside the picture")],
)
def test_a_box_that_nobody_sees_is_refused_with_a_sentence(
    house: House, open_page: Open, change: str, words: str
) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press("right")
    until(lambda: ada.draft())
    ada.page.evaluate(MOVE_OUT % change)
    ada.page.reload()
    ada.kind()
    task = ada.task()
    ada.press("Enter")
    ada.word(f"“cup” {words}")
    assert ada.selected() == "b1" and ada.task() == task
    ada.press("x")
    ada.submit()
    assert [label["id"] for label in house.truth("boxes")] == ["b2"]

"""Looking closer: the selected label stays in the part of the picture that is seen."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

# The selected box and the stage, in screen pixels.
PLACES = """() => {
  const stage = document.querySelector('.stage').getBoundingClientRect();
  const box = document.querySelector('.box-selected .box-line').getBoundingClientRect();
  return [box.left - stage.left, box.top - stage.top, stage.right - box.right, stage.bottom - box.bottom];
}"""


def test_the_selected_label_is_in_sight_while_zoomed(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press("z")
    for key in ("Tab", "Shift+Tab", "Tab"):
        before = ada.selected()
        ada.press(key)
        expect(ada.page.locator(".box-selected")).not_to_have_attribute("data-label", before)
        ada.page.wait_for_function(f"() => ({PLACES})().every(gap => gap >= 0)")
        # The other one is out of sight, and has no tag at the edge as if it were there.
        expect(ada.page.locator(".tag")).to_have_count(1)
    ada.press(*["Shift+ArrowDown"] * 30)
    ada.page.wait_for_function(f"() => ({PLACES})().every(gap => gap >= 0)")
    ada.press("z")
    expect(ada.page.locator(".tag")).to_have_count(2)


def test_the_wheel_too(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    stage = ada.page.locator(".stage").bounding_box()
    assert stage is not None
    ada.page.mouse.move(stage["x"] + stage["width"] - 30, stage["y"] + stage["height"] - 30)
    ada.page.mouse.wheel(0, -600)
    expect(ada.page.locator(".tag")).to_have_count(0)
    ada.press("Tab")
    ada.page.wait_for_function(f"() => ({PLACES})().every(gap => gap >= 0)")

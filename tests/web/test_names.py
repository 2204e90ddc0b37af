"""Names beyond the ninth: chosen by typing, for the selected label and for one that is being drawn."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer
from wire.script import LabelSchema

MANY = ["cup", "kettle", "person", *(f"thing {number}" for number in range(4, 80)), "traffic light"]


@pytest.fixture
def ada(house: House, open_page: Open) -> Reviewer:
    house.schema = LabelSchema(boxes=MANY, tracks=MANY, speech=["speech"], text=["answer"])
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    return ada


def test_any_name_of_eighty_for_the_selected_label(house: House, ada: Reviewer) -> None:
    assert ada.selected() == "b2"
    ada.press("0")
    ada.type("thing 7")
    found = ada.page.get_by_role("listbox", name="Names that fit").get_by_role("option")
    expect(found.locator(".names-word")).to_have_text(["thing 7", *(f"thing {number}" for number in range(70, 80))])
    ada.press("down", "down", "up", "down", "Enter")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    expect(ada.page.locator(".label-selected")).to_contain_text("thing 71")
    expect(ada.page.locator(".names .name-on")).to_have_text("thing 71")
    ada.press("Tab", "0")
    ada.type("light")
    found.get_by_text("traffic light").click()
    ada.press("0")
    ada.type("no such name")
    expect(found).to_have_count(0)
    ada.press("Enter", "Escape")
    ada.submit()
    assert [label["label"] for label in house.truth("boxes")] == ["traffic light", "thing 71"]


def test_a_name_while_drawing(house: House, ada: Reviewer) -> None:
    ada.press("n")
    ada.word("New box “cup”")
    ada.press("3")
    ada.word("New box “person”")
    ada.press("Space", "0")
    ada.type("thing 42")
    ada.press("Enter")
    ada.word("New box “thing 42”")
    ada.press("Shift+ArrowRight", "Shift+ArrowDown", "Space")
    assert ada.selected() == "p1"
    ada.submit()
    labels = {label["id"]: label["label"] for label in house.truth("boxes")}
    assert labels == {"b1": "cup", "b2": "kettle", "p1": "thing 42"}


def test_the_names_by_mouse(house: House, ada: Reviewer) -> None:
    expect(ada.page.locator(".names .name")).to_have_count(10)
    ada.page.get_by_role("button", name="all 80 names").click()
    ada.page.get_by_role("combobox").fill("79")
    ada.page.get_by_role("option", name="thing 79").click()
    # A clicked button does not keep the focus: Enter accepts.
    ada.page.locator(".names").get_by_role("button", name="thing 79").click()
    ada.submit()
    assert house.truth("boxes")[1]["label"] == "thing 79"


def test_tab_reaches_the_buttons_after_the_last_label(ada: Reviewer) -> None:
    accept = ada.page.locator(".bar .primary")
    ada.press("Tab")
    expect(accept).not_to_be_focused()
    ada.press("Tab")
    expect(accept).to_be_focused()
    before = ada.selected()
    ada.press("right")
    ada.word("1 moved")
    reached: list[str] = []
    # From "accept", the last one on the page, the browser goes round to the first one.
    ada.page.evaluate("document.querySelector('.top button').focus()")
    while not reached or not reached[-1].endswith("accept and next"):
        reached.append(ada.page.evaluate("document.activeElement.textContent.trim()"))
        ada.press("Tab")
        assert len(reached) < 60
    for verb in ("keys", "cup", "back", "skip"):
        assert any(text.endswith(verb) for text in reached), reached
    assert ada.selected() == before, "Tab on a button leaves the labels alone"
    accept.focus()
    ada.press("Escape", "Tab")
    expect(accept).not_to_be_focused()
    assert ada.selected() != before

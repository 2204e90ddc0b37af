"""A correction and what it corrects are compared where the eye is."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def test_what_a_correction_changed_is_marked(house: House, open_page: Open) -> None:
    house.add_answer("Ein roter Becher und ein Löfel")
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    changes = ada.page.locator(".answer-changes")
    expect(changes).to_have_text("nothing")
    field = ada.page.locator(".answer-field")
    before = field.bounding_box()
    ada.press("w", "End", "Backspace", "Backspace")
    ada.type("fel")
    expect(changes.locator("del")).to_have_text("Löfel")
    expect(changes.locator("ins")).to_have_text("Löffel")
    assert field.bounding_box() == before, "nothing moves under the hand that writes"
    ada.press("Escape", "u")
    expect(changes).to_have_text("nothing")


def test_a_long_answer_and_its_correction_stand_beside_each_other(house: House, open_page: Open) -> None:
    house.add_answer("Ein roter Becher steht auf dem Tisch neben dem Fenster. " * 20)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    typed, field = ada.page.locator(".answer-original"), ada.page.locator(".answer-field")
    left, right = typed.bounding_box(), field.bounding_box()
    assert left is not None and right is not None
    assert left["x"] + left["width"] <= right["x"] and abs(left["y"] - right["y"]) < 8
    ada.page.set_viewport_size({"width": 390, "height": 844})
    ada.page.wait_for_function(
        """() => {
          const place = name => document.querySelector(name).getBoundingClientRect();
          const [a, b] = ['.answer-original', '.answer-field'].map(place);
          return a.bottom <= b.top && Math.abs(a.left - b.left) < 8;
        }"""
    )

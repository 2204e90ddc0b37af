"""What pre-labels bring to review: text in stills, filled in places, outlines, shared prompts, masked recordings."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.mouse import drag, on_picture
from tests.web import media
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def by_id(labels: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {label["id"]: label for label in labels}


class TestReading:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        house.add_sign()
        house.publish()
        ada = Reviewer(open_page())
        assert ada.kind() == "text"
        return ada

    def fields(self, ada: Reviewer) -> list[str]:
        ada.painted()
        return [field.input_value() for field in ada.page.locator(".piece textarea").all()]

    def test_every_text_in_the_order_it_is_read(self, ada: Reviewer) -> None:
        assert self.fields(ada) == [said.lower() for _, said in media.SIGN]
        assert ada.selected() == "w2", "the least certain text is selected, not its place"
        expect(ada.page.locator(".box-selected[data-label=p2] polygon")).to_have_count(2)
        expect(ada.page.locator(".stage-tags .tag")).to_have_count(1)
        expect(ada.page.locator(".label-row")).to_have_count(3)
        ada.press("down")
        assert ada.selected() == "w3"
        ada.press("up", "up")
        assert ada.selected() == "w1"
        expect(ada.page.locator(".box-selected")).to_have_attribute("data-label", "p1")
        ada.press("Shift+Tab")
        assert ada.selected() == "w3", "Tab goes by doubt"

    def test_a_text_is_corrected(self, house: House, ada: Reviewer) -> None:
        ada.press("w")
        ada.press("Control+a")
        ada.type("9 to 5, n u")
        ada.press("Escape", "l", "g", "Escape")
        ada.submit()
        labels = by_id(house.truth("text"))
        assert labels["w2"]["text"] == "9 to 5, n u" and labels["w2"]["edited"] is True
        assert labels["w2"]["language"] == "de" and labels["w2"]["parent"] == "p2"
        assert "edited" not in labels["w1"] and "edited" not in labels["p2"]

    def test_deleting_takes_place_and_text_and_undo_brings_both_back(self, house: House, ada: Reviewer) -> None:
        ada.press("Delete")
        expect(ada.page.locator(".piece")).to_have_count(2)
        expect(ada.page.locator(".box-ghost")).to_have_count(1)
        expect(ada.page.locator(".label-ghost")).to_have_count(1)
        ada.press("u")
        assert self.fields(ada)[1] == "9 to 5" and ada.selected() == "w2"
        ada.press("Delete")
        ada.page.locator(".label-ghost").click()
        assert self.fields(ada)[1] == "9 to 5", "a click brings both back, where they stood"
        ada.press("Delete")
        ada.submit()
        assert [label["id"] for label in house.truth("text")] == ["p1", "w1", "p3", "w3"]

    def test_a_click_on_the_picture_selects_the_text(self, ada: Reviewer) -> None:
        x, y, width, height = media.SIGN[2][0]
        ada.page.mouse.click(*on_picture(ada.page, x + width / 2, y + height / 2))
        assert ada.selected() == "w3"
        picture = ada.page.locator(".stage-picture")
        whole = picture.bounding_box()
        ada.press("z")
        ada.page.wait_for_function(
            "width => document.querySelector('.stage-picture').clientWidth > width", arg=whole and whole["width"] + 20
        )

    def test_an_answer_and_a_sign_one_after_the_other(self, house: House, open_page: Open, ada: Reviewer) -> None:
        house.add_answer(typed="A red cup")
        house.publish()
        ada.submit()
        ada.page.wait_for_selector(".answer-original")
        expect(ada.page.locator("textarea")).to_have_value("A red cup")
        ada.press("b")
        ada.page.wait_for_selector(".reading")
        expect(ada.page.locator(".answer-original")).to_have_count(0)


class TestOutlines:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        house.add_outlines()
        house.publish()
        ada = Reviewer(open_page())
        assert ada.kind() == "boxes"
        return ada

    def test_they_are_drawn_selected_and_rejected(self, house: House, ada: Reviewer) -> None:
        assert ada.selected() == "o1"
        expect(ada.page.locator("[data-label=o1] polygon.box-line")).to_have_count(1)
        expect(ada.page.locator("[data-label=k1] circle.box-line")).to_have_count(2)
        expect(ada.page.locator(".handle")).to_have_count(0)
        ada.page.mouse.click(*on_picture(ada.page, 440, 180))
        assert ada.selected() == "b1"
        drag(ada.page, on_picture(ada.page, 150, 225), on_picture(ada.page, 190, 240))
        assert ada.selected() == "o1"
        ada.press("Delete")
        ada.submit()
        labels = by_id(house.truth("boxes"))
        assert set(labels) == {"b1", "k1"} and "edited" not in labels["b1"]

    def test_points_go_and_come_with_their_box(self, house: House, ada: Reviewer) -> None:
        ada.page.mouse.click(*on_picture(ada.page, 440, 180))
        ada.press("Delete")
        expect(ada.page.locator(".label-ghost")).to_have_count(2)
        ada.page.locator(".label-ghost").first.click()
        expect(ada.page.locator(".label-ghost")).to_have_count(0)

    def test_that_faces_are_masked_is_said(self, ada: Reviewer) -> None:
        expect(ada.page.locator(".masked")).to_contain_text("faces masked")


class TestGap:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        house.add_gap()
        house.publish()
        return Reviewer(open_page())

    def test_a_filled_in_place_says_so_until_somebody_has_seen_it(self, house: House, ada: Reviewer) -> None:
        ada.go_to("tracks")
        ada.frame(5)
        expect(ada.page.locator(".track-unseen")).to_have_attribute("data-unseen", "10-20")
        expect(ada.page.locator(".label-facts")).to_contain_text("not seen on frames 10–19: filled in")
        expect(ada.page.locator(".box-unseen")).to_have_count(0)
        ada.press("]", ".")
        ada.frame(11)
        expect(ada.page.locator(".box-unseen")).to_have_count(1)
        expect(ada.page.locator(".transport-word").first).to_have_text("not seen here: filled in")
        ada.press(".", "right")
        expect(ada.page.locator(".track-unseen")).to_have_attribute("data-unseen", "10-12")
        ada.press(",")
        ada.frame(11)
        expect(ada.page.locator(".box-unseen")).to_have_count(1)
        ada.press("[", "k")
        ada.frame(10)
        expect(ada.page.locator(".track-unseen")).to_have_count(0)
        ada.submit()
        keyframes = by_id(house.truth("tracks"))["t1"]["keyframes"]
        assert [key["frame"] for key in keyframes] == [5, 10, 12, 20]
        assert not any("interpolated" in key.get("attributes", {}) for key in keyframes)

"""The review page in a real browser over a real collector: everything by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.waiting import until
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def by_id(labels: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {label["id"]: label for label in labels}


def test_ten_items_by_keyboard_alone(house: House, open_page: Open) -> None:
    for _ in range(2):
        house.add_still()
        house.add_answer()
    for _ in range(3):
        house.add_walk()
    house.publish()
    ada = Reviewer(open_page())
    work = {
        "boxes": ("right", "Shift+ArrowDown", "2"),
        "tracks": (".", ".", "left", "k"),
        "speech": ("e", "Tab", "e", "right"),
        "text": ("w", "End", "!", "Escape"),
    }
    for _ in range(10):
        ada.press(*work[ada.kind()])
        ada.submit()
    ada.empty()
    until(lambda: len(house.tasks("done")) == 10, 30)
    revisions = [rows[0] for task in house.tasks() if (rows := house.revisions(task["id"]))]
    assert len(revisions) == 10
    assert all(row["reviewer"] == "ada" and row["first_input_at"] and row["active_ms"] > 0 for row in revisions)
    assert all(sum(diff["kept"] for diff in row["diff"].values()) < 2 for row in revisions)


class TestBoxes:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        house.add_still()
        house.publish()
        ada = Reviewer(open_page())
        assert ada.kind() == "boxes"
        return ada

    def test_move_an_edge_and_name_another(self, house: House, ada: Reviewer) -> None:
        assert ada.selected() == "b2", "the least certain label is selected when the item opens"
        ada.press("right", "Shift+ArrowRight", "up")
        ada.press("e", "left", "left", "Shift+ArrowLeft", "up", "up", "e")
        ada.press("down", "3")
        ada.press("Tab")
        assert ada.selected() == "b1"
        ada.submit()
        labels = by_id(house.truth("boxes"))
        # 430 + 11, then the left edge 11 further left; 60 - 1, the top edge 1 up, 1 down.
        assert {key: labels["b2"][key] for key in ("x", "y", "width", "height")} == {
            "x": 430.0, "y": 59.0, "width": 141.0, "height": 131.0,
        }  # fmt: skip
        assert labels["b2"]["label"] == "person" and labels["b2"]["edited"] is True
        assert labels["b2"]["source"]["name"] == "test-model" and "edited" not in labels["b1"]

    def test_reject_and_take_back(self, house: House, ada: Reviewer) -> None:
        ada.press("Delete")
        expect(ada.page.locator(".label-ghost")).to_have_count(1)
        expect(ada.page.locator(".box-ghost")).to_have_count(1)
        ada.press("u")
        expect(ada.page.locator(".label-ghost")).to_have_count(0)
        assert ada.selected() == "b2", "the label that came back is the one looked at"
        ada.press("Shift+U")
        expect(ada.page.locator(".label-ghost")).to_have_count(1)
        ada.word("1 rejected")
        ada.submit()
        assert list(by_id(house.truth("boxes"))) == ["b1"]


class TestTracks:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        house.add_walk()
        house.publish()
        ada = Reviewer(open_page())
        ada.go_to("tracks")
        return ada

    def test_every_step_shows_exactly_that_frame(self, ada: Reviewer) -> None:
        ada.frame(5)
        for key, frame in ((".", 6), (",", 5), (">", 15), (">", 25), ("<", 15), ("End", 44), (",", 43), ("<", 33)):
            ada.press(key)
            ada.frame(frame)
        ada.press("Home")
        for frame in range(1, 12):
            ada.press(".")
            ada.frame(frame)

    def test_it_plays_to_its_end(self, ada: Reviewer) -> None:
        # It lasts two seconds: what the button says meanwhile is written down in the page.
        ada.page.evaluate("""() => {
            const row = document.querySelector('.transport');
            window.said = [];
            new MutationObserver(() => window.said.push(row.textContent)).observe(
                row, { subtree: true, childList: true, characterData: true });
        }""")
        ada.press("Space")
        ada.frame(44)
        expect(ada.page.locator(".transport")).to_contain_text("play")
        assert any("pause" in text for text in ada.page.evaluate("window.said"))


class TestSpeech:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        house.add_walk()
        house.publish()
        ada = Reviewer(open_page())
        ada.go_to("speech")
        return ada

    def test_what_was_expected_is_what_was_said(self, house: House, ada: Reviewer) -> None:
        assert ada.selected() == "s2"
        ada.press("e", "Tab", "w")
        ada.type("turn on the kitchen night 1 n ? u")
        ada.press("Control+Enter")
        labels = by_id(house.truth("speech"))
        assert labels["s2"]["text"] == "Turn on the kitchen light"
        assert labels["s1"]["text"] == "turn on the kitchen night 1 n ? u", "in a field plain keys type"

    def test_while_writing_ctrl_plays_the_region_and_the_hand_stays(self, ada: Reviewer) -> None:
        stood = ada.page.locator(".transport-time")
        expect(stood).to_contain_text("0:01.600 of")
        ada.press("Home", "w")
        expect(stood).to_contain_text("0:00.000 of")
        ada.type("turn ")
        ada.press("Control+Space")
        expect(stood).to_contain_text("0:01.600 of")
        ada.type("on")
        expect(ada.page.locator("textarea:focus")).to_have_value("turn on")


def test_a_typed_answer(house: House, open_page: Open) -> None:
    house.add_answer(typed="Ein roter Becher ☕ und ein Löfel")
    house.publish()
    ada = Reviewer(open_page())
    assert ada.kind() == "text"
    ada.press("w", "End", "Backspace", "Backspace", "Backspace")
    ada.type("ffel ")
    # An e and a combining accent become one character when they are stored.
    ada.page.keyboard.insert_text("cafe\u0301")
    ada.press("Escape", "l", "g", "Escape")
    expect(ada.page.locator("select")).to_have_value("de")
    expect(ada.page.locator(".answer-original")).to_have_text("Ein roter Becher ☕ und ein Löfel")
    ada.submit()
    (label,) = house.truth("text")
    assert label["text"] == "Ein roter Becher ☕ und ein Löffel caf\u00e9" and label["language"] == "de"


def test_a_skip_is_taken_back_with_what_was_begun(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    # Behind the one that is open, whatever the chance of the queue: the empty page has no bar to say it.
    house.add_answer()
    house.publish()
    task = ada.task()
    ada.press("Shift+ArrowRight", "right", "s", "4")
    ada.word("Skipped: I know this person. Press B to undo.")
    until(lambda: house.task(task)["state"] == "skipped")
    ada.back(task)
    assert ada.kind() == "boxes"
    expect(ada.page.locator(".label-facts")).to_contain_text("x 441")
    ada.submit()
    until(lambda: house.task(task)["state"] == "done")
    assert house.truth("boxes")[1]["x"] == 441.0

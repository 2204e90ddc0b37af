"""The review page in a real browser over a real collector: everything by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.collector.running import until
from tests.web import media
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

    def test_draw_by_keyboard(self, house: House, ada: Reviewer) -> None:
        ada.press("n")
        ada.word("New box")
        ada.press("up", "up", "Space", "Shift+ArrowRight", "down", "down", "down", "Enter")
        assert ada.selected() == "p1"
        ada.press("2")
        ada.submit()
        made = by_id(house.truth("boxes"))["p1"]
        middle = (media.WIDTH / 2, media.HEIGHT / 2)
        assert (made["x"], made["y"], made["width"], made["height"]) == (middle[0], middle[1] - 20, 50, 30)
        assert made["label"] == "kettle" and made["score"] is None and made.get("source") is None

    def test_a_drawing_can_be_left(self, house: House, ada: Reviewer) -> None:
        ada.press("n", "Space", "right", "Escape")
        ada.word("2 labels, as the model made them")
        ada.submit()
        assert set(by_id(house.truth("boxes"))) == {"b1", "b2"}


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

    def test_keyframes(self, house: House, ada: Reviewer) -> None:
        times = media.frame_times(45)
        ada.frame(5)
        ada.press("]")
        ada.frame(25)
        ada.press("[")
        ada.frame(5)
        ada.press(">", "k", "right", "right")
        ada.frame(15)
        expect(ada.page.locator(".track-selected .keyframe")).to_have_count(4)
        ada.press("}")
        ada.frame(16)
        ada.press(">", "h")
        ada.frame(26)
        ada.submit()
        track = by_id(house.truth("tracks"))["t1"]
        frames = [(key["frame"], key["visible"]) for key in track["keyframes"]]
        assert frames == [(5, True), (16, True), (25, True), (26, False), (30, False)]
        assert all(key["start_us"] == times[key["frame"]] for key in track["keyframes"])
        x, y, *_ = media.person_at(5)
        end = media.person_at(25)[0]
        share = (times[15] - times[5]) / (times[25] - times[5])
        assert track["keyframes"][1]["x"] == pytest.approx(x + (end - x) * share + 2, abs=1e-6)
        assert track["keyframes"][1]["y"] == y and track["edited"] is True

    def test_a_new_track_and_one_rejected(self, house: House, ada: Reviewer) -> None:
        ada.press("Delete", "Home")
        ada.frame(0)
        ada.press("n", "Space", "Shift+ArrowRight", "Shift+ArrowDown", "Space", "2")
        ada.submit()
        labels = by_id(house.truth("tracks"))
        assert list(labels) == ["p1"] and labels["p1"]["label"] == "cup"
        assert [key["frame"] for key in labels["p1"]["keyframes"]] == [0, 44]

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

    def test_edges_move_and_regions_are_cut_made_and_rejected(self, house: House, ada: Reviewer) -> None:
        ada.press("left", "Shift+ArrowLeft", "[", "right", "right")
        ada.press("up", "c")
        ada.press("End", "n", "2")
        ada.submit()
        labels = sorted(house.truth("speech"), key=lambda label: int(label["start_us"]))
        spans = [(label["start_us"], label["end_us"], label["label"]) for label in labels]
        end = media.frame_times(45)[-1]
        assert len(spans) == 4
        assert spans[0][0] == 300_000 and spans[0][1] == spans[1][0] and spans[1][1] == 900_000
        assert (1_220_000, 1_490_000, "speech") in spans
        assert (end - 1_000_000, end, "noise") in spans

    def test_selecting_a_region_plays_it(self, ada: Reviewer) -> None:
        ada.press("Tab")
        assert ada.selected() == "s1"
        expect(ada.page.locator(".transport-time")).to_contain_text("0:00.900 of")

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

    def test_no_speech_at_all(self, house: House, ada: Reviewer) -> None:
        ada.press("Delete", "Delete")
        expect(ada.page.locator(".words-none")).to_be_visible()
        ada.submit()
        assert house.truth("speech") == []


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


def test_an_answer_that_is_right_is_accepted_as_it_was_typed(house: House, open_page: Open) -> None:
    house.add_answer(typed="A red cup")
    house.publish()
    ada = Reviewer(open_page())
    assert ada.kind() == "text"
    expect(ada.page.locator("textarea")).to_have_value("A red cup")
    ada.submit()
    (label,) = house.truth("text")
    assert label["text"] == "A red cup"


def test_back_opens_what_was_submitted(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_answer()
    house.publish()
    ada = Reviewer(open_page())
    first, kind = ada.task(), ada.kind()
    ada.submit()
    second = ada.task()
    ada.back(first)
    assert ada.kind() == kind
    ada.press("Delete")
    ada.submit()
    assert ada.task() == second, "what was open comes right after it"
    until(lambda: len(house.revisions(first)) == 2, 30)
    assert len(house.revisions(first)[1]["documents"][0]["labels"]) < len(
        house.revisions(first)[0]["documents"][0]["labels"]
    )
    ada.submit()
    ada.empty()


def test_skip_and_give_back(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_answer()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    skipped = ada.task()
    ada.skip("2")
    ada.kind()
    ada.press("r")
    ada.page.wait_for_selector("[data-state=resting]")
    states = {row["id"]: row["state"] for row in house.tasks()}
    assert states.pop(skipped) == "skipped" and list(states.values()) == ["open"]
    ada.press("Enter")
    ada.kind()


def test_a_skip_is_taken_back_with_what_was_begun(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_answer()
    house.publish()
    ada = Reviewer(open_page())
    ada.go_to("boxes")
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


def test_what_is_on_its_way_is_given_back_too(house: House, open_page: Open) -> None:
    for _ in range(6):
        house.add_answer()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.page.wait_for_load_state("networkidle")
    held: list[Route] = []
    ada.page.route("**/api/tasks/next", lambda route: held.append(route))
    done = ada.task()
    ada.press("Control+Enter")
    until(lambda: held or ada.page.wait_for_timeout(20))
    ada.press("Escape", "r")
    ada.page.wait_for_timeout(300)
    with ada.page.expect_response("**/api/tasks/next"):
        held[0].continue_()
    ada.page.wait_for_selector("[data-state=resting]")
    until(lambda: house.task(done)["state"] == "done")
    assert [row["state"] for row in house.tasks() if row["id"] != done] == ["open"] * 5

"""A spoken answer: a person hears it and writes what was said, or accepts what a model heard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Request, expect

from tests.support.mouse import drag
from tests.support.waiting import until
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

HEARD = "I had toast with jam"


def opened(house: House, open_page: Open, heard: str | None) -> Reviewer:
    house.add_spoken(heard)
    house.publish()
    ada = Reviewer(open_page())
    assert ada.kind() == "text"
    return ada


def seconds(ada: Reviewer) -> float:
    """Where the playhead stands."""
    minutes, rest = ada.page.locator(".transport-time").inner_text().split(" of ")[0].split(":")
    return 60 * int(minutes) + float(rest)


def plays_past(ada: Reviewer, at: float) -> None:
    """Waits until the playhead has gone on from there."""
    ada.page.wait_for_function(
        "at => Number(document.querySelector('.transport-time').textContent.split(/[: ]/)[1]) > at", arg=at
    )


def revision(house: House) -> dict[str, Any]:
    task = house.task_id("text")
    rows: list[dict[str, Any]] = until(lambda: house.revisions(task), 90)
    return rows[-1]


class TestHeardByNobodyYet:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        return opened(house, open_page, None)

    def test_it_is_played_written_and_submitted(self, house: House, ada: Reviewer) -> None:
        expect(ada.page.locator(".answer-asked")).to_have_text("What did you have for breakfast?")
        expect(ada.page.locator(".answer-facts")).to_contain_text("nothing written yet")
        expect(ada.page.locator(".top-where")).to_contain_text("spoken answers")
        told: list[Any] = []

        def hear(sent: Request) -> None:
            if sent.url.endswith("/activity"):
                told.append(sent.post_data_json)

        ada.page.on("request", hear)
        ada.press("Space")
        expect(ada.page.locator(".transport")).to_contain_text("pause")
        plays_past(ada, 0.3)
        ada.press("Space")
        expect(ada.page.locator(".transport")).to_contain_text("play")
        stood = seconds(ada)
        ada.press("w")
        ada.type("Toast und Tee, n u 1 ?")
        ada.press("Control+Space")
        expect(ada.page.locator(".transport")).to_contain_text("pause")
        plays_past(ada, stood)
        ada.press("Control+Space")
        ada.type("!")
        expect(ada.page.locator("textarea:focus")).to_have_value("Toast und Tee, n u 1 ?!")
        expect(ada.page.locator(".answer-facts")).to_contain_text("23 characters")
        ada.press("Escape", "l", "g")
        expect(ada.page.locator("select")).to_have_value("de")
        expect(ada.page.locator(".label-row .label-language")).to_have_text("de")
        ada.submit("Control+Enter")
        stored = revision(house)
        (label,) = stored["documents"][0]["labels"]
        assert {key: label[key] for key in ("id", "kind", "label", "text", "language")} == {
            "id": "p1", "kind": "text", "label": "answer", "text": "Toast und Tee, n u 1 ?!", "language": "de",
        }  # fmt: skip
        assert label["score"] is None and "source" not in label
        assert [row["playing"] for row in told].count(True) >= 2, "listening counts as work"

    def test_going_to_and_fro(self, ada: Reviewer) -> None:
        ada.press("End")
        assert seconds(ada) == 8
        ada.press("left", "Shift+ArrowLeft")
        assert seconds(ada) == 2
        ada.press("right", "w", "Control+.")
        assert seconds(ada) == 4
        ada.press("Control+,", "Escape", "Home", "left")
        assert seconds(ada) == 0
        ada.press("<", "<", "<")
        expect(ada.page.locator(".transport-speed output")).to_have_text("0.5 ×")
        ada.press(">")
        expect(ada.page.locator(".transport-speed output")).to_have_text("0.75 ×")

    def test_a_click_on_the_waveform_goes_there_and_leaves_the_hand_in_the_field(self, ada: Reviewer) -> None:
        row = ada.page.locator(".wave-row").bounding_box()
        assert row is not None
        ada.press("w")
        ada.page.mouse.click(row["x"] + row["width"] / 2, row["y"] + 20)
        assert seconds(ada) == pytest.approx(4, abs=0.03)
        drag(ada.page, (row["x"] + 10, row["y"] + 20), (row["x"] + row["width"] / 4, row["y"] + 20))
        assert seconds(ada) == pytest.approx(2, abs=0.03)
        ada.page.locator(".transport-play").click()
        expect(ada.page.locator(".transport")).to_contain_text("pause")
        ada.type("tea ")
        expect(ada.page.locator("textarea:focus")).to_have_value("tea ")
        expect(ada.page.locator(".transport")).to_contain_text("pause")


def test_nothing_is_shown_twice(house: House, open_page: Open) -> None:
    ada = opened(house, open_page, HEARD)
    panel, work = ada.page.locator(".panel"), ada.page.locator(".work")
    question = "What did you have for breakfast?"
    expect(work).to_contain_text(question)
    expect(panel).not_to_contain_text(question)
    expect(ada.page.locator(".label-row")).to_contain_text("answer")
    # A screen reader alone is told the words once more.
    expect(ada.page.locator(".label-row, .label-facts")).not_to_contain_text([HEARD, HEARD])


class TestHeardByAModel:
    @pytest.fixture
    def ada(self, house: House, open_page: Open) -> Reviewer:
        ada = opened(house, open_page, HEARD)
        expect(ada.page.locator("textarea")).to_have_value(HEARD)
        expect(ada.page.locator(".answer-facts")).to_contain_text("✓ as the model heard")
        return ada

    def test_enter_accepts_it_as_it_is(self, house: House, ada: Reviewer) -> None:
        ada.word("1 label, as the model made it")
        ada.submit()
        stored = revision(house)
        (label,) = stored["documents"][0]["labels"]
        assert label["id"] == "a1" and label["text"] == HEARD and "edited" not in label
        assert sum(diff["kept"] for diff in stored["diff"].values()) == 1

    def test_it_is_rejected_and_brought_back(self, house: House, ada: Reviewer) -> None:
        ada.press("Delete")
        expect(ada.page.locator("textarea")).to_have_value("")
        expect(ada.page.locator(".answer-facts")).to_contain_text("rejected: no usable answer")
        expect(ada.page.locator(".label-ghost")).to_have_count(1)
        ada.press("u")
        expect(ada.page.locator("textarea")).to_have_value(HEARD)
        ada.press("Delete")
        ada.submit()
        assert revision(house)["documents"][0]["labels"] == []
        # Opened again there is nothing to undo, and U still brings it back.
        ada.empty()
        ada.press("b")
        ada.kind()
        expect(ada.page.locator(".answer-facts")).to_contain_text("rejected: no usable answer")
        ada.press("u")
        expect(ada.page.locator("textarea")).to_have_value(HEARD)


def test_a_typed_answer_and_a_spoken_one_one_after_the_other(house: House, open_page: Open) -> None:
    house.add_spoken(HEARD)
    house.add_answer(typed="A red cup")
    house.publish()
    ada = Reviewer(open_page())
    seen = set()
    for _ in range(2):
        ada.kind()
        seen.add(ada.page.locator("textarea").input_value())
        ada.submit()
    assert seen == {HEARD, "A red cup"}
    ada.empty()


def test_the_first_hints_are_about_it(house: House, open_page: Open) -> None:
    house.add_spoken()
    house.publish()
    page = open_page(hints=True)
    expect(page.locator(".hints p")).to_have_count(3)
    expect(page.locator(".hints")).to_contain_text("Ctrl Space plays while you write")


def test_sound_that_cannot_be_played_says_so(house: House, open_page: Open) -> None:
    house.add_spoken(HEARD)
    house.publish()
    page = open_page("eve")
    page.route("**/media*", lambda route: route.fulfill(body=b"no sound", content_type="audio/flac"))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("This browser cannot play the recording.")
    page.keyboard.press("s")
    page.keyboard.press("1")
    Reviewer(page).empty()


def test_sound_that_does_not_come_can_be_asked_for_again(house: House, open_page: Open) -> None:
    house.add_spoken(HEARD)
    house.publish()
    page = open_page("eve")
    page.route("**/media*", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The answer cannot be shown")
    page.unroute("**/media*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("textarea")).to_have_value(HEARD)

"""At 200 % and 400 % (WCAG 1.4.4, 1.4.10), and by touch on a phone: work is on the screen and can be done."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

SEEN = {
    "boxes": (".stage", 240),
    "tracks": (".stage", 150),
    "speech": (".wave-row", 60),
    "text": (".answer-field, .piece textarea", 25),
}


def shown(where: Locator) -> tuple[float, float]:
    """(width, height) of the part of an element that is in the window."""
    width, height = where.evaluate("""element => {
        const r = element.getBoundingClientRect();
        const within = (from, to, end) => Math.min(to, end) - Math.max(from, 0);
        return [within(r.left, r.right, innerWidth), within(r.top, r.bottom, innerHeight)];
    }""")
    return width, height


def filled(house: House) -> None:
    house.add_still()
    house.add_walk()
    house.add_answer()
    house.add_spoken("I had toast with jam")
    house.add_sign()
    house.publish()


def test_at_200_percent_the_medium_and_the_field_are_on_the_screen(house: House, open_page: Open) -> None:
    filled(house)
    ada = Reviewer(open_page())
    ada.page.set_viewport_size({"width": 720, "height": 450})
    for _ in range(6):
        kind = ada.kind()
        wanted, height = SEEN[kind]
        assert shown(ada.page.locator(wanted).first)[1] >= height, kind
        wide, high = ada.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert (wide, high) == (720, 450), kind
        accept = ada.page.locator(".bar .primary")
        expect(accept).to_be_in_viewport(ratio=1)
        # Nothing of the work is drawn over the panel or the bar.
        work, bar = ada.page.locator(".work").bounding_box(), ada.page.locator(".bar").bounding_box()
        assert work is not None and bar is not None and work["y"] + work["height"] <= bar["y"] + 1
        ada.submit()


def test_at_400_percent_nothing_needs_scrolling_in_two_directions(house: House, open_page: Open) -> None:
    filled(house)
    ada = Reviewer(open_page())
    ada.page.set_viewport_size({"width": 360, "height": 225})
    for _ in range(6):
        kind = ada.kind()
        assert ada.page.evaluate("document.documentElement.scrollWidth") == 360, kind
        accept = ada.page.locator(".bar .primary")
        accept.scroll_into_view_if_needed()
        expect(accept).to_be_in_viewport(ratio=0.98)  # a fifth of a pixel may be rounded away
        ada.submit()


def test_the_help_scrolls_by_key(house: House, open_page: Open) -> None:
    house.add_walk()
    house.publish()
    ada = Reviewer(open_page())
    ada.go_to("tracks")
    ada.page.set_viewport_size({"width": 720, "height": 450})
    ada.press("?")
    dialog = ada.page.get_by_role("dialog", name="All keys")
    expect(dialog).to_be_focused()
    ada.press("PageDown")
    ada.page.wait_for_function("document.querySelector('dialog').scrollTop > 100")
    ada.press("End")
    expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    ada.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("kind", ["boxes", "tracks"])
def test_labels_are_changed_by_touch(house: House, open_page: Open, kind: str) -> None:
    house.add_still() if kind == "boxes" else house.add_walk()
    house.publish()
    page = open_page(has_touch=True)
    page.set_viewport_size({"width": 390, "height": 844})
    ada = Reviewer(page)
    ada.go_to(kind)
    tools = page.get_by_role("group", name="Labels")
    for button in tools.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 40 and box["x"] + box["width"] <= 390
    expect(tools.get_by_role("button", name="undo")).to_be_disabled()
    tools.get_by_role("button", name="reject").tap()
    ada.word("1 rejected")
    tools.get_by_role("button", name="undo").tap()
    ada.word("as the model made")
    tools.get_by_role("button", name="redo").tap()
    ada.word("1 rejected")
    tools.get_by_role("button", name="new").tap()
    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    page.mouse.move(stage["x"] + 120, stage["y"] + stage["height"] / 2 - 30)
    page.mouse.down()
    page.mouse.move(stage["x"] + 220, stage["y"] + stage["height"] / 2 + 30, steps=3)
    page.mouse.up()
    ada.word("1 rejected, 1 added")
    if kind == "tracks":
        tools.get_by_role("button", name="hide").tap()
        expect(page.locator(".label-facts")).to_contain_text("keyframes")
    page.get_by_role("button", name="All keys").tap()
    expect(page.get_by_role("dialog", name="All keys")).to_be_visible()
    page.get_by_role("button", name="Close").tap()
    page.get_by_role("button", name="accept and next").tap()
    page.wait_for_function("() => !document.querySelector('.bar-word')?.textContent.includes('1 added')")
    assert [label["id"] for label in house.truth(kind) if label["id"] == "p1"] == ["p1"]

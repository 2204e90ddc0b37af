"""Nothing becomes ground truth that was not on the screen of the person who accepted it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.support.waiting import until
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

ACCEPT_ALL_WAYS = """() => {
  const press = more => dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', cancelable: true, ...more}));
  press({}); press({ctrlKey: true}); document.querySelector('.bar .primary').click();
}"""


@pytest.mark.parametrize("kind", ["boxes", "speech"])
def test_an_item_whose_medium_is_on_its_way_is_refused(house: House, open_page: Open, kind: str) -> None:
    house.add_still() if kind == "boxes" else house.add_walk()
    house.publish()
    ada = Reviewer(open_page())
    held: list[Route] = []
    ada.page.route("**/media", lambda route: held.append(route))
    ada.page.reload()
    task = ada.task()
    if kind == "speech" and ada.page.get_attribute(".review", "data-type") == "tracks":
        ada.skip()
        task = ada.task()
    until(lambda: held or ada.page.wait_for_timeout(20))
    ada.page.evaluate(ACCEPT_ALL_WAYS)
    ada.word("not on screen yet")
    assert ada.task() == task
    for route in held:
        route.continue_()
    ada.page.unroute("**/media")
    ada.kind()
    assert house.revisions(task) == []
    ada.submit()
    until(lambda: house.revisions(task))


def test_a_medium_that_failed_can_only_be_skipped(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.page.route("**/media", lambda route: route.abort())
    ada.page.reload()
    task = ada.task()
    expect(ada.page.locator(".trouble")).to_contain_text("cannot be shown")
    ada.page.evaluate(ACCEPT_ALL_WAYS)
    ada.word("Press S to skip this item.")
    assert ada.task() == task and house.revisions(task) == []
    ada.press("s", "2")
    ada.empty()
    assert [row["id"] for row in house.tasks("skipped")] == [task]


def test_a_turned_box_is_drawn_turned_and_stays_turned(house: House, open_page: Open) -> None:
    house.add_turned()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    line = ada.page.locator("[data-label=b1] .box-line")
    turn = line.evaluate("e => { const m = e.getCTM(); return Math.atan2(m.b, m.a) * 180 / Math.PI; }")
    assert turn == pytest.approx(30, abs=0.01)
    handles = ada.page.locator("g:has(> .handle)").first
    assert handles.evaluate("e => Math.atan2(e.getCTM().b, e.getCTM().a) * 180 / Math.PI") == pytest.approx(
        30, abs=0.01
    )
    ada.press("right", "e", "right", "Shift+ArrowRight")
    ada.submit()
    label = house.truth("boxes")[0]
    assert label["rotation"] == 30 and label["width"] == 250
    # The left end stays: half of the ten pixels along the turned axis for the centre, then half of the width back.
    assert label["x"] == pytest.approx(201 + 5 * 0.8660254 - 5, abs=1e-6)
    assert label["y"] == pytest.approx(150 + 5 * 0.5, abs=1e-6)

"""Every state of the page passes axe-core, in light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.axe import violations
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer
from wire.script import LabelSchema

pytestmark = pytest.mark.usefixtures("page_packages")

MANY = ["cup", "kettle", "person", *(f"thing {number}" for number in range(4, 31))]


def check(page: Page, what: str) -> None:
    """As the page is now, in light and in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], (what, scheme)


def test_every_kind_of_item_and_every_dialog(house: House, open_page: Open) -> None:
    house.schema = LabelSchema(boxes=MANY, tracks=MANY, speech=["speech"], text=["answer"])
    house.add_crowd(60)
    house.add_walk()
    house.add_answer()
    house.add_spoken("I had toast with jam")
    house.add_sign()
    house.publish()
    ada = Reviewer(open_page(hints=True))
    for number in range(6):
        kind = ada.kind()
        check(ada.page, kind)
        for key, name in (("?", "All keys"), ("s", "Skip this item"), ("0", "Choose a name")) if number < 2 else ():
            ada.press(key)
            expect(ada.page.get_by_role("dialog", name=name)).to_be_visible()
            check(ada.page, name)
            ada.press("Escape")
        if kind == "boxes":
            ada.press("Delete", "n")
            check(ada.page, "a ghost and a drawing")
            ada.press("Escape")
        ada.submit()
    ada.empty()
    check(ada.page, "empty")


def test_what_is_not_work(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_answer()
    house.publish()
    lin = Reviewer(open_page("lin", "lead"))
    lin.kind()
    lin.skip()
    lin.kind()
    for place in ("today", "prelabels"):
        lin.page.evaluate("place => { location.hash = place; }", place)
        lin.page.wait_for_selector(f"[data-state={place}]")
        if place == "today":
            expect(lin.page.get_by_role("region", name="Skipped items")).to_be_visible()
        else:
            lin.page.wait_for_load_state("networkidle")
        check(lin.page, place)
    lin.page.evaluate("location.hash = ''")
    lin.kind()
    for key, state in (("r", "resting"), ("q", "leaving")):
        lin.press(key)
        lin.page.wait_for_selector(f"[data-state={state}]")
        check(lin.page, state)
    expect(lin.page.locator("[data-state=leaving]")).to_contain_text("All your work is at the collector")
    lin.press("Enter")
    lin.page.wait_for_selector("[data-state=signed-out]")
    check(lin.page, "signed out")
    ada = open_page("ada")
    ada.route("**/api/tasks/next", lambda route: route.abort())
    ada.reload()
    ada.wait_for_selector("[data-state=failed]")
    check(ada, "offline")

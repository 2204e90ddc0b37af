"""A thousand labels on one picture: the list follows, boxes are clicked where they are, and all of them are sent."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def test_the_list_of_a_thousand_labels(house: House, open_page: Open) -> None:
    house.add_crowd(1000)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    rows = ada.page.locator(".label-list [role=option]")
    expect(ada.page.locator(".label-list")).to_have_attribute("data-count", "1000")
    assert rows.count() < 60
    first = ada.selected()
    ada.press("Shift+Tab")
    last = ada.page.locator(".label-selected")
    expect(last).to_have_attribute("aria-posinset", "1000")
    expect(last).to_be_in_viewport(ratio=0.9)
    ada.press("Shift+Tab", "Shift+Tab")
    expect(ada.page.locator(".label-selected")).to_have_attribute("aria-posinset", "998")
    expect(ada.page.locator(".label-selected")).to_be_in_viewport(ratio=0.9)
    ada.press("Tab", "Tab", "Tab")
    assert ada.selected() == first
    expect(ada.page.locator(".label-selected")).to_be_in_viewport(ratio=0.9)
    ada.page.locator(".label-list").evaluate("e => { e.scrollTop = 500 * 28; }")
    row = ada.page.locator(".label-list [aria-posinset='505']")
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    chosen = ada.selected()
    ada.press("x")
    expect(ada.page.locator(f".label-list [data-label={chosen}]")).to_have_class("label-row label-ghost")
    expect(ada.page.locator(f".stage-over .box-ghost[data-label={chosen}]")).to_have_count(1)
    ada.submit()
    told = {label["id"] for label in house.truth("boxes")}
    assert len(told) == 999 and chosen not in told

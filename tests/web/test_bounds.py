"""Boxes that cannot be seen are not made on the page and not accepted by it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.web import media
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def test_arrows_and_pointer_keep_a_box_in_the_picture(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press(*["Shift+ArrowRight"] * 25)
    expect(ada.page.locator(".label-facts")).to_contain_text(f"x {media.WIDTH - 1}  y 60")
    ada.press("e", "left", *["Shift+ArrowRight"] * 3, "e", "Tab")
    stage = ada.page.locator(".box-selected[data-label=b1] .box-line")
    at = stage.bounding_box()
    assert at is not None
    ada.page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    ada.page.mouse.down()
    ada.page.mouse.move(4, at["y"] + at["height"] / 2, steps=4)
    ada.page.mouse.move(0, 0)
    ada.page.mouse.up()
    ada.submit()
    cup, kettle = house.truth("boxes")
    # The edge that was moved to the right would have taken all of it out: it stayed.
    assert (kettle["x"], kettle["width"]) == (media.WIDTH - 1, 130)
    assert cup["x"] + cup["width"] >= 1 and cup["y"] + cup["height"] >= 1
    assert cup["width"] == 60 and cup["x"] < 60

"""How the session page looks: STOP in its place, words that can be read, on every size in light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from device_agent.events import Failure
from tests.device_agent.page.pressing import PHONE, WIDE, agree, at, opened, press


def test_stop_is_always_at_the_same_place(browser: Browser) -> None:
    for viewport in (WIDE, PHONE):
        with opened(browser, viewport) as (page, running):
            agree(page)
            places = []

            def look(page: Page = page, places: list[object] = places) -> None:
                expect(page.locator("#stop")).to_be_in_viewport(ratio=1)
                places.append(page.locator("#stop").bounding_box())

            look()
            press(page, "Enter")
            at(page, "countdown")
            look()
            running.clock.pass_(2.2)
            at(page, "recording")
            look()
            press(page, "p")
            at(page, "paused")
            look()
            assert all(place == places[0] for place in places)
            assert places[0] is not None
            assert places[0]["height"] >= 56  # type: ignore[index]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("viewport", [WIDE, PHONE, {"width": 320, "height": 568}], ids=["wide", "phone", "small"])
def test_every_word_can_be_read(browser: Browser, viewport: dict[str, int]) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text, against the nearest painted ground, on every screen, in light and dark."""

    def check() -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(FAINT) == [], scheme

    with opened(browser, viewport) as (page, running):
        check()
        agree(page)
        check()
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(3)
        at(page, "recording")
        check()
        press(page, "Escape")
        at(page, "paused")
        check()
        running.rehearsal.failure = Failure("sensor-missing", "There is no camera 7.", "Plug it in.")
        expect(page.locator("#failed")).to_be_visible()
        check()
        running.rehearsal.failure = None
        running.rehearsal.facts = {"operator_message": "It is broken."}
        page.locator("#operator summary").click()
        check()
        page.locator("#stop").click()
        press(page, "Tab", "Enter")
        at(page, "stopped")
        check()


FAINT = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (colour) => colour.slice(0, 3).map((v) => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility({ visibilityProperty: true }) || node.closest(".unseen, noscript")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${node.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint;
}"""

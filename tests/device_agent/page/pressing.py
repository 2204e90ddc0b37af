"""A page in a browser on a fresh rehearsal, and the few presses that every test needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect

from tests.device_agent.page.playing import Stage, stage
from tests.support.browsing import profile_of

WIDE = {"width": 1440, "height": 900}
DEAD_MS = 650
PRESSED = f"Date.now() - (window.pressed?.at ?? 0) < {DEAD_MS} ? window.pressed.key : null"
PHONE = {"width": 390, "height": 844}


@contextmanager
def opened(
    browser: Browser, viewport: dict[str, int] | None = None, **settings: object
) -> Iterator[tuple[Page, Stage]]:
    """A page on a fresh rehearsal. Anything the browser complains of fails the test."""
    with stage(**settings) as running:
        profile = profile_of(browser)
        page = profile.open(f"{running.server.address}/nothing")
        page.set_viewport_size(viewport or WIDE)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        page.goto(running.url)
        expect(page.locator("#consent")).to_be_visible()
        try:
            yield page, running
        finally:
            profile.clear()
        assert complaints == []


def at(page: Page, state: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", state)


def press(page: Page, *keys: str) -> None:
    """As a person presses: the same key that means something new is not hit twice within the page's dead time."""
    for key in keys:
        if page.evaluate(PRESSED) == key:
            page.wait_for_timeout(DEAD_MS)
        page.evaluate("(key) => { window.pressed = { key, at: Date.now() }; }", key)
        page.keyboard.press(key)


def agree(page: Page) -> None:
    """From the heading: four switches, "Allow everything", "No, thank you", "I agree"."""
    expect(page.locator("#consent-title")).to_be_focused()
    page.locator("#allow-all").press("Enter")
    expect(page.locator("#agree")).to_be_focused()
    press(page, "Enter")
    at(page, "ready")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))

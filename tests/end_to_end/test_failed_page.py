"""An agent that ends, or cannot start: the page that is open says why, and the session continues on it afterwards."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from hardware.ports import free_port
from tests.end_to_end.installation import SHORT, Installation
from tests.support.browsing import profile_of
from tests.support.waiting import until


def test_a_camera_that_is_none_is_said_on_the_page_and_the_session_continues_with_another(
    installation: Installation, browser: Browser
) -> None:
    more = ("--participant", "person", "--page-port", str(free_port()), "--microphone", "none")
    installation.start_agent(str(SHORT), *more, "--camera", "opencv:97")
    until(lambda: "Session page" in installation.log())
    found = re.search(r"Session page: (\S+)", installation.log())
    assert found is not None
    profile = profile_of(browser)
    page = profile.open(found[1].partition("?")[0] + "nothing")
    try:
        page.goto(found[1])
        page.locator("#use-video").check()
        page.locator("#agree").click()
        expect(page.locator("#failed-why")).to_contain_text("97")
        expect(page.locator("#failed-code")).to_have_text("code sensor-missing")
        assert installation.agent is not None and installation.agent.wait(60) == 3
        assert "[sensor-missing]" in installation.log()

        typo = installation.folder / "typo.yaml"
        typo.write_text(SHORT.read_text().replace("kind: do", "kind: dance"))
        installation.start_agent(str(typo), *more, "--camera", "simulated")
        expect(page.locator("#failed-why")).to_contain_text("dance")
        assert installation.agent.wait(60) == 1
        expect(page.locator("#failed-why")).to_contain_text("dance")

        installation.start_agent(str(SHORT), *more, "--camera", "simulated")
        expect(page.locator("body")).to_have_attribute("data-state", "ready")
        expect(page.locator("#primary")).to_be_visible()
        page.locator("#stop").click()
        page.locator("#stop-yes").click()
        expect(page.locator("#ended")).to_be_visible()
        installation.agent.wait(60)
    finally:
        profile.clear()

"""The README's pictures, taken of the real pages in a session of the simulated scene.

With GLEANER_PICTURES=docs/images they replace those of the README; otherwise they are taken and looked at all the same,
in a session that is shorter than the one that comes with Gleaner.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.installation import SHORT, Installation, session_page
from tests.support.waiting import until

FOLDER = os.environ.get("GLEANER_PICTURES")
SCRIPT, WALKING, TASKS = ("kitchen-greeting", "step 4 of 6", 6) if FOLDER else (str(SHORT), "step 3 of 5", 5)
NAMES = {"tracks": "review-video", "boxes": "review-image", "speech": "review-audio", "text": "review-text"}
READY = {"boxes": ".stage-picture", "tracks": ".stage-picture", "speech": ".wave-row", "text": ".answer-original"}


def take(page: Page, name: str, folder: Path) -> None:
    path = folder / f"{name}.jpg"
    page.screenshot(path=path, type="jpeg", quality=85)
    picture = cv2.imread(str(path))
    assert picture is not None and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50, f"{name} shows nothing"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(FOLDER or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_session_page_and_the_four_editors(browser: Browser, installation: Installation, pictures: Path) -> None:
    installation.start_agent(SCRIPT, "--wait-for-page", "60")
    phone = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=2, color_scheme="light")
    phone.goto(str(until(lambda: session_page(installation.log()))))
    # The simulated participant has begun: it reads aloud, walks and holds the cup up; the phone looks on.
    expect(phone.locator("#step")).to_have_text(WALKING, timeout=60_000)
    phone.wait_for_selector("body[data-state=recording]", timeout=30_000)
    phone.wait_for_timeout(1500)
    take(phone, "session", pictures)
    phone.wait_for_selector("body[data-state=finished]", timeout=60_000)
    assert installation.finish_agent()["lost"] == 0
    phone.close()

    installation.token()
    data = ("--data", str(installation.collector_data))
    desk = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
    desk.goto(installation.run("collector", "user", "link", "lead", *data).stdout.strip().splitlines()[-1])
    seen: set[str] = set()
    for _ in range(TASKS):
        desk.wait_for_selector(".review[data-type]:not([data-type=''])")
        kind = desk.get_attribute(".review", "data-type") or ""
        task = desk.get_attribute(".review", "data-task") or ""
        desk.wait_for_selector(READY[kind])
        desk.wait_for_timeout(600)
        if kind not in seen:
            seen.add(kind)
            take(desk, NAMES[kind], pictures)
        desk.keyboard.press("Enter")
        desk.wait_for_function("task => !document.querySelector(`.review[data-task='${task}']`)", arg=task)
    assert seen == set(NAMES)
    desk.close()

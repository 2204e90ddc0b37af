"""The review page in a browser: the next item after Enter, a key with 1,000 labels, what its first load weighs."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.figure import Figure
from tests.conftest import SWITCHES
from tests.needs import need_program
from tests.support.waiting import until
from tests.web.building import builder
from tests.web.house import House
from tests.web.reviewer import KEYS, Reviewer

LABELS = 1000
NEXT_ITEMS = 12
# What somebody does with one label after another: look at it, move it, name it, change their mind.
HAND = ["Tab", "right", "right", "Shift+right", "down", "2", "u", "Tab", "left", "up", "1", "Delete", "u"] * 5
# From a key to the end of the frame that shows what it did: a task queued by the frame's own callback runs after it.
STOPWATCH = """() => {
  window.took = [];
  addEventListener('keydown', event => {
    const began = event.timeStamp;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.took.push(performance.now() - began);
      channel.port2.postMessage(0);
    });
  }, true);
}"""
# The first frame on which another item stands on the page.
NEXT = """() => {
  window.shown = [];
  addEventListener('keydown', event => {
    if (event.key !== 'Enter') return;
    const before = document.querySelector('.review').dataset.task;
    const look = () => {
      const now = document.querySelector('.review').dataset.task;
      if (now !== before && now !== '') window.shown.push(performance.now() - event.timeStamp);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""


def measure() -> list[Figure]:
    """A collector of its own, and the browser that the tests use, on this machine."""
    builder().build(lambda _line: None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        program = need_program("chromium", "chromium")
        browser = playwright.chromium.launch(executable_path=program, args=list(SWITCHES))
        house = House.start(Path(folder))
        try:
            for _ in range(NEXT_ITEMS):
                house.add_still()
            house.add_crowd(LABELS)
            house.publish()
            put_crowd_second(Path(folder))
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_init_script("localStorage.setItem('gleaner.hints-seen', 'true')")
            page = context.new_page()
            weighed: list[int] = []
            page.on("response", lambda reply: weighed.append(weight(reply)))
            page.goto(house.link("ada"))
            ada = Reviewer(page)
            ada.kind()
            page.wait_for_load_state("networkidle")
            first_load = sum(weighed) / 1000
            shown, took = work_through(ada)
        finally:
            house.close()
            browser.close()
    return [
        Figure("page: next item visible after Enter, 95th percentile", percentile(shown, 95), "ms", 100),
        Figure(f"page: key to frame with {LABELS} labels, median", round(statistics.median(took), 1), "ms", 50),
        Figure(f"page: key to frame with {LABELS} labels, 95th percentile", percentile(took, 95), "ms", 50),
        Figure("page: first load before media", round(first_load, 1), "KB", 300),
    ]


def put_crowd_second(folder: Path) -> None:
    """So that the item with the many labels is opened by a key, and left by one; by chance it may come first."""
    (database,) = folder.rglob("collector.db")
    with closing(sqlite3.connect(database, timeout=60)) as conn, conn:
        crowd = (
            "SELECT task_id FROM task_capture JOIN labels_document USING (capture_id)"
            " ORDER BY length(body) DESC LIMIT 1"
        )
        conn.execute("UPDATE task SET reason_kind = 'age', priority = 0.1")
        conn.execute(f"UPDATE task SET priority = 0.2 WHERE id = ({crowd})")
        conn.execute("UPDATE task SET priority = 0.3 WHERE id = (SELECT max(id) FROM task WHERE priority < 0.2)")


def weight(reply: Any) -> int:
    """Bytes of a file of the page, as it comes over the line; media and the API are not part of its first load."""
    return 0 if "/api/" in reply.url else int(reply.request.sizes()["responseBodySize"])


def work_through(ada: Reviewer) -> tuple[list[float], list[float]]:
    """Accepts one item after the other, and edits the one with the thousand labels when it comes: milliseconds."""
    took: list[float] = []
    ada.page.evaluate(NEXT)
    for number in range(NEXT_ITEMS + 1):
        ada.page.wait_for_load_state("networkidle")
        if count(ada.page) >= LABELS:
            took = keys_among_many(ada)
        if number < NEXT_ITEMS:
            ada.submit()
            ada.kind()
    shown: list[float] = ada.page.evaluate("window.shown")
    return shown, took


def count(page: Page) -> int:
    return int(page.locator(".label-list").get_attribute("data-count") or 0)


def keys_among_many(ada: Reviewer) -> list[float]:
    page = ada.page
    page.evaluate(STOPWATCH)
    for number, key in enumerate(HAND, start=1):
        words = key.split("+")
        page.keyboard.press("+".join([*words[:-1], KEYS.get(words[-1], words[-1])]))
        until(lambda wanted=number: page.evaluate("window.took.length") >= wanted)  # type: ignore[misc]
        page.wait_for_timeout(50)
    took: list[float] = page.evaluate("window.took")
    return took


def percentile(rows: list[float], share: int) -> float:
    return round(sorted(rows)[min(len(rows) - 1, len(rows) * share // 100)], 1)

"""What all tests share: how long anything may take, that Ctrl-C works, and one real browser a test file.

While Playwright's loop runs, no other asyncio loop can run in the process.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from collector.bulk import background
from tests.needs import need_program
from tests.support import browsing, order, trials, warm
from tests.support.leftovers import pytest_configure
from tests.support.order import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = ["browser", "pytest_configure", "pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]

# Tests that look at pre-labels want to see them on every item; those of the draw set the share themselves.
os.environ["GLEANER_COLLECTOR_CONTROL_SHARE"] = "0"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime before prelabel.models.runtime

# A browser that looks nothing up outside this machine, started by root in a container as well.
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    browsing.SWITCH,
)


# Several tests share two cores: what is waited for may take its time, what is not there fails a little later.
expect.set_options(timeout=20_000)
trials.load_profile()

# A shell starts what runs in the background with Ctrl-C ignored, and whatever the tests start would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    trials.shorten(items)
    items.sort(key=order.place)


# A command that stands back for the service would slow every test behind it, where a test runs it in this process.
background.NICE = 0


@pytest.fixture(scope="session", autouse=True)
def _starters() -> Iterator[None]:
    yield
    warm.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = need_program("chromium", "chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(SWITCHES))
        yield running
        running.close()

"""What is large is shown before the last byte is here; until then the page says how far it is, and accepts nothing."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.support.waiting import until
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

ACCEPT = "dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', cancelable: true}))"


def slow_line(page: Page, bytes_per_second: int) -> list[int]:
    """Slows the line down; what has come over it so far."""
    wire = page.context.new_cdp_session(page)
    heard: list[int] = []
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    wire.on("Network.dataReceived", lambda event: heard.append(event["dataLength"]))
    wire.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 5, "downloadThroughput": bytes_per_second, "uploadThroughput": -1},
    )
    return heard


def test_a_large_video_is_shown_and_stepped_before_all_of_it_is_here(house: House, open_page: Open) -> None:
    size = house.add_heavy_walk(90, 300)
    assert size > 5_000_000
    house.publish()
    page = open_page()
    ada = Reviewer(page)
    ada.kind()
    heard = slow_line(page, 2_000_000)
    page.reload()
    ada.kind()
    ada.frame(5)
    assert sum(heard) < 0.9 * size  # a slow machine decodes more slowly than the line brings it
    ada.press("End")
    ada.frame(89)
    ada.press("Home")
    ada.frame(0)
    ada.submit()
    assert house.truth("tracks")[0]["id"] == "t1"


def test_a_large_sound_is_played_before_all_of_it_is_here(house: House, open_page: Open) -> None:
    size = house.add_hiss(60, 50)
    assert size > 5_000_000
    house.publish()
    page = open_page()
    ada = Reviewer(page)
    ada.kind()
    heard = slow_line(page, 700_000)
    page.reload()
    ada.kind()
    # What is selected plays by itself.
    page.wait_for_function("() => document.querySelector('.transport-time').textContent.startsWith('0:50.8')")
    assert sum(heard) < 0.9 * size
    ada.submit()
    assert house.truth("speech")[0]["start_us"] == 50_000_000


def test_it_says_how_much_of_a_medium_is_here(house: House, open_page: Open) -> None:
    size = house.add_heavy_walk(30, 200)
    assert 1_500_000 < size < 4_000_000
    house.publish()
    page = open_page()
    ada = Reviewer(page)
    ada.kind()
    slow_line(page, 400_000)
    page.reload()
    task = ada.task()
    expect(page.locator(".arriving")).to_have_text(re.compile(r"Loading the video\s+0\.[1-9] of \d\.\d MB"))
    part = page.locator(".arriving progress").evaluate("e => e.value / e.max")
    assert 0 < part < 1
    page.evaluate(ACCEPT)
    ada.word("not on screen yet")
    ada.kind()
    ada.frame(5)
    assert ada.task() == task and house.revisions(task) == []


def test_the_waveform_is_there_before_the_sound(house: House, open_page: Open) -> None:
    house.add_spoken("Porridge")
    house.publish()
    ada = Reviewer(open_page())
    held: list[Route] = []
    ada.page.route("**/media", lambda route: held.append(route))
    ada.page.reload()
    task = ada.task()
    expect(ada.page.locator("[data-wave=drawn]")).to_be_visible()
    drawn = "document.querySelector('.wave canvas').getContext('2d').getImageData(0, 0, 900, 60).data.some(v => v > 0)"
    until(lambda: ada.page.evaluate(drawn))
    expect(ada.page.locator(".transport .arriving")).to_contain_text("Loading the sound")
    ada.page.evaluate(ACCEPT)
    ada.word("The sound is not on screen yet.")
    until(lambda: held or ada.page.wait_for_timeout(20))
    for route in held:
        route.continue_()
    ada.page.unroute("**/media")
    ada.kind()
    expect(ada.page.locator(".transport .arriving")).to_have_count(0)
    assert house.revisions(task) == []
    ada.submit()
    assert house.truth("text")[0]["text"] == "Porridge"


def test_a_wave_has_the_colour_of_the_theme(house: House, open_page: Open) -> None:
    house.add_spoken("Porridge")
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    shade = """() => {
      const canvas = document.querySelector('.wave canvas');
      const pixels = canvas.getContext('2d').getImageData(0, canvas.height / 2, canvas.width, 1).data;
      const at = pixels.findIndex((value, index) => index % 4 === 3 && value === 255);
      return [...pixels.slice(at - 3, at)].join();
    }"""
    for scheme, wanted in (("light", "111,115,119"), ("dark", "142,146,150"), ("light", "111,115,119")):
        ada.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        until(lambda wanted=wanted: ada.page.evaluate(shade) == wanted)  # type: ignore[misc]

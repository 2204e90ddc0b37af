"""Two cameras of one take are one moment."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.web import media
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import SEEN_FRAME, Reviewer

LATER_US = 300_000


def together(frame: int) -> int:
    """The frame of the second camera at the moment of a frame of the first."""
    times = media.frame_times(45)
    return max(0, sum(at <= times[frame] - LATER_US for at in times) - 1)


def both(ada: Reviewer, first: int, second: int) -> None:
    """Waits until the pictures themselves are of these frames."""
    seen = SEEN_FRAME.replace("([cell, bits])", "(canvas, [cell, bits])").replace(
        "const canvas = document.querySelector('canvas.stage-picture');", ""
    )
    ada.page.wait_for_function(
        f"args => [...document.querySelectorAll('canvas.stage-picture')].map(c => ({seen})(c, args)).join()"
        f" === '{first},{second}'",
        arg=[media.CELL, media.BITS],
    )


def test_both_step_play_and_stop_together(house: House, open_page: Open) -> None:
    house.add_two_cameras(LATER_US)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    notes = ada.page.locator(".stage-note")
    both(ada, 5, together(5))
    expect(notes).to_have_text(["camera-0", "camera-1 · has not begun"])
    ada.press(*["."] * 10)
    both(ada, 15, together(15))
    expect(notes).to_have_text(["camera-0", "camera-1"])
    ada.press("Tab")
    at = media.frame_times(45)
    first = max(n for n in range(45) if at[n] <= at[20] + LATER_US)
    both(ada, first, 20)
    ada.press("Space")
    ada.page.wait_for_selector("[data-frame='44']")
    both(ada, 44, 44)
    expect(ada.page.locator(".transport button").first).to_contain_text("play")
    expect(notes).to_have_text(["camera-0 · is over", "camera-1"])
    expect(ada.page.locator(".transport-time")).to_contain_text("frame 44 of 0–44")
    ada.press("Home")
    both(ada, max(n for n in range(45) if at[n] <= LATER_US), 0)


def test_two_pictures_are_as_large_as_they_can_be(house: House, open_page: Open) -> None:
    house.add_two_cameras(LATER_US)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.locator("canvas.stage-picture")).to_have_count(2)

    def widths() -> list[float]:
        found: list[float] = ada.page.locator("canvas.stage-picture").evaluate_all("all => all.map(e => e.offsetWidth)")
        return found

    for size in ((390, 844), (1440, 900), (1440, 560)):
        ada.page.set_viewport_size({"width": size[0], "height": size[1]})
        ada.page.wait_for_function(
            """() => {
              const room = document.querySelector('.stages');
              const [w, h] = [room.clientWidth, room.clientHeight];
              const beside = Math.min(w / 2, h * 16 / 9), under = Math.min(w, h / 2 * 16 / 9);
              return [...document.querySelectorAll('canvas.stage-picture')].every(
                e => Math.abs(e.offsetWidth - Math.max(beside, under)) < 12);
            }"""
        )
    assert min(widths()) > 100

"""A mouse on the review page."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.web import media


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def on_picture(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the picture is on the screen."""
    box = page.locator(".stage-picture").bounding_box()
    assert box is not None
    scale = box["width"] / media.WIDTH
    return box["x"] + x * scale, box["y"] + y * scale

"""What a test asks of a page that a lead reads: contrast, names, and that nothing sticks out."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

# Every text that is seen, its colour against the colour behind it (WCAG 2.2, 1.4.3); large text needs 3, other 4.5.
FAINT = """() => {
  const rgba = (text) => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const pixels = canvas.getContext('2d', { willReadFrequently: true });
    pixels.fillStyle = text;
    pixels.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixels.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => below.map((value, i) => (i === 3 ? 1 : top[3] * top[i] + (1 - top[3]) * value));
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || box.width < 2 || box.height < 2 || !element.checkVisibility() || element.closest('svg, canvas'))
      continue;
    const style = getComputedStyle(element);
    if (element.closest(':disabled')) continue;
    const ground = behind(element);
    const [a, b] = [light(over(rgba(style.color), ground)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""

NAMELESS = """() => [...document.querySelectorAll(
    'button, a[href], input, select, textarea, summary, progress, dialog')]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length
    || (e.matches('button, a, summary') && e.textContent.trim())))
  .map((e) => e.outerHTML.slice(0, 120))"""


def faint(page: Page) -> Any:
    return page.evaluate(FAINT)


def nameless(page: Page) -> Any:
    return page.evaluate(NAMELESS)


def sticks_out(page: Page) -> Any:
    """How many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")

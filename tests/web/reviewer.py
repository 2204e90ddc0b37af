"""A person at the review page who has a keyboard and no mouse."""

from __future__ import annotations

from playwright.sync_api import Page, expect

KEYS = {"left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown"}
READY = {
    "boxes": ".stage-picture",
    "tracks": ".stage-picture",
    "speech": ".wave-row",
    "text": ".answer-original, .answer-sound .wave-row, .reading .piece-crop",
}
# The type of the item that is open, asked at one moment: its picture or sound is there and it can be worked on.
OPEN_KIND = """ready => {
  const kind = document.querySelector(".review[data-ready='true']")?.dataset.type;
  const seen = kind && [...document.querySelectorAll(ready[kind])].some((medium) => medium.checkVisibility());
  return seen ? kind : null;
}"""
# The frame number that is drawn into the picture as black and white cells (tests/web/media.py).
SEEN_FRAME = """([cell, bits]) => {
  const canvas = document.querySelector('canvas.stage-picture');
  const pixels = canvas.getContext('2d');
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const [red] = pixels.getImageData(bit * cell + cell / 2, cell / 2, 1, 1).data;
    if (red > 127) number |= 1 << bit;
  }
  return number;
}"""


class Reviewer:
    def __init__(self, page: Page) -> None:
        self.page = page

    # ------------------------------------------------------------ hands
    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(KEYS.get(key, key))

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    # ------------------------------------------------------------ eyes
    def task(self) -> str:
        """The id of the item that is open, waited for."""
        self.page.wait_for_selector(".review[data-task]:not([data-task=''])")
        return self.page.get_attribute(".review", "data-task") or ""

    def kind(self) -> str:
        """The type of the item that is open, once it can be worked on."""
        return str(self.page.wait_for_function(OPEN_KIND, arg=READY).json_value())

    def submit(self, key: str = "Enter") -> None:
        """Submits and waits until another item or the empty page is there."""
        before = self.task()
        self.page.wait_for_selector(".review[data-ready='true']")
        self.press(key)
        self._left(before)

    def skip(self, reason: str = "1") -> None:
        """Skips for the reason of this key and waits until another item or the empty page is there."""
        before = self.task()
        self.press("s", reason)
        self._left(before)

    def back(self, task: str) -> None:
        """Opens the item before, which must be this one."""
        self.press("b")
        self.page.wait_for_selector(f".review[data-task='{task}']")

    def _left(self, task: str) -> None:
        self.page.wait_for_function("task => !document.querySelector(`.review[data-task='${task}']`)", arg=task)

    def go_to(self, kind: str) -> None:
        """Skips items, by keyboard, until one of this type is open."""
        for _ in range(12):
            if self.kind() == kind:
                return
            self.skip()
        raise AssertionError(f"there is no item of type {kind}")

    def empty(self) -> None:
        self.page.wait_for_selector("[data-state=empty]")

    def word(self, text: str) -> None:
        """The bar says this."""
        expect(self.page.locator(".bar-word")).to_contain_text(text)

    def saved(self, state: str) -> None:
        expect(self.page.locator("[data-saved]")).to_have_attribute("data-saved", state)

    def painted(self) -> None:
        """Waits until what a key or a click has done is on the screen, and what follows from that is done."""
        self.page.evaluate("() => new Promise((seen) => requestAnimationFrame(() => setTimeout(seen, 0)))")

    def selected(self) -> str:
        self.painted()
        return self.page.get_attribute(".label-row.label-selected", "data-label") or ""

    def frame(self, number: int) -> None:
        """Waits until the bar names this frame, then asks the picture itself which one it is."""
        self.page.wait_for_selector(f"[data-frame='{number}']")
        self.page.wait_for_function(f"args => ({SEEN_FRAME})(args) === {number}", arg=[16, 8])

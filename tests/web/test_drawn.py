"""Every kind of label stands on what it is about, where a person can see it, before it can be accepted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from prelabel.geometry.rle import encode
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.media import HEIGHT, WIDTH
from tests.web.reviewer import Reviewer
from wire.labels import Mask, Span, Text


def ring() -> NDArray[np.bool_]:
    """A ring with a hole, 120 pixels wide."""
    y, x = np.mgrid[0:120, 0:120]
    far = (x - 60) ** 2 + (y - 60) ** 2
    return (far < 58**2) & (far > 25**2)


def ring_mask() -> Mask:
    return Mask(id="m1", label="person", score=0.1, rle=encode(ring(), HEIGHT, WIDTH, top=200, left=60))


def colours(page: Page) -> NDArray[np.int16]:
    """What is on screen, height x width x BGR."""
    shot = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shot is not None
    return shot.astype(np.int16)


def place(page: Page, x: float, y: float) -> tuple[int, int]:
    """Where a pixel of the still is on screen, as row and column."""
    box = page.locator("canvas.stage-picture").bounding_box()
    assert box is not None
    return round(box["y"] + (y + 0.5) * box["height"] / HEIGHT), round(box["x"] + (x + 0.5) * box["width"] / WIDTH)


def test_a_mask_is_drawn_where_its_pixels_are(house: House, open_page: Open) -> None:
    house.add_turned(ring_mask())
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    assert ada.selected() == "m1"
    ada.page.add_style_tag(content=".tag, .handle, [data-label=b1], .box-ghost { visibility: hidden }")
    with_mask, inside, outside = colours(ada.page), [], []
    for y in range(0, 120, 12):
        for x in range(0, 120, 12):
            near = ring()[max(0, y - 6) : y + 7, max(0, x - 6) : x + 7]
            if near.all() or not near.any():
                (inside if near.all() else outside).append(place(ada.page, 60 + x, 200 + y))
    assert len(inside) > 20 and len(outside) > 10
    ada.press("x")
    expect(ada.page.locator(".box-ghost")).to_have_count(1)
    change = np.abs(with_mask - colours(ada.page)).sum(axis=2)
    assert min(change[at] for at in inside) > 30 and max(change[at] for at in outside) == 0
    ada.press("u", "z")
    expect(ada.page.locator("[data-label=m1].box-selected")).to_have_count(1)
    drawn = ada.page.locator("[data-label=m1] path.box-line").evaluate(
        "e => { const b = e.getBBox(); const m = e.getCTM();"
        " return [m.a * b.x + m.e, m.d * b.y + m.f, m.a * b.width, m.a]; }"
    )
    stage = ada.page.locator("canvas.stage-picture").evaluate("e => [e.offsetLeft, e.offsetTop, e.offsetWidth]")
    scale = stage[2] / WIDTH
    assert drawn == pytest.approx([stage[0] + 63 * scale, stage[1] + 203 * scale, 115 * scale, scale], abs=1.5)
    assert scale > 3


def test_a_mask_is_renamed_rejected_and_accepted_by_the_same_keys(house: House, open_page: Open) -> None:
    house.add_turned(ring_mask(), ring_mask().model_copy(update={"id": "m2", "score": 0.2}))
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.locator(".label-facts")).to_have_text(f"a mask of {int(ring().sum())} px")
    ada.press("1", "Tab")
    assert ada.selected() == "m2"
    ada.press("x")
    ada.submit()
    told = {label["id"]: label for label in house.truth("boxes")}
    assert set(told) == {"b1", "m1"} and told["m1"]["label"] == "cup"
    assert told["m1"]["rle"] == ring_mask().rle.model_dump(mode="json")


TEXT = "Ada 👩‍👩‍👧 traf Dörte in Köln am Rhein, und שלום עולם stand da."
HEARD = Text(id="a1", label="answer", score=0.9, text=TEXT, language="de")


def span(name: str, words: str, label: str, score: float) -> Span:
    start = TEXT.index(words)
    return Span(id=name, label=label, score=score, parent="a1", start=start, end=start + len(words))


def test_spans_are_marked_over_their_words(house: House, open_page: Open) -> None:
    rows = [span("s1", "Köln am Rhein", "place", 0.6), span("s2", "Rhein", "river", 0.7)]
    rows += [span("s3", "שלום", "word", 0.8), span("s4", "👩‍👩‍👧", "people", 0.3)]
    house.add_marked([HEARD, *rows])
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.locator("[data-span]")).to_have_count(4)
    for row in rows:
        mark = ada.page.locator(f"[data-span={row.id}]")
        expect(mark.locator(".mark-tag")).to_contain_text(row.label)
        expect(mark.locator(".mark-tag b")).to_have_text(f".{round(10 * (row.score or 0))}0")
        # The browser's own search for these words: the mark lies on them.
        missed = mark.evaluate(
            """(mark, words) => {
              const node = document.querySelector('.marked-text').firstChild;
              const range = document.createRange();
              range.setStart(node, node.data.indexOf(words));
              range.setEnd(node, node.data.indexOf(words) + words.length);
              const there = range.getBoundingClientRect();
              const here = mark.querySelector('.mark-line').getBoundingClientRect();
              return ['left', 'top', 'width', 'height'].map(k => Math.abs(there[k] - here[k]));
            }""",
            TEXT[row.start : row.end],
        )
        assert max(missed) < 1.5, row.id
    lines = ada.page.locator(".mark-line").evaluate_all(
        "all => all.map(e => getComputedStyle(e, '::after').bottom).join()"
    )
    assert len(set(lines.split(","))) == 2, "spans that share words lie on lines of their own"


def test_spans_are_walked_renamed_rejected_and_accepted(house: House, open_page: Open) -> None:
    house.add_marked([HEARD, span("s1", "Köln", "place", 0.3), span("s2", "Ada", "place", 0.4)])
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    assert ada.selected() == "s1"
    expect(ada.page.locator(".label-selected")).to_contain_text("“Köln”")
    expect(ada.page.locator("[data-span=s1]")).to_have_class("mark mark-selected mark-model tag-low")
    ada.press("1", "Tab")
    assert ada.selected() == "s2"
    ada.press("x")
    expect(ada.page.locator("[data-span]")).to_have_count(1)
    ada.page.locator("[data-span=s1] .mark-tag").click()
    assert ada.selected() == "s1"
    ada.submit()
    told = {label["id"]: label for label in house.truth("text")}
    assert set(told) == {"a1", "s1"} and told["s1"]["label"] == "answer"
    start = TEXT.index("Köln")
    assert (told["s1"]["start"], told["s1"]["end"]) == (start, start + 4)


def test_a_text_of_a_sign_shows_its_spans(house: House, open_page: Open) -> None:
    start, end = "RING THE BELL".index("BELL"), len("RING THE BELL")
    house.add_sign(Span(id="s1", label="text", score=0.2, parent="w3", start=start, end=end))
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    assert ada.selected() == "s1"
    expect(ada.page.locator("[data-piece=w3].piece-selected [data-span=s1]")).to_have_count(1)
    ada.press("Tab")
    assert ada.selected() == "w2"
    ada.press("Shift+Tab", "x")
    ada.submit()
    assert {label["id"] for label in house.truth("text")} == {"p1", "w1", "p2", "w2", "p3", "w3"}


def test_names_hide_no_small_thing_and_can_be_hidden(house: House, open_page: Open) -> None:
    house.add_crowd(150)
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    tags = ada.page.locator(".stage-tags .tag")
    boxes = "[...document.querySelectorAll('.box:not(.box-selected) .box-line')]"
    told = ada.page.evaluate(
        f"""() => {{
          const rects = list => list.map(e => e.getBoundingClientRect());
          const common = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
            * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
          const tags = rects([...document.querySelectorAll('.stage-tags .tag:not(.tag-selected)')]);
          const boxes = rects({boxes});
          return {{
            count: tags.length,
            crossing: Math.max(...tags.flatMap((a, n) => tags.slice(n + 1).map(b => common(a, b)))),
            hidden: boxes.filter(b => tags.some(t => common(t, b) > 0.6 * b.width * b.height)).length,
          }};
        }}"""
    )
    assert told["count"] > 40 and told["crossing"] < 30 and told["hidden"] == 0
    ada.press("t")
    ada.word("Names are hidden")
    expect(tags).to_have_count(0)
    ada.press("Tab", "t")
    expect(ada.page.locator(".stage-tags .tag-selected")).to_have_count(1)

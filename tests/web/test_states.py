"""What is not work: hints, keys, the empty page, the lead's numbers, sizes, weight, names for a screen reader."""

from __future__ import annotations

from itertools import product

from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

FIRST_LOAD_BYTES = 300_000
SIZES = ((1440, 900), (1024, 768), (390, 844))
# What is drawn for another size of the window is drawn by the next frame.
FITS = """([width, height]) => {
  const page = document.documentElement;
  return page.scrollWidth === width && page.scrollHeight === height;
}"""


def test_hints_on_the_first_visit_and_never_again(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_answer()
    house.publish()
    ada = Reviewer(open_page(hints=True))
    ada.kind()
    expect(ada.page.locator(".hints p")).to_have_count(3)
    expect(ada.page.locator(".hints")).to_contain_text("U undoes a change, B takes back a submit, a skip or a release")
    ada.submit()
    ada.kind()
    expect(ada.page.locator(".hints")).to_have_count(0)
    ada.page.reload()
    ada.kind()
    expect(ada.page.locator(".hints")).to_have_count(0)


def test_every_key_is_shown(house: House, open_page: Open) -> None:
    house.add_walk()
    house.publish()
    ada = Reviewer(open_page())
    ada.go_to("tracks")
    ada.press("?")
    dialog = ada.page.get_by_role("dialog", name="All keys")
    for words in ("accept all", "one frame back", "set a keyframe", "undo", "skip this item", "ten frames forward"):
        expect(dialog).to_contain_text(words)
    ada.press("n", "Delete", "Escape")
    expect(dialog).to_have_count(0)
    ada.press("Escape")
    ada.word("1 label, as the model made it")


def test_the_lead_sees_today(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    lead = Reviewer(open_page("lin", "lead"))
    lead.kind()
    lead.submit()
    lead.empty()
    lead.page.goto(f"{house.collector.url}/#today")
    lead.page.reload()
    expect(lead.page.locator("[data-state=today] tbody")).to_contain_text("lin")
    expect(lead.page.locator(".numbers")).to_contain_text("takes")


def test_a_lead_who_reads_numbers_holds_no_item(house: House, open_page: Open) -> None:
    house.add_still()
    lead = open_page("lin", "lead")
    lead.goto(f"{house.collector.url}/#today")
    lead.reload()
    lead.wait_for_selector("[data-state=today]")
    house.publish()
    expect(lead.locator(".numbers")).to_contain_text("items open", timeout=30_000)
    assert [row["state"] for row in house.tasks()] == ["open"]
    lead.get_by_role("link", name="Back to review").click()
    assert Reviewer(lead).kind() == "boxes"


def test_nothing_sticks_out(house: House, open_page: Open) -> None:
    """Every kind of item, on every size of a screen, in light and dark."""
    house.add_still()
    house.add_walk()
    house.add_answer()
    house.add_spoken("I had toast with jam")
    house.publish()
    ada = Reviewer(open_page())
    accept = ada.page.locator(".bar .primary")
    for _ in range(5):
        ada.kind()
        for scheme, size in product(("light", "dark"), SIZES):
            ada.page.emulate_media(color_scheme=scheme)
            ada.page.set_viewport_size({"width": size[0], "height": size[1]})
            ada.page.wait_for_function(f"innerWidth === {size[0]} && innerHeight === {size[1]}")
            ada.page.wait_for_function(FITS, arg=list(size))
            expect(accept).to_be_in_viewport(ratio=1)
            expect(ada.page.locator(".editor")).not_to_be_empty()
        ada.submit()
    ada.empty()


def test_the_first_load_is_light(house: House, open_page: Open) -> None:
    page = open_page()
    page.wait_for_selector("[data-state=empty]")
    total = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter(e => !e.name.includes('/api/')).reduce((sum, e) => sum + e.encodedBodySize, 0)"
    )
    assert 0 < total < FIRST_LOAD_BYTES


def test_names_for_a_screen_reader(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.get_by_role("listbox", name="Labels, lowest confidence first")).to_be_visible()
    expect(ada.page.get_by_role("option", selected=True)).to_contain_text("kettle")
    expect(ada.page.locator(".labels [role=status]")).to_contain_text("kettle, score 0.41")
    expect(ada.page.locator("canvas[role=img]")).to_have_attribute("aria-label", "camera-0, still of step Step 1")


def test_the_header_names_its_counters(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_answer()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.locator(".top-step")).to_contain_text("of 2 of the script")
    expect(ada.page.locator(".top-progress")).to_contain_text("0 done today · 2 open · 0.0 per minute")
    ada.submit()
    expect(ada.page.locator(".top-progress")).to_contain_text("1 done today · 1 open")


def test_colours_follow_the_person(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    for theme in ("light", "dark", "system"):
        ada.press("d")
        expect(ada.page.locator("html")).to_have_attribute("data-theme", theme)

"""The page of studies: what is set for each is seen and changed there, and widening access is asked about first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.waiting import until
from tests.web import lead
from tests.web.axe import violations
from tests.web.conftest import Open
from tests.web.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, built_page: Path) -> Iterator[House]:
    made = House.start(tmp_path_factory.mktemp("studies"))
    made.add_still()
    made.publish()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _as_at_first(house: House) -> None:
    change = {"media_links": False, "control_share": 0.05}
    assert house.lead.patch("/api/studies/study-1", json=change).status_code == 200


def opened(house: House, open_page: Open, name: str) -> Page:
    page = open_page(name, "lead")
    page.goto(f"{house.collector.url}/#studies")
    expect(page.get_by_role("heading", name="study-1", exact=True)).to_be_visible()
    return page


def study(house: House) -> dict[str, Any]:
    (found,) = house.lead.get("/api/studies").json()["studies"]
    return dict(found)


def lines_of(house: House, name: str) -> list[dict[str, Any]]:
    rows = map(json.loads, (house.collector.data / "logs/security.jsonl").read_text().splitlines())
    return [row for row in rows if row["event"] == "study-changed" and row.get("by") == name]


def test_a_lead_comes_from_every_page_to_every_other(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "lily")
    steps = [
        ("today", "today"),
        ("Studies", "studies"),
        ("exports", "exports"),
        ("installation", "installation"),
        ("studies", "studies"),
        ("pre-labels", "prelabels"),
        ("today", "today"),
        ("Exports", "exports"),
    ]
    for name, state in steps:
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_selector(f"[data-state={state}]")


def test_links_are_allowed_after_a_question_and_ended_without_one(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "lina")
    links = page.get_by_role("region", name="Media links of study-1")
    expect(links).to_contain_text("✕ not allowed")
    links.get_by_role("button", name="Allow links: study-1").click()
    dialog = page.get_by_role("dialog", name="Allow media links for study-1?")
    expect(dialog).to_contain_text("without signing in")
    expect(dialog.get_by_role("button", name="Leave it as it is")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert study(house)["media_links"] is False and lines_of(house, "lina") == []
    links.get_by_role("button", name="Allow links: study-1").click()
    dialog.get_by_role("button", name="Allow links").click()
    expect(links).to_contain_text("✓ allowed")
    expect(links).to_contain_text("link_endpoint names no S3 server")
    assert study(house)["media_links"] is True
    links.get_by_role("button", name="End links: study-1").click()
    expect(links).to_contain_text("✕ not allowed")
    expect(links).to_contain_text("end within a minute")
    assert study(house)["media_links"] is False
    changed = until(lambda: [row["media_links"] for row in lines_of(house, "lina")][:2])
    assert changed == [True, False]


def test_the_share_without_pre_labels_is_changed_and_a_wrong_one_refused(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "mona")
    form = page.get_by_role("form", name="Items of study-1 without pre-labels")
    share = form.get_by_role("spinbutton")
    expect(share).to_have_value("5")
    expect(form.get_by_role("button", name="Save")).to_be_disabled()
    share.fill("7")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("status")).to_have_text("Saved: 7 % of new items.")
    expect(share).to_have_value("7")
    assert study(house)["control_share"] == 0.07
    share.fill("700")
    page.evaluate("document.querySelector('form.study-setting').noValidate = true")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("status")).to_contain_text("Nothing was changed")
    assert study(house)["control_share"] == 0.07


def test_versions_are_shown_when_they_are_asked_for(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "nora")
    page.get_by_text("Words, instructions and consent text of study-1").click()
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    expect(page.locator(".study-version").first).to_contain_text("cup, kettle, person")


def test_it_can_be_read_everywhere(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "olga")
    page.get_by_text("Words, instructions and consent text of study-1").click()
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert lead.sticks_out(page) <= 0, width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert lead.faint(page) == [] and lead.nameless(page) == [], (width, scheme)
            assert violations(page) == [], (width, scheme)


def test_annotators_do_not_find_it(house: House, open_page: Open) -> None:
    page = open_page("pia", "annotator")
    page.goto(f"{house.collector.url}/#studies")
    expect(page.locator("[data-state=studies]")).to_have_count(0)
    expect(page.get_by_role("link", name="studies")).to_have_count(0)


def test_what_is_typed_while_a_save_is_shown_stays(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "tess")
    form = page.get_by_role("form", name="Items of study-1 without pre-labels")
    share = form.get_by_role("spinbutton")
    held: list[Route] = []
    page.route("**/api/studies", lambda route: held.append(route))
    share.fill("11")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("status")).to_have_text("Saved: 11 % of new items.")
    share.fill("12")
    until(lambda: held or page.wait_for_timeout(20))
    with page.expect_response("**/api/studies"):
        page.unroute("**/api/studies")  # what is held goes out
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("status")).to_have_text("Saved: 12 % of new items.")
    expect(share).to_have_value("12")

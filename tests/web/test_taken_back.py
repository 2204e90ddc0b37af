"""What a hand did too soon can be taken back: a release, a reload, a sign-out; a lead finds what was set aside."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from playwright.sync_api import Page, expect

from tests.needs import ROOT
from tests.support.waiting import until
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer

STORED = "Object.keys(localStorage).filter(n => /^gleaner.(draft|letter|steps|submitted)/.test(n))"


@pytest.fixture
def ada(house: House, open_page: Open) -> Reviewer:
    house.add_still()
    house.add_answer()
    house.publish()
    ada = Reviewer(open_page())
    ada.go_to("boxes")
    return ada


def lead_page(house: House, open_page: Open) -> Page:
    page = open_page("lin", "lead")
    page.goto(f"{house.collector.url}/#today")
    page.reload()
    page.wait_for_selector("[data-state=today]")
    return page


def expire_leases(house: House) -> None:
    """As ten minutes without the page would."""
    with contextlib.closing(sqlite3.connect(house.collector.data / "collector.db", timeout=30)) as base, base:
        base.execute("UPDATE task SET lease_expires_at = '2020-01-01T00:00:00.000000Z' WHERE state = 'leased'")


def test_a_release_is_taken_back_with_the_work_and_its_history(house: House, ada: Reviewer) -> None:
    task = ada.task()
    ada.press("right", "3", "r")
    ada.page.wait_for_selector("[data-state=resting]")
    assert [row["state"] for row in house.tasks() if row["type"] == "boxes"] == ["open"]
    ada.back(task)
    assert ada.kind() == "boxes"
    ada.word("1 moved, 1 renamed")
    ada.press("u")
    expect(ada.page.locator(".bar-word")).to_have_text("1 moved; 1 unchanged")
    ada.submit()
    label = house.truth("boxes")[1]
    assert (label["x"], label["label"]) == (431, "kettle")


def leave_with_unsent_work(house: House, ada: Reviewer) -> str:
    """An answer and a draft that cannot be sent, and the key that signs out; returns the task of the answer."""
    task = ada.task()
    ada.page.route("**/submit", lambda route: route.abort())
    ada.page.route("**/draft", lambda route: route.abort())
    ada.press("right")
    # Whichever came first: only answers are left in the queue.
    house.add_answer()
    house.publish()
    ada.submit()
    assert ada.kind() == "text"
    ada.press("w", "End", "!", "Escape", "r")
    ada.page.wait_for_selector("[data-state=resting]")
    ada.press("q")
    return task


def test_signing_out_sends_the_work_and_leaves_none_of_it(house: House, open_page: Open, ada: Reviewer) -> None:
    task = leave_with_unsent_work(house, ada)
    card = ada.page.locator("[data-state=leaving]")
    expect(card).to_contain_text("1 answer and 1 draft could not be sent")
    expect(card.get_by_role("button", name="Store them here and sign out")).to_be_visible()
    expect(card.get_by_role("button", name="Delete them and sign out")).to_be_visible()
    ada.press("Escape")
    ada.page.wait_for_selector("[data-state=resting]")
    ada.page.unroute("**/draft")
    ada.press("q")
    expect(card).to_contain_text("1 answer could not be sent")
    ada.page.unroute("**/submit")
    ada.press("Enter")
    expect(card).to_contain_text("All your work is at the collector")
    assert house.revisions(task)[0]["documents"][0]["labels"][1]["x"] == 431
    ada.press("Enter")
    expect(ada.page.locator("[data-state=signed-out]")).to_contain_text("stores nothing of it")
    assert ada.page.evaluate(STORED) == []
    ada.page.reload()
    expect(ada.page.locator("[data-state=signed-out]")).to_contain_text("ask your lead")


def test_what_stays_on_a_shared_computer_is_for_its_person_alone(house: House, open_page: Open, ada: Reviewer) -> None:
    task = leave_with_unsent_work(house, ada)
    ada.page.get_by_role("button", name="Store them here and sign out").click()
    expect(ada.page.locator("[data-state=signed-out]")).to_contain_text("encrypted")
    # Nothing of the work or its person can be read: on the page, in the browser's storage, by who signs in next.
    dump = ada.page.evaluate("() => JSON.stringify(localStorage)")
    kinds = {name.split(".")[1] for name in ada.page.evaluate(STORED)}
    assert kinds == {"letter", "draft", "steps"}
    assert not [word for word in ("ada", "labels", "study-1", "kettle", "person", "a cup") if word in dump]
    assert ada.page.locator("img, canvas, video, audio, textarea").count() == 0
    before = ada.page.evaluate(STORED)
    ada.page.goto(house.link("boris"))
    boris = Reviewer(ada.page)
    boris.page.wait_for_selector(".review, [data-state=empty]")
    assert house.revisions(task) == [], "nothing of ada's is sent by anybody else"
    assert set(before) <= set(ada.page.evaluate(STORED))
    ada.page.unroute("**/submit")
    ada.page.unroute("**/draft")
    ada.page.goto(house.new_link("ada"))
    until(lambda: house.revisions(task), 60)
    (revision,) = house.revisions(task)
    assert (revision["reviewer"], revision["documents"][0]["labels"][1]["x"]) == ("ada", 431)


def test_a_lead_opens_what_was_skipped(house: House, open_page: Open, ada: Reviewer) -> None:
    task = ada.task()
    ada.press("s", "2")
    until(lambda: house.task(task)["state"] == "skipped")
    lead = lead_page(house, open_page)
    row = lead.get_by_role("row").filter(has_text="the recording is broken")
    expect(row).to_contain_text("ada")
    row.get_by_role("button", name="Open").click()
    lead.wait_for_selector(f".review[data-task='{task}']")
    lin = Reviewer(lead)
    assert lin.kind() == "boxes"
    lin.submit()
    until(lambda: house.task(task)["state"] == "done")
    history = house.history(task)
    (skip,) = history["skips"]
    assert (skip["person"], skip["code"], skip["reason"]) == ("ada", "recording-broken", "the recording is broken")
    assert [(row["person"], row["ended"], row["why"]) for row in history["leases"]] == [
        ("ada", "skipped", None), ("lin", "submitted", "was-skipped"),
    ]  # fmt: skip
    (revision,) = house.revisions(task)
    built = sorted(path.stem for path in (ROOT / "collector/web/dist/assets").glob("index-*.js"))
    assert [f"index-{revision['page']}"] == built, "which build of the page it was made with"
    assert revision["instruction_sha256"] and len(revision["shown"]) == 1


def test_a_lead_opens_work_that_came_too_late(house: House, open_page: Open, ada: Reviewer) -> None:
    task = ada.task()
    expire_leases(house)
    boris = Reviewer(open_page("boris"))
    boris.go_to("boxes")
    assert boris.task() == task
    ada.press("right")
    expect(ada.page.locator(".banner")).to_contain_text("is with boris now")
    ada.saved("here")
    ada.press("a")
    expect(ada.page.locator(".bar-care")).to_contain_text("The item cannot be opened again")
    ada.press("Enter")
    ada.page.wait_for_function("task => !document.querySelector(`.review[data-task='${task}']`)", arg=task)
    expect(ada.page.locator(".bar-care")).to_have_count(0)
    boris.submit()
    lead = lead_page(house, open_page)
    region = lead.get_by_role("region", name="Work that came too late")
    region.get_by_role("row").filter(has_text="ada").get_by_role("button", name="Open").click()
    lin = Reviewer(lead)
    assert lin.kind() == "boxes" and lin.task() == task
    lin.word("This is the work of ada")
    # Who corrects somebody else's work says in one key what was wrong with it.
    lin.press("Enter")
    dialog = lead.get_by_role("dialog", name="Submit a correction")
    expect(dialog).to_contain_text("What was wrong with the work of boris?")
    lin.press("Escape")
    expect(dialog).to_have_count(0)
    assert lin.task() == task and len(house.revisions(task)) == 1
    lead.get_by_role("button", name="accept and next").or_(lead.get_by_role("button", name="submit again")).click()
    lin.press("9")
    expect(dialog).to_be_visible()
    lin.press("4")
    rows = until(lambda: rows if len(rows := house.revisions(task)) == 2 else None)
    assert [row["correction"] for row in rows] == [None, "inexact"]
    assert house.history(task)["leases"][-1]["why"] == "late-work"
    assert [row["documents"][0]["labels"][1]["x"] for row in rows] == [430, 431]

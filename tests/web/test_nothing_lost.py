"""Drafts survive a crash, a lost network and a lost lease; a submit is counted once however often it is sent."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.waiting import until
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


def test_a_page_that_dies_goes_on_where_it_was(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press("right", "3")
    # No time for the collector to hear of it: what this browser wrote at once is all there is.
    context = ada.page.context
    ada.page.close(run_before_unload=False)
    again = Reviewer(context.new_page())
    again.page.goto(house.collector.url)
    again.kind()
    again.word("unfinished work")
    again.submit()
    label = next(label for label in house.truth("boxes") if label["id"] == "b2")
    assert label["x"] == 431 and label["label"] == "person"


def test_without_network_work_goes_on_and_is_sent_later(house: House, open_page: Open) -> None:
    house.add_still()
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    expect(ada.page.locator(".stage-picture")).to_be_visible()
    both = "() => performance.getEntriesByType('resource').filter(e => e.name.endsWith('/media')).length >= 2"
    ada.page.wait_for_function(both)
    ada.page.context.set_offline(True)
    ada.submit()
    assert ada.kind() == "boxes", "the next item was here before the network went"
    expect(ada.page.locator("[data-saved=waiting]")).to_contain_text("1 not sent")
    assert len(house.tasks("done")) == 0
    # Also across a crash: the answer waits in the browser.
    ada.page.context.set_offline(False)
    until(lambda: len(house.tasks("done")) == 1, 60)
    ada.saved("saved")


def test_without_a_session_the_page_says_whom_to_ask(house: House, open_page: Open) -> None:
    ada = Reviewer(open_page())
    ada.empty()
    ada.page.context.clear_cookies()
    ada.page.reload()
    ada.page.wait_for_selector("[data-state=signed-out]")
    expect(ada.page.locator(".card")).to_contain_text("ask your lead for a new one")
    expect(ada.page.locator(".card")).not_to_contain_text("gleaner collector")


def test_the_collector_away_and_back(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    house.collector.kill()
    ada.press("right", "Enter")
    ada.page.wait_for_selector("[data-state=failed], [data-state=empty], .work-waiting")
    house.collector.start()
    label = next(label for label in house.truth("boxes") if label["id"] == "b2")
    assert label["x"] == 431


def test_two_tabs_lose_no_answer(house: House, open_page: Open) -> None:
    for _ in range(6):
        house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    other = Reviewer(ada.page.context.new_page())
    other.page.goto(house.collector.url)
    other.kind()
    tasks = [ada.task(), other.task()]
    ada.page.context.set_offline(True)
    ada.submit()
    other.submit()
    letters = "Object.keys(localStorage).filter(n => n.startsWith('gleaner.letter.')).length"
    # Two tabs may live in two processes: what one writes reaches the other a moment later.
    ada.page.wait_for_function(f"() => {letters} === 2")
    # The first tab dies; the second sends what it left behind.
    ada.page.close(run_before_unload=False)
    other.page.context.set_offline(False)
    until(lambda: all(house.revisions(task) for task in tasks), 60)
    other.page.wait_for_function(f"() => {letters} === 0")


def test_nothing_is_stored_under_the_name_of_who_signed_in_later(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    iris = Reviewer(open_page("iris"))
    iris.kind()
    task = iris.task()
    # Without the word from the other tab: the collector alone has to notice.
    boris = iris.page.context.new_page()
    boris.add_init_script("delete globalThis.BroadcastChannel")
    boris.goto(house.link("boris"))
    boris.wait_for_url("**/")
    iris.press("Enter")
    iris.page.wait_for_selector("[data-state=signed-out]")
    assert house.revisions(task) == []
    iris.page.goto(house.new_link("iris"))
    until(lambda: house.revisions(task), 60)
    assert house.revisions(task)[0]["reviewer"] == "iris"


def test_an_item_whose_consent_ends_leaves_the_page(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    assert ada.kind() == "boxes"
    house.end_consent()
    ada.press("Tab", "right")
    ada.page.wait_for_selector("[data-state=empty]", timeout=60_000)
    expect(ada.page.get_by_role("status")).to_contain_text("The consent to use this recording has ended.")
    assert ada.page.evaluate("() => Object.keys(localStorage).filter(n => n.startsWith('gleaner.draft.'))") == []
    assert [task["state"] for task in house.tasks()] == ["withheld"]

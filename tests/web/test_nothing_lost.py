"""Drafts survive a crash, a lost network and a lost lease; a submit is counted once however often it is sent."""

from __future__ import annotations

import json

from playwright.sync_api import Route, expect

from tests.collector.running import until
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


def test_a_draft_reaches_the_collector(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    held: list[Route] = []
    ada.page.route("**/draft", lambda route: held.append(route))
    ada.press("right")
    ada.saved("saving")
    until(lambda: held or ada.page.wait_for_timeout(20))
    ada.saved("saving")
    held[0].continue_()
    ada.saved("saved")
    ada.page.evaluate("localStorage.removeItem(Object.keys(localStorage).find(n => n.startsWith('gleaner.draft.')))")
    ada.page.reload()
    ada.kind()
    ada.word("unfinished work")


def test_what_is_opened_again_is_not_taken_away_by_the_look_for_more(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.page.evaluate(
        "() => { const later = setTimeout; window.setTimeout = (what, ms) => later(what, ms === 5000 ? 700 : ms); }"
    )
    ada.submit()
    ada.empty()
    ada.press("b")
    task = ada.task()
    ada.kind()
    ada.press("right")
    ada.page.wait_for_timeout(1_200)
    ada.press("u")
    ada.submit()
    revisions = until(lambda: rows if len(rows := house.revisions(task)) == 2 else None)
    assert [label["x"] for label in revisions[1]["documents"][0]["labels"]] == [120, 430], "it was undone"


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


def test_a_submit_whose_answer_is_lost_is_counted_once(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    task = ada.task()
    seen: list[str] = []

    def lose(route: Route) -> None:
        seen.append(json.loads(route.request.post_data or "{}")["submit"])
        if len(seen) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    ada.page.route("**/submit", lose)
    ada.submit()
    ada.empty()
    ada.page.wait_for_function("() => !Object.keys(localStorage).some(n => n.startsWith('gleaner.letter.'))")
    expect(ada.page.locator(".caveat")).to_have_count(0)
    assert len(seen) == 2 and seen[0] == seen[1]
    assert len(house.revisions(task)) == 1


def test_a_lost_lease_says_who_has_it_and_what_happens_to_the_work(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    problem = {
        "title": "The task is no longer yours: it is held by bo.",
        "status": 409,
        "code": "lease-lost",
        "hint": "",
        "retryable": False,
        "task": {"id": ada.task(), "state": "leased", "holder": "bo"},
    }
    ada.page.route("**/draft", lambda route: route.fulfill(status=409, body=json.dumps(problem)))
    ada.press("right")
    banner = ada.page.locator(".banner")
    expect(banner).to_contain_text("is with bo now")
    expect(banner).to_contain_text("stored as a draft")
    ada.page.unroute("**/draft")
    ada.press("a")
    expect(banner).to_have_count(0)
    ada.submit()
    label = next(label for label in house.truth("boxes") if label["id"] == "b2")
    assert label["x"] == 431


def test_a_submit_that_comes_too_late_is_kept(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    task = ada.task()
    # Another page of the same person opens it: the fence rises, this page's answer is late.
    reply = ada.page.request.post(
        f"{house.collector.url}/api/tasks/{task}/reopen",
        data={"client": "page-elsewhere"},
        headers={"X-Gleaner-Page": "1"},
    )
    assert reply.ok, reply.text()
    ada.press("right")
    ada.press("Enter")
    expect(ada.page.get_by_text("Your work is stored as a draft")).to_be_visible()
    assert house.revisions(task) == []
    assert until(lambda: any(draft["work"] for draft in ada.draft()))


def test_without_a_session_the_page_says_whom_to_ask(house: House, open_page: Open) -> None:
    ada = Reviewer(open_page())
    ada.empty()
    ada.page.context.clear_cookies()
    ada.page.reload()
    ada.page.wait_for_selector("[data-state=signed-out]")
    expect(ada.page.locator(".card")).to_contain_text("ask your lead for a new one")
    expect(ada.page.locator(".card")).not_to_contain_text("gleaner collector")


def test_signed_out_in_the_middle_keeps_the_answer(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    ada = Reviewer(open_page())
    ada.kind()
    ada.press("right")
    ada.page.context.clear_cookies()
    ada.press("Enter")
    ada.page.wait_for_selector("[data-state=signed-out]")
    expect(ada.page.locator(".caveat")).to_contain_text("1 answer waits")
    ada.page.goto(house.new_link("ada"))
    ada.empty()
    label = next(label for label in house.truth("boxes") if label["id"] == "b2")
    assert label["x"] == 431


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

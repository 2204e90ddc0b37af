"""The page of the installation: what it says is what is there, and its buttons do what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.collector.running import DeviceClient
from tests.support.waiting import until
from tests.web import lead
from tests.web.axe import violations
from tests.web.conftest import Open
from tests.web.house import House
from wire.base import format_utc
from wire.device import Backlog, Heartbeat


def report(device: DeviceClient, captures: int) -> None:
    beat = Heartbeat(
        device=device.id,
        at=datetime.now(UTC),
        agent_version="0.1.0",
        state="idle",
        backlog=Backlog(captures=captures, bytes=captures * 700_000, free_bytes=12 << 30),
    )
    reply = device.call("POST", "/api/devices/heartbeat", content=beat.model_dump_json(by_alias=True))
    assert reply.status_code == 204


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, built_page: Path) -> Iterator[House]:
    """With a silent device, failed jobs, a capture that came twice, and no backup."""
    made = House.start(tmp_path_factory.mktemp("installation"))
    made.add_still()
    made.publish()
    one = made.takes[0].captures[0]
    again = json.dumps(one.manifest.model_copy(update={"sensor": "camera-9"}).to_json()).encode()
    assert made.device.put_manifest(one, again).status_code == 409
    report(made.device, 0)
    silent = made.collector.device()
    report(silent, 3)
    days_ago = format_utc(datetime.now(UTC) - timedelta(days=4))
    made.collector.change(
        "UPDATE device SET name = 'hallway', last_seen_at = :at WHERE id = :id", at=days_ago, id=silent.id
    )
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _failed(house: House) -> None:
    for number, kind in enumerate(("derive", "derive", "tasks")):
        house.collector.change(
            "INSERT INTO job (kind, key, payload, state, attempts, not_before, created_at, error, done_at, fence)"
            " VALUES (:kind, :key, '{}', 'failed', 5, '2026', '2026', :why, '2026-11-20T10:00:00.000000Z', 5)"
            " ON CONFLICT (kind, key) DO UPDATE SET state = 'failed', error = excluded.error",
            kind=kind,
            key=f"cap-{number}f3ab29",
            why="The video is cut off in the middle of a frame, and nothing of it could be decoded.",
        )


def opened(house: House, open_page: Open, name: str) -> Page:
    page = open_page(name, "lead")
    page.goto(f"{house.collector.url}/#installation")
    expect(page.get_by_role("heading", name="Installation", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Table of storage")).to_be_visible()
    expect(page.get_by_role("region", name="Table of devices")).to_be_visible()
    return page


def test_it_says_what_to_do_the_most_urgent_first(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "iris")
    advice = page.locator(".advice li")
    expect(advice).to_have_count(5)
    expect(advice.nth(0)).to_contain_text("2 jobs failed: conversions for the browser.")
    expect(advice.nth(1)).to_contain_text("1 job failed: review items that were to be made.")
    expect(page.locator(".advice")).to_contain_text("hallway reported last on")
    expect(page.locator(".advice")).to_contain_text("There is no backup.")
    conflicts = page.get_by_role("region", name="What differs in")
    expect(conflicts).to_contain_text('"camera-9"')
    storage = page.get_by_role("region", name="Table of storage")
    expect(storage.get_by_role("row", name="study-1")).to_contain_text("1")
    assert page.locator("video, audio, img, canvas").count() == 0  # who runs the machine sees no recordings here


def test_a_failed_job_is_tried_again_by_key_and_by_kind(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "jan")
    again = page.get_by_role("button", name="Try again: make review items")
    again.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 job waits again.")).to_be_visible()
    expect(again).to_have_count(0)
    page.get_by_role("button", name="Try all again: convert for the browser").click()
    expect(page.get_by_text("2 jobs wait again.")).to_be_visible()
    expect(page.get_by_role("region", name="Table of failed jobs")).to_have_count(0)
    log = house.collector.data / "logs/security.jsonl"
    until(lambda: log.read_text().count("jobs-started-again") == 2)
    assert '"by":"jan"' in log.read_text().replace(" ", "")


def test_a_device_is_revoked_after_a_question(house: House, open_page: Open) -> None:
    device = house.collector.device()
    house.collector.change("UPDATE device SET name = 'lost one' WHERE id = :id", id=device.id)
    page = opened(house, open_page, "kim")
    button = page.get_by_role("button", name="Revoke the access of lost one")
    button.click()
    dialog = page.get_by_role("dialog", name="Revoke the access of lost one")
    expect(dialog.get_by_role("button", name="Leave it as it is")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert device.call("GET", "/api/captures/cap-none/receipt").status_code == 404
    button.click()
    dialog.get_by_role("button", name="Revoke the access").click()
    expect(page.locator(f"[data-device={device.id}]")).to_contain_text("revoked")
    assert device.call("GET", "/api/captures/cap-none/receipt").json()["code"] == "device-revoked"


def test_a_session_is_revoked_and_the_person_signed_out(house: House, open_page: Open) -> None:
    theirs = open_page("mia", "annotator")
    theirs.goto(house.collector.url)
    page = opened(house, open_page, "nina")
    page.get_by_role("button", name="Access of mia").click()
    access = page.get_by_role("dialog", name="Access of mia")
    row = access.get_by_role("row", name="a session of the page")
    row.get_by_role("button", name="Revoke").click()
    question = page.get_by_role("dialog", name="Revoke this access of mia")
    expect(question.get_by_role("button", name="Leave it as it is")).to_be_focused()
    page.keyboard.press("Escape")
    expect(row).to_have_count(1)  # back where the question was asked
    row.get_by_role("button", name="Revoke").click()
    question.get_by_role("button", name="Revoke it").click()
    expect(access).to_contain_text("Nothing lets mia in at present.")
    assert theirs.request.get(f"{house.collector.url}/api/me").status == 401
    log = house.collector.data / "logs/security.jsonl"
    until(lambda: '"token-revoked"' in log.read_text())  # lines are written by a thread
    assert '"by":"nina"' in log.read_text().replace(" ", "")


def test_a_person_is_disabled_and_enabled_and_has_another_role(house: House, open_page: Open) -> None:
    with house.collector.person("olli", "annotator") as program:
        page = opened(house, open_page, "pia")
        row = page.locator("[data-person=olli]")
        page.get_by_role("button", name="Access of olli").click()
        access = page.get_by_role("dialog", name="Access of olli")
        access.get_by_label("Role").select_option("lead")
        access.get_by_role("button", name="Change the role").click()
        expect(access.get_by_role("status")).to_have_text("olli is a lead now.")
        access.get_by_role("button", name="Close").click()
        expect(row).to_contain_text("lead")
        assert program.get("/api/users").status_code == 200
        page.get_by_role("button", name="Disable olli").click()
        page.get_by_role("dialog", name="Disable olli").get_by_role("button", name="Disable the account").click()
        expect(row).to_contain_text("disabled")
        assert program.get("/api/me").status_code == 401
        page.get_by_role("button", name="Enable olli").click()
        page.get_by_role("dialog", name="Enable olli").get_by_role("button", name="Enable the account").click()
        expect(row).to_contain_text("may sign in")
        assert program.get("/api/me").status_code == 401, "what let them in before stays ended"


def test_what_the_collector_refuses_is_said_where_it_was_asked(house: House, open_page: Open) -> None:
    page = opened(house, open_page, "quin")
    house.collector.change("UPDATE person SET disabled_at = '2026' WHERE role = 'lead' AND name <> 'quin'")
    try:
        page.get_by_role("button", name="Disable quin").click()
        question = page.get_by_role("dialog", name="Disable quin")
        question.get_by_role("button", name="Disable the account").click()
        expect(question.get_by_role("alert")).to_contain_text("The account was not disabled: quin is the only lead")
    finally:
        house.collector.change("UPDATE person SET disabled_at = NULL WHERE disabled_at = '2026'")


@pytest.mark.usefixtures("page_packages")
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_it_reads_well_on_a_desk_and_on_a_phone(house: House, open_page: Open, width: int, height: int) -> None:
    page = opened(house, open_page, f"lou{width}")
    page.set_viewport_size({"width": width, "height": height})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == [] and lead.faint(page) == [] and lead.nameless(page) == []
        assert lead.sticks_out(page) == 0
    page.get_by_role("button", name=f"Access of lou{width}").click()
    expect(page.get_by_role("region", name=f"What lets lou{width} in")).to_be_visible()
    assert violations(page) == [] and lead.faint(page) == [] and lead.nameless(page) == []


def test_an_admin_has_this_page_alone_and_signs_out_on_it(house: House, open_page: Open) -> None:
    page = open_page("otto", "admin")
    expect(page.get_by_role("heading", name="Installation", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Table of devices")).to_be_visible()
    page.goto(f"{house.collector.url}/#exports")
    expect(page.get_by_role("heading", name="Installation", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="review")).to_have_count(0)
    page.get_by_role("button", name="Access of otto").click()
    access = page.get_by_role("dialog", name="Access of otto")
    expect(access).to_contain_text("Role: admin. A lead can change it.")
    access.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="sign out").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Installation", exact=True)).to_be_visible()
    page.get_by_role("button", name="sign out").click()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-state=signed-out]")

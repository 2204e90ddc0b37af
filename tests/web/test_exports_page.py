"""The page of exports: an export is started, followed, paused, cancelled, downloaded and deleted there."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from collector.exports.check import check_export
from tests.support.waiting import until
from tests.web import lead, reviewed
from tests.web.axe import violations
from tests.web.conftest import Open
from tests.web.house import House

FORMS = "form[aria-label='Start an export']"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, built_page: Path) -> Iterator[House]:
    """With reviewed stills."""
    folder = tmp_path_factory.mktemp("exports")
    reviewed.fill(folder, kinds=["stills"]).db.close()
    made = House.start(folder)
    yield made
    made.close()


@pytest.fixture
def page(house: House, open_page: Open, request: pytest.FixtureRequest) -> Page:
    for row in house.lead.get("/api/exports").json()["exports"]:
        if row["state"] in ("queued", "running", "paused"):
            house.lead.post(f"/api/exports/{row['id']}/cancel")
    name = "".join(sign for sign in request.node.name.lower() if sign.isalnum())[-24:]
    opened = open_page(name, "lead")
    opened.goto(f"{house.collector.url}/#exports")
    expect(opened.get_by_role("heading", name="Exports", exact=True).first).to_be_visible()
    return opened


class Held:
    """Whoever reads the medium of the newest item waits for it."""

    def __init__(self, house: House) -> None:
        statement = "SELECT blob FROM derived WHERE kind = 'original' LIMIT 1"
        name = house.collector.rows(statement)[0].blob
        self._blob = house.collector.data / "blobs" / name[:2] / name[2:4] / name
        self._aside = self._blob.with_name(".aside")
        self._blob.rename(self._aside)
        os.mkfifo(self._blob)

    def let_go(self) -> None:
        self._blob.unlink()
        self._aside.rename(self._blob)


@pytest.fixture
def held(house: House) -> Iterator[Held]:
    made = Held(house)
    yield made
    if made._aside.exists():
        made.let_go()


def start(page: Page, **chosen: str) -> Any:
    """From the form; the row of the export that it started."""
    form = page.locator(FORMS)
    for name, value in chosen.items():
        form.locator(f"select[name={name}]").select_option(value)
    form.get_by_role("button", name="Start export").click()
    expect(form.get_by_role("status")).to_contain_text("Started: ")
    return page.locator("[data-export]").first


def test_it_is_started_and_downloaded(house: House, page: Page, tmp_path: Path) -> None:
    form = page.locator(FORMS)
    form.get_by_label("with what the models said").check()
    row = start(page, study="kitchen")
    expect(row).to_have_attribute("data-state", "done", timeout=60_000)
    expect(row).to_contain_text(f"{reviewed.STILLS} documents")
    expect(row).to_contain_text("JSON lines, with pre-labels")
    with page.expect_download() as waiting:
        row.get_by_role("link", name="Download").click()
    download = waiting.value
    assert download.suggested_filename == f"kitchen-{datetime.now(UTC).date().isoformat()}.zip"
    download.save_as(tmp_path / "export.zip")
    assert check_export(tmp_path / "export.zip").documents == 2 * reviewed.STILLS
    assert zipfile.ZipFile(tmp_path / "export.zip").testzip() is None
    expect(row).to_contain_text("Downloaded once", timeout=30_000)
    row.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Copies that were downloaded stay")
    dialog.get_by_role("button", name="Delete the export").click()
    expect(row).to_have_attribute("data-state", "deleted")
    expect(row.get_by_role("link", name="Download")).to_have_count(0)
    log = house.collector.data / "logs/security.jsonl"
    until(lambda: "export-deleted" in log.read_text())  # lines are written by a thread
    assert log.read_text().count("export-downloaded") == log.read_text().count("export-deleted") == 1


def test_it_is_followed_paused_resumed_and_cancelled(page: Page, held: Held) -> None:
    row = start(page)
    expect(row).to_have_attribute("data-state", "running", timeout=30_000)
    expect(row).to_contain_text(f"of {reviewed.STILLS} items done", timeout=30_000)
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuetext", page_text(row, "items done"))
    second = start(page, format="coco")
    expect(second).to_contain_text("waiting for its turn")
    row = page.locator("[data-export]").nth(1)
    row.get_by_role("button", name="Pause").click()
    expect(row).to_have_attribute("data-state", "paused")
    page.reload()
    row = page.locator("[data-export]").nth(1)
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_role("button", name="Pause")).to_be_visible()
    row.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the export").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    expect(row.get_by_role("button")).to_have_text(["Start again"])


def page_text(row: Any, part: str) -> str:
    text: str = row.locator("p", has_text=part).first.inner_text()
    return text.split(" · ")[0]


def test_what_is_wrong_is_said_where_it_is(house: House, page: Page) -> None:
    form = page.locator(FORMS)
    form.locator("select[name=format]").select_option("coco")
    form.locator("select[name=frames]").select_option("some")
    form.get_by_label("One frame in").fill("")
    form.get_by_role("button", name="Start export").click()
    assert page.evaluate("document.activeElement.name") == "step"
    form.locator("select[name=format]").select_option("jsonl")
    row = start(page, study="kitchen")
    expect(row).to_have_attribute("data-state", "done", timeout=60_000)
    grants = house.collector.rows("SELECT session_id, use, until FROM session_grant")
    house.collector.change("UPDATE session_grant SET until = '2026-01-01T00:00:00.000000Z'")
    try:
        page.reload()
        row = page.locator("[data-export]").first
        expect(row).to_have_attribute("data-state", "outdated")
        expect(row).to_contain_text("It holds recordings of 1 session that their consent no longer covers.")
        expect(row.get_by_role("link", name="Download")).to_have_count(0)
    finally:
        for one in grants:
            house.collector.change(
                "UPDATE session_grant SET until = :until WHERE session_id = :session_id AND use = :use",
                until=one.until, session_id=one.session_id, use=one.use,
            )  # fmt: skip


@pytest.mark.usefixtures("page_packages")
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_it_reads_well_on_a_desk_and_on_a_phone(house: House, page: Page, held: Held, width: int, height: int) -> None:
    for state, problem in (("running", None), ("paused", "The disk is full. Make room there."), ("cancelled", None)):
        start(page)
        house.collector.change(
            "UPDATE export_run SET state = :state, problem = :problem WHERE created_at ="
            " (SELECT max(created_at) FROM export_run)", state=state, problem=problem,
        )  # fmt: skip
    page.reload()
    expect(page.locator("[data-state=stopped]")).to_be_visible()
    page.set_viewport_size({"width": width, "height": height})
    shots = os.environ.get("GLEANER_SHOTS")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if shots:
            page.screenshot(path=str(Path(shots) / f"exports-{width}-{scheme}.png"), full_page=True)
        assert violations(page) == [] and lead.faint(page) == [] and lead.nameless(page) == []
        assert lead.sticks_out(page) <= 0

"""The page on pre-labels: what a lead reads there is what people did, and a model is run again from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.prelabel import graphs
from tests.support.waiting import until
from tests.web import lead, reviewed
from tests.web.conftest import Open
from tests.web.house import House


def running(folder: Path) -> House:
    return House.start(folder, GLEANER_MODELS="", GLEANER_CACHE=str(folder / "cache"))


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, built_page: Path) -> Iterator[House]:
    """A collector where people have reviewed pre-labels; the tests of this file do not change that."""
    folder = tmp_path_factory.mktemp("worked")
    filled = reviewed.fill(folder)
    reviewed.waiting_run(filled)
    filled.db.close()
    house = running(folder)
    yield house
    house.close()


@dataclass(frozen=True)
class Own:
    """A house of its own: which work is in it, whether a run waits there, whether settings were recorded."""

    kinds: tuple[str, ...] = ()
    run: bool = False
    settings: bool = False


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path, built_page: Path) -> Iterator[House]:
    own: Own | None = getattr(request, "param", None)
    if own is None:
        yield request.getfixturevalue("worked")
        return
    filled = reviewed.fill(tmp_path, kinds=own.kinds)
    if own.run:
        reviewed.waiting_run(filled)
    if own.settings:
        reviewed.configure(filled)
    filled.db.close()
    made = running(tmp_path)
    yield made
    made.close()


def own_house(*kinds: str, run: bool = False, settings: bool = False) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("house", [Own(kinds, run, settings)], indirect=True, ids=["own"])


@pytest.fixture
def see(house: House, open_page: Open, request: pytest.FixtureRequest) -> Any:
    def open_it(hash: str = "#prelabels", **more: Any) -> Page:
        name = "".join(ch if ch.isalnum() else "-" for ch in request.node.name)[:40] + f"-{len(opened)}"
        page = open_page(name.lower(), "lead", **more)
        page.goto(f"{house.collector.url}/{hash}")
        page.reload()
        page.wait_for_selector("[data-state=prelabels]")
        opened.append(page)
        return page

    opened: list[Page] = []
    return open_it


def cells(row: Locator) -> list[str]:
    expect(row).to_be_visible()
    return [text.strip() for text in row.locator("td:not(.bar-column)").all_inner_texts()]


class TestReport:
    def test_what_costs_people_time_comes_first_and_in_words(self, see: Any) -> None:
        page = see()
        costs = page.locator(".costs-row")
        expect(costs).to_have_count(1)
        expect(costs).to_contain_text("costs time")
        expect(costs).to_contain_text("plate (box, yolox-nano): of 40 pre-labels 39 were deleted")
        first = page.locator(".report .lead-card").first
        expect(first).to_contain_text("These pre-labels cost time")

    def test_the_numbers_are_what_people_did(self, see: Any) -> None:
        page = see()
        boxes = page.locator("[data-model=yolox-nano][data-kind=box]")
        cup = boxes.get_by_role("region", name="By name").locator("tr", has_text="cup")
        kept = reviewed.STILLS - reviewed.CUPS_MOVED - reviewed.CUPS_RENAMED
        edits = ["40", str(kept), str(reviewed.CUPS_MOVED), str(reviewed.CUPS_RENAMED), "0", "0"]
        assert cells(cup)[:7] == [*edits, str(reviewed.CUPS_MISSED)]
        plate = boxes.get_by_role("region", name="By name").locator("tr", has_text="plate")
        assert cells(plate)[:7] == ["40", str(reviewed.PLATES_KEPT), "0", "0", "0", "39", "0"]
        expect(plate).to_contain_text("costs time")
        share = round(100 * (kept + reviewed.PLATES_KEPT) / 80)
        expect(boxes.locator(".measures")).to_contain_text(f"{share}%")
        bar = boxes.locator(".edits .edit-bar")
        expect(bar).to_have_attribute(
            "aria-label",
            f"80 pre-labels: {kept + 1} accepted, 6 moved, 2 relabelled, 39 deleted; 5 added by people.",
        )
        parts = bar.locator(".edit")
        expect(parts).to_have_count(5)
        widths = [parts.nth(n).evaluate("e => e.getBoundingClientRect().width") for n in range(4)]
        assert widths[0] / widths[3] == pytest.approx((kept + 1) / 39, rel=0.05)

    def test_the_random_share_stands_beside_all_items(self, house: House, see: Any) -> None:
        page = see()
        drawn = [n for n in range(reviewed.STILLS) if n % reviewed.EVERY == 0]
        changed = range(reviewed.CUPS_MOVED + reviewed.CUPS_RENAMED)
        accepted = sum(n not in changed for n in drawn) + sum(n < reviewed.PLATES_KEPT for n in drawn)
        boxes = page.locator("[data-model=yolox-nano][data-kind=box]")
        expect(boxes.locator(".chance").first).to_contain_text(
            f"random sample: {round(100 * accepted / (2 * len(drawn)))}%"
        )
        expect(boxes).to_contain_text("The random sample has 10 items")

    def test_each_kind_has_its_measures(self, see: Any) -> None:
        page = see()
        for kind, words in {
            "box": ["mAP", "AP50"],
            "track": ["HOTA", "IDF1"],
            "interval": ["starts off by", "ends off by", "(DER)", "(WER)", "(CER)"],
        }.items():
            for word in words:
                expect(page.locator(f".model[data-kind={kind}] .measures")).to_contain_text(word)

    def test_the_download_is_the_report(self, house: House, see: Any, tmp_path: Path) -> None:
        page = see()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download JSON").click()
        waiting.value.save_as(tmp_path / "report.json")
        assert waiting.value.suggested_filename.startswith("prelabels-20")
        mine = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        theirs = house.lead.get("/api/reports/prelabels").json()
        assert {**mine, "made_at": ""} == {**theirs, "made_at": ""}

    @own_house("stills", settings=True)
    def test_one_model_file_under_two_settings_is_two_cards(self, see: Any) -> None:
        page = see()
        cards = page.locator(".model[data-model=yolox-nano][data-kind=box]")
        expect(cards).to_have_count(3)
        for text, count in (("score 0.35", 20), ("score 0.4", 15), ("settings not recorded", 5)):
            card = cards.filter(has=page.get_by_text(text, exact=True))
            expect(card.locator("h2")).to_contain_text(f"boxes on {count} items")
            expect(card).to_have_attribute("aria-label", f"yolox-nano 1, boxes, {text}")

    def test_filters_are_in_the_address(self, house: House, see: Any) -> None:
        page = see()
        page.get_by_label("Model").first.select_option("silero-vad")
        expect(page.locator(".model")).to_have_count(1)
        expect(page.locator(".model")).to_have_attribute("data-model", "silero-vad")
        page.reload()
        expect(page.locator(".model")).to_have_count(1)
        expect(page.get_by_label("Model").first).to_have_value("silero-vad")
        page.get_by_label("Study").first.select_option("kitchen")
        page.wait_for_function("location.hash === '#prelabels?model=silero-vad&study=kitchen'")
        page.get_by_label("Submitted since").fill("2099-01-01")
        expect(page.locator(".empty")).to_contain_text("No matching reviews")
        page.locator(".empty").get_by_role("button", name="Show everything").press("Enter")
        expect(page.locator(".model")).to_have_count(3)

    def test_without_the_collector_the_last_numbers_stay(self, see: Any) -> None:
        page = see()
        expect(page.locator(".model")).to_have_count(3)
        page.context.set_offline(True)
        page.get_by_role("button", name="Build again").click()
        alert = page.locator(".report [role=alert]")
        expect(alert).to_contain_text("does not answer")
        expect(alert).to_contain_text("last ones received")
        expect(page.locator(".model")).to_have_count(3)
        page.context.set_offline(False)
        page.get_by_role("button", name="Try now").click()
        expect(alert).to_have_count(0)

    def test_a_report_that_takes_long_says_so(self, see: Any) -> None:
        page = see()
        expect(page.locator(".model")).to_have_count(3)
        held: list[Any] = []
        page.route("**/api/reports/prelabels*", lambda route: held.append(route))
        page.get_by_role("button", name="Build again").click()
        expect(page.locator(".waiting")).to_contain_text("Building the report … ")
        expect(page.locator(".waiting progress")).to_have_attribute("aria-label", "Building the report")
        until(lambda: held or page.wait_for_timeout(20))
        held[0].continue_()
        expect(page.locator(".waiting")).to_have_count(0)

    @own_house()
    def test_before_anybody_has_reviewed_it_says_what_will_be_here(self, see: Any) -> None:
        page = see()
        expect(page.locator(".empty")).to_contain_text("No pre-label has been reviewed yet")
        expect(page.locator(".runs")).to_contain_text("No re-runs yet.")


class TestPlace:
    def test_a_lead_finds_it_from_everywhere_and_holds_no_item(self, house: House, see: Any) -> None:
        page = see("prelabels")
        page.get_by_role("link", name="today").click()
        page.wait_for_selector("[data-state=today]")
        page.get_by_role("link", name="Quality of the pre-labels").click()
        page.wait_for_selector("[data-state=prelabels]")
        page.get_by_role("link", name="review").click()
        page.wait_for_selector("[data-state=empty]")

    def test_others_do_not(self, house: House, open_page: Open) -> None:
        page = open_page("ada-annotates")
        page.goto(f"{house.collector.url}/#prelabels")
        page.reload()
        page.wait_for_selector("[data-state=empty]")
        assert page.locator("a[href='#prelabels']").count() == 0

    def test_it_can_be_read(self, see: Any) -> None:
        page = see()
        expect(page.locator(".model")).to_have_count(3)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        for width, scheme in product((1440, 390), ("light", "dark")):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 844})
            page.wait_for_function("width => innerWidth === width", arg=width)
            assert lead.sticks_out(page) <= 0
            assert lead.faint(page) == []
            assert lead.nameless(page) == []


class TestRuns:
    def test_a_paused_run_shows_how_far_it_is(self, see: Any) -> None:
        run = see().locator(".run[data-state=paused]")
        expect(run).to_contain_text(f"0 of {reviewed.SPOKEN} captures done, {reviewed.SPOKEN} waiting")
        expect(run.locator("progress")).to_have_attribute("max", str(reviewed.SPOKEN))
        expect(run.get_by_role("button")).to_have_text(["Resume", "Cancel"])

    def test_a_model_that_is_not_here_comes_with_its_command(self, see: Any) -> None:
        page = see()
        form = page.get_by_role("form", name="Run a model")
        form.get_by_label("Model").fill("yolox-nano")
        form.get_by_label("Model").press("Enter")
        expect(form).to_contain_text("The model yolox-nano is not on the collector's machine.")
        expect(form.locator("code")).to_have_text("gleaner prelabel pull yolox-nano")
        form.get_by_role("button", name="Copy").click()
        page.wait_for_function("getSelection().toString() === 'gleaner prelabel pull yolox-nano'")

    def test_a_name_that_nobody_knows(self, see: Any) -> None:
        page = see()
        form = page.get_by_role("form", name="Run a model")
        form.get_by_label("Model").fill("nobody-knows-me")
        form.get_by_label("Model").press("Enter")
        expect(form.locator(".caveat")).to_contain_text("nobody-knows-me")
        expect(form.locator("code")).to_have_count(0)

    @own_house("spoken")
    def test_from_the_keyboard_to_the_last_capture(self, house: House, see: Any, tmp_path: Path) -> None:
        toml = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
        package = graphs.save_package(tmp_path / "ears", graphs.vad(), toml)
        page = see()
        form = page.get_by_role("form", name="Run a model")
        form.get_by_label("Model").focus()
        page.keyboard.type(str(package))
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("first-words")
        page.keyboard.press("Enter")
        expect(form).to_contain_text("Started: planted, everything of every study, step first-words.")
        run = page.locator(".run")
        expect(run).to_have_attribute("data-state", "done", timeout=90_000)
        expect(run).to_contain_text("4 of 4 captures done")
        expect(run).to_contain_text("everything of every study, step first-words")
        (told,) = house.lead.get("/api/prelabel-runs").json()["runs"]
        assert (told["done"], told["waiting"], told["asked"]["step"]) == (4, 0, "first-words")

    @own_house("spoken", run=True)
    def test_cancelling_asks_first(self, house: House, see: Any) -> None:
        page = see()
        cancel = page.get_by_role("button", name="Cancel: the run of silero-vad")
        cancel.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("24 captures that have not begun are left as they are")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        assert house.lead.get("/api/prelabel-runs").json()["runs"][0]["waiting"] == reviewed.SPOKEN
        cancel.click()
        dialog.get_by_role("button", name="Cancel the run").click()
        expect(page.locator(".run")).to_have_attribute("data-state", "cancelled")
        expect(page.locator(".run")).to_contain_text("24 not begun")
        expect(page.locator(".run").get_by_role("button")).to_have_count(0)

    @own_house("spoken", run=True)
    def test_pausing_and_resuming(self, house: House, see: Any) -> None:
        def as_if_running(route: Any) -> None:
            reply = route.fetch()
            (run,) = reply.json()["runs"]
            going = {"state": "running", "per_second": 2.0, "seconds_left": 600.0}
            route.fulfill(response=reply, json={"runs": [run | going if run["state"] == "paused" else run]})

        page = see()
        page.route("**/api/prelabel-runs", as_if_running)
        page.reload()
        run = page.locator(".run")
        expect(run).to_have_attribute("data-state", "running")
        expect(run).to_contain_text("2 per second, about 10 minutes left")
        with page.expect_response("**/pause") as answered:
            run.get_by_role("button", name="Pause").click()
        assert answered.value.json()["state"] == "paused"
        page.unroute_all(behavior="wait")
        page.reload()
        with page.expect_response("**/resume") as answered:
            run.get_by_role("button", name="Resume").press("Enter")
        assert answered.value.json()["state"] == "queued"
        # Its model is not here: the collector pauses it and says what to do.
        expect(run.locator(".caveat")).to_contain_text("gleaner prelabel pull", timeout=60_000)
        expect(run).to_have_attribute("data-state", "paused")

    @own_house("stills")
    def test_what_failed_says_why(self, house: House, see: Any, tmp_path: Path) -> None:
        toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["cup"])
        model = graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1))
        package = graphs.save_package(tmp_path / "eyes", model, toml)
        asked = {"model": str(package), "step": "show-cup"}
        assert house.lead.post("/api/prelabel-runs", json=asked).status_code == 202
        until(lambda: house.lead.get("/api/prelabel-runs").json()["runs"][0]["problem"], 60)
        page = see()
        expect(page.locator(".run .caveat")).to_contain_text(": ")

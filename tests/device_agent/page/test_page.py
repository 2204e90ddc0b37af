"""The session page in a real browser, by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from device_agent.events import Answered, ConsentAnswered, Done, Failure, Pause, Resume, Start, Stop
from device_agent.page.server import PageServer
from tests.device_agent.page.playing import KEY, plan, stage
from tests.device_agent.page.pressing import PHONE, agree, at, focused, opened, press
from wire.script import PlanStep

ALL = ("video", "audio", "image", "text")


def test_a_whole_session_by_keyboard(browser: Browser) -> None:
    with opened(browser) as (page, running):
        clock = running.clock
        assert page.evaluate("location.search") == ""
        agree(page)
        expect(page.locator("#step")).to_have_text("step 1 of 4")
        expect(page.locator("#lead")).to_have_text("Read this aloud:")
        expect(page.locator("#prompt")).to_have_text("“Hello.”")
        expect(page.locator("#hint")).to_contain_text(
            "Recording of sound and video starts after a 2 s countdown and lasts 4 s."
        )

        press(page, "Enter")
        at(page, "countdown")
        expect(page.locator("#rec-word")).to_have_text("Not recording")
        expect(page.locator("#seconds")).to_have_text("2")
        clock.pass_(2.2)
        at(page, "recording")
        clock.pass_(1.2)
        expect(page.locator("#rec-word")).to_have_text("REC 0:01")
        expect(page.locator("#rec")).to_have_attribute("data-shape", "dot")
        expect(page.locator("#meter")).to_have_attribute("aria-valuetext", "good")
        press(page, "Space")
        at(page, "saving")
        expect(page.locator("#rec-word")).to_have_text("Not recording")
        clock.pass_(0.5)
        expect(page.locator("#step")).to_have_text("step 2 of 4")

        press(page, "Space")
        at(page, "countdown")
        clock.pass_(3.2)
        at(page, "recording")
        clock.pass_(6.1)
        at(page, "saving")
        clock.pass_(0.5)
        expect(page.locator("#step")).to_have_text("step 3 of 4")

        press(page, "Enter")
        at(page, "countdown")
        clock.pass_(3.2)
        clock.pass_(0.5)
        expect(page.locator("#step")).to_have_text("step 4 of 4")

        press(page, "Enter")
        at(page, "answering")
        expect(page.locator("#answer-text")).to_be_focused()
        page.keyboard.type("Tea, please. P")
        press(page, "Enter")
        page.keyboard.type("and milk")
        press(page, "Control+Enter")
        at(page, "saving")
        clock.pass_(0.5)
        at(page, "finished")
        expect(page.locator("#ended-title")).to_have_text("Thank you!")
        expect(page.locator("#ended-sending")).to_have_text("2 recordings are still being sent.")
        clock.pass_(10)
        expect(page.locator("#ended-takes")).to_have_text("You finished all 4 steps.")
        expect(page.locator("#ended-sending")).to_have_text("Everything has been saved.")
        assert running.rehearsal.events == [
            ConsentAnswered(ALL, (), "P-rehearsal"),
            Start(), Done(), Start(), Start(), Start(),
            Answered("Tea, please. P\nand milk"),
        ]  # fmt: skip


def test_an_answer_that_is_spoken_is_recorded_and_shows_its_level(browser: Browser) -> None:
    step = PlanStep(id="how", kind="answer", title="How", prompt="How was it?", record=["audio"], seconds=9)
    spoken = plan().model_copy(update={"steps": [step]})
    with opened(browser, script=spoken) as (page, running):
        page.locator("#use-audio").check()
        page.locator("#agree").press("Enter")
        at(page, "ready")
        expect(page.locator("#hint")).to_contain_text("Recording of sound starts after a 3 s countdown and lasts 9 s.")
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(3.2)
        at(page, "recording")
        expect(page.locator("#lead")).to_have_text("Answer:")
        expect(page.locator("#answer")).to_be_hidden()
        expect(page.locator("#meter")).to_be_visible()
        press(page, "Enter")
        at(page, "saving")
        assert running.rehearsal.events[1:] == [Start(), Done()]


def test_what_is_refused_is_refused(browser: Browser) -> None:
    with opened(browser) as (page, running):
        expect(page.locator("#uses input:checked")).to_have_count(0)
        press(page, "Tab", "Tab", "Space")
        assert focused(page) == "use-audio"
        expect(page.locator("#use-audio")).to_be_checked()
        press(page, "Tab", "Tab", "Tab", "Tab", "Tab")
        assert focused(page) == "agree"
        press(page, "Space")
        at(page, "ready")
        assert running.rehearsal.events == [ConsentAnswered(("audio",), ("video", "image", "text"), "P-rehearsal")]
        expect(page.locator("#hint")).to_contain_text(
            "Recording of sound starts after a 2 s countdown and lasts 4 s. No video: you said no to that."
        )
        expect(page.locator("#preview")).to_be_hidden()


def test_agreeing_to_nothing_asks_again(browser: Browser) -> None:
    with opened(browser) as (page, running):
        page.set_viewport_size({"width": 390, "height": 380})
        expect(page.locator("#agree")).to_have_text("Choose what to allow")
        expect(page.locator("#use-video")).not_to_be_in_viewport()
        page.locator("#agree").press("Enter")
        expect(page.locator("#notice")).to_contain_text("Allow at least one of them")
        expect(page.locator("#use-video")).to_be_focused()
        expect(page.locator("#use-video")).to_be_in_viewport()
        assert running.rehearsal.events == []
        page.keyboard.press("Space")
        expect(page.locator("#agree")).to_have_text("I agree")
        page.keyboard.press("Space")
        expect(page.locator("#agree")).to_have_text("Choose what to allow")


def test_no_thank_you_ends_kindly(browser: Browser) -> None:
    with opened(browser) as (page, running):
        page.locator("#decline").press("Enter")
        at(page, "refused")
        expect(page.locator("#ended-takes")).to_have_text("Nothing was recorded.")
        assert running.rehearsal.events == [ConsentAnswered((), ALL, "P-rehearsal")]


def test_the_consent_text_is_text(browser: Browser) -> None:
    with opened(browser) as (page, _):
        expect(page.locator("#consent-text p").first).to_have_text("We keep what you allow. Nothing else.")
        expect(page.locator("#consent-text li")).to_have_text(["film", "sound"])
        expect(page.locator("#consent-text p").last).to_have_text("<b>You</b> may stop.")


def test_pause_and_going_on(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(2.2)
        at(page, "recording")
        press(page, "p")
        at(page, "paused")
        expect(page.locator("#rec-word")).to_have_text("Paused")
        expect(page.locator("#hint")).to_contain_text("Nothing is being recorded.")
        expect(page.locator("#sees")).to_have_text("The picture is off while you pause.")
        press(page, "P")
        at(page, "ready")
        expect(page.locator("#hint")).to_contain_text("Please do this step again.")
        assert running.rehearsal.events[1:] == [Start(), Pause(), Resume()]


def test_stop_ends_the_recording_before_it_asks(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(2.2)
        at(page, "recording")
        press(page, "Escape")
        at(page, "paused")
        expect(page.locator("#stop-dialog")).to_be_visible()
        expect(page.locator("#stop-no")).to_be_focused()
        press(page, "Enter")
        expect(page.locator("#stop-dialog")).to_be_hidden()
        at(page, "ready")
        press(page, "Escape")
        expect(page.locator("#stop-text")).to_contain_text("Nothing is being recorded right now.")
        press(page, "Escape")
        expect(page.locator("#stop-dialog")).to_be_hidden()
        at(page, "ready")
        press(page, "Escape", "Tab", "Enter")
        at(page, "stopped")
        expect(page.locator("#ended-title")).to_have_text("The session is stopped")
        assert running.rehearsal.events[1:] == [Start(), Pause(), Resume(), Stop()]


def test_a_second_press_changes_nothing(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        press(page, "Enter", "Enter", "Enter")
        at(page, "countdown")
        press(page, "Enter", "Space")
        running.clock.pass_(2.2)
        at(page, "recording")
        assert running.rehearsal.events[1:] == [Start()]


def test_an_answer_survives_a_reload_and_esc_leaves_the_box(browser: Browser) -> None:
    with opened(browser) as (page, running):
        running.rehearsal.post(ConsentAnswered(("text",), ("video", "audio", "image"), "P-1"))
        at(page, "ready")
        press(page, "Enter")
        at(page, "answering")
        press(page, "Control+Enter")
        expect(page.locator("#notice")).to_have_text("Write an answer first.")
        page.keyboard.type("Coffee 😀")
        page.reload()
        at(page, "answering")
        expect(page.locator("#answer-text")).to_have_value("Coffee 😀")
        press(page, "Escape")
        expect(page.locator("#answer-text")).not_to_be_focused()
        expect(page.locator("#stop-dialog")).to_be_hidden()
        press(page, "p")
        at(page, "paused")
        press(page, "Enter")
        at(page, "ready")
        press(page, "Enter")
        at(page, "answering")
        expect(page.locator("#answer-text")).to_have_value("Coffee 😀")
        press(page, "Control+Enter")
        at(page, "saving")
        assert running.rehearsal.events[-1] == Answered("Coffee 😀")


def test_the_preview_shows_the_picture_with_the_box(browser: Browser) -> None:
    with opened(browser) as (page, running):
        assert not running.server.watched
        agree(page)
        expect(page.locator("#sees")).to_have_text("The device sees: person")
        page.wait_for_function(
            """() => {
              const canvas = document.querySelector("canvas");
              const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
              const orange = data.findIndex((value, i) => i % 4 === 0 && value === 213 && data[i + 1] === 94);
              return canvas.width > 300 && orange > 0;
            }"""
        )
        assert running.server.watched


def test_a_screen_reader_is_told(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        live = page.locator("#live")
        expect(live).to_contain_text("Step 1 of 4. Read this aloud: “Hello.”")
        press(page, "Enter")
        expect(live).to_have_text("Get ready. 2 seconds.")
        running.clock.pass_(2.2)
        expect(live).to_have_text("Recording.")
        press(page, "p")
        expect(live).to_have_text("Paused. Nothing is being recorded.")
        for name in ("Continue", "STOP"):
            expect(page.get_by_role("button", name=name).first).to_be_visible()


def test_offline_is_a_word(browser: Browser) -> None:
    with opened(browser, reachable=False) as (page, running):
        agree(page)
        expect(page.locator("#net")).to_have_text("Offline")
        running.rehearsal.reachable = True
        expect(page.locator("#net")).to_be_hidden()


def test_a_device_that_goes_away_is_said_and_comes_back(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        port = running.server.port
        running.server.stop()
        expect(page.locator("#notice")).to_contain_text("The device does not answer.")
        expect(page.locator("#notice")).to_contain_text("what “gleaner agent run” printed on it")
        expect(page.locator("#rec-word")).to_have_text("Device does not answer")
        rehearsal = running.rehearsal
        running.server = PageServer(rehearsal.read, rehearsal.post, rehearsal.preview, port=port, key=KEY)
        running.server.start()
        try:
            expect(page.locator("#rec-word")).to_have_text("Not recording", timeout=30_000)
            expect(page.locator("#notice")).to_be_hidden()
            press(page, "Enter")
            at(page, "countdown")
        finally:
            running.server.stop()


def test_an_agent_that_ends_before_its_session_says_why_and_the_next_one_continues(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        press(page, "Enter")
        at(page, "countdown")
        running.rehearsal.failure = Failure("sensor-missing", "There is no camera 7.", "Plug it in.")
        expect(page.locator("#failed-title")).to_be_focused()
        expect(page.locator("#failed-what")).to_contain_text("What was recorded is saved")
        running.server.stop()
        page.wait_for_timeout(2500)  # two and a half times the pause between tries
        expect(page.locator("#failed-why")).to_have_text("There is no camera 7. Plug it in.")
        expect(page.locator("#failed-next")).to_contain_text("This page continues the session then")
        expect(page.locator("#failed-code")).to_have_text("code sensor-missing")
        expect(page.locator("#rec-word")).to_have_text("Not recording")
        for hidden in ("#notice", "#primary", "#pause", "#stop", "#work"):
            expect(page.locator(hidden)).to_be_hidden()
        rehearsal = running.rehearsal
        rehearsal.failure = None
        running.server = PageServer(
            rehearsal.read, rehearsal.post, rehearsal.preview, port=running.server.port, key=KEY
        )
        running.server.start()
        try:
            expect(page.locator("#work")).to_be_visible(timeout=30_000)
            expect(page.locator("#failed")).to_be_hidden()
            expect(page.locator("#stop")).to_be_visible()
        finally:
            running.server.stop()


def test_before_consent_the_next_agent_has_another_address(browser: Browser) -> None:
    with opened(browser) as (page, running):
        running.rehearsal.failure = Failure("journal-unwritable", "The journal cannot be written.", "Free space.")
        expect(page.locator("#failed-next")).to_contain_text("open the address that it prints")
        expect(page.locator("#failed-what")).not_to_contain_text("saved")


def test_what_goes_wrong_within_a_session_can_be_read_by_operators(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        expect(page.locator("#operator")).to_be_hidden()
        running.rehearsal.facts = {"operator_message": "The model <b>x</b> is broken.", "operator_code": "model-failed"}
        summary = page.locator("#operator summary")
        expect(summary).to_be_visible()
        expect(page.locator("#operator-words")).to_be_hidden()
        summary.click()
        expect(page.locator("#operator-words")).to_have_text("The model <b>x</b> is broken. (code model-failed)")


@pytest.mark.parametrize("waiting", [False, True])
def test_a_device_that_ends_leaves_a_true_last_word(browser: Browser, waiting: bool) -> None:
    with opened(browser, reachable=not waiting) as (page, running):
        agree(page)
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(2.2)
        at(page, "recording")
        press(page, "Enter")
        at(page, "saving")
        running.clock.pass_(0.5)
        running.rehearsal.post(Stop())
        at(page, "stopped")
        running.clock.pass_(10)
        asked: list[str] = []
        running.server.stop()
        expect(page.locator("#ended-takes")).to_be_visible()
        page.on("request", lambda request: asked.append(request.url))
        if waiting:
            expect(page.locator("#notice")).to_contain_text("What has not been sent yet is saved on it.")
            expect(page.locator("#ended-sending")).to_contain_text(
                "2 recordings are saved on this device and will be sent later."
            )
        else:
            expect(page.locator("#ended-sending")).to_have_text("Everything has been saved.")
            expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("#ended-takes")).to_have_text("What was recorded before that is saved.")
        page.wait_for_timeout(2500)  # two and a half times the pause between tries: nobody is asked any more
        assert asked == []


def test_a_stop_that_was_not_heard_says_what_to_do(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        running.server.stop()
        expect(page.locator("#rec-word")).to_have_text("Device does not answer")
        press(page, "Escape", "Tab", "Enter")
        expect(page.locator("#notice")).to_contain_text("To be sure, unplug the device")


def test_without_its_key_the_page_says_where_to_find_it(browser: Browser) -> None:
    with stage() as running:
        context = browser.new_context()
        page = context.new_page()
        page.goto(running.server.address)
        expect(page.locator("h1")).to_have_text("This page is locked")
        expect(page.locator("p")).to_contain_text("address that the device printed")
        context.close()


@pytest.mark.parametrize("offline", [False, True], ids=["presses lost", "network away"])
def test_stop_claims_nothing_before_the_device_answers_and_is_sent_until_it_does(
    browser: Browser, offline: bool
) -> None:
    with opened(browser) as (page, running):
        agree(page)
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(2.2)
        at(page, "recording")
        if offline:
            page.context.set_offline(True)
        else:
            page.route("**/api/events", lambda route: route.abort())
        press(page, "Escape")
        expect(page.locator("#stop-text")).to_contain_text("may still be recording")
        expect(page.locator("#stop-text")).to_contain_text("unplug the device")
        expect(page.locator("#stop-text")).not_to_contain_text("paused")
        page.locator("#stop-yes").click()
        expect(page.locator("#notice")).to_contain_text("keeps trying")
        assert running.rehearsal.events[1:] == [Start()]
        if offline:
            page.context.set_offline(False)
        else:
            page.unroute("**/api/events")
        at(page, "stopped")
        assert running.rehearsal.events[-1] == Stop()
        expect(page.locator("#notice")).to_be_hidden()


def test_a_pause_that_is_heard_late_is_told_in_the_question(browser: Browser) -> None:
    with opened(browser) as (page, running):
        agree(page)
        press(page, "Enter")
        at(page, "countdown")
        running.clock.pass_(2.2)
        at(page, "recording")
        page.route("**/api/events", lambda route: route.abort())
        press(page, "Escape")
        expect(page.locator("#stop-text")).to_contain_text("may still be recording")
        page.unroute("**/api/events")
        at(page, "paused")
        expect(page.locator("#stop-text")).to_contain_text("Recording is paused while you choose.")
        page.locator("#stop-no").click()
        at(page, "ready")
        assert running.rehearsal.events[1:] == [Start(), Pause(), Resume()]


def test_a_long_word_stays_on_the_phone_and_arabic_starts_on_the_right(browser: Browser) -> None:
    with opened(browser, PHONE) as (page, _):
        agree(page)
        page.evaluate("document.getElementById('prompt').textContent = 'Donaudampfschifffahrt'.repeat(6)")
        box = page.locator("#prompt").evaluate("node => [node.scrollWidth, node.clientWidth]")
        assert box[0] <= box[1]
        page.evaluate("document.getElementById('prompt').textContent = 'اقرأ بصوت عالٍ'")
        assert page.locator("#prompt").evaluate("node => getComputedStyle(node).direction") == "rtl"


def test_steps_that_were_left_out_are_counted_at_the_end(browser: Browser) -> None:
    """A read-aloud step without sound means nothing: with everything but sound refused only the answer is left."""
    with opened(browser) as (page, running):
        running.rehearsal.post(ConsentAnswered(("text",), ("video", "audio", "image"), "P-1"))
        at(page, "ready")
        press(page, "Enter")
        at(page, "answering")
        page.keyboard.type("Tea")
        press(page, "Control+Enter")
        at(page, "saving")
        running.clock.pass_(1)
        at(page, "finished")
        expect(page.locator("#ended-takes")).to_have_text("3 steps were skipped because of what you did not allow.")


def test_a_second_screen_watches_until_somebody_uses_it_instead(browser: Browser) -> None:
    with opened(browser) as (page, running):
        phone = browser.new_context(viewport=PHONE).new_page()  # type: ignore[arg-type]
        phone.goto(running.url)
        expect(phone.locator("#watching")).to_contain_text("Another screen controls this session.")
        for name in ("agree", "decline", "allow-all"):
            expect(phone.locator(f"#{name}")).to_be_hidden()
        expect(phone.locator("#use-audio")).to_be_disabled()
        expect(page.locator("#watching")).to_be_hidden()
        agree(page)
        at(phone, "ready")
        press(phone, "Enter")
        expect(phone.locator("#primary")).not_to_be_visible()
        press(phone, "p")
        at(page, "paused")
        press(phone, "p")

        phone.locator("#take-over").click()
        expect(page.locator("#watching")).to_be_visible()
        expect(phone.locator("#watching")).to_be_hidden()
        press(phone, "p")
        at(page, "ready")
        assert running.rehearsal.events == [ConsentAnswered(ALL, (), "P-rehearsal"), Pause(), Resume()]
        phone.context.close()


def test_a_double_tap_counts_once(browser: Browser) -> None:
    """The button becomes another in place: Start becomes Done, Done becomes the next step's Start."""
    at_once = PlanStep(id="a", kind="say", title="A", prompt="A", record=["audio"], countdown_seconds=0, seconds=9)
    steps = [at_once, at_once.model_copy(update={"id": "b", "title": "B"})]
    with opened(browser, script=plan().model_copy(update={"steps": steps})) as (page, running):
        agree(page)
        page.evaluate(TAP_AGAIN)
        running.clock.pass_(0.3)
        at(page, "recording")
        page.wait_for_function("window.tapped")
        page.wait_for_timeout(500)  # a press that counts would be at the device by now
        assert running.rehearsal.events[1:] == [Start()]
        page.evaluate("performance.now = () => window.moment + 700")
        page.locator("#primary").click()
        at(page, "saving")
        running.clock.pass_(0.5)
        at(page, "ready")
        assert running.rehearsal.events[1:] == [Start(), Done()]


# Taps now, and once more as soon as the button has become Done; no time passes between the two.
TAP_AGAIN = """() => {
  window.moment = performance.now();
  performance.now = () => window.moment;
  const tap = () => document.querySelector("#primary").click();
  new MutationObserver((_, seen) => {
    if (document.body.dataset.state !== "recording") return;
    seen.disconnect();
    requestAnimationFrame(() => { tap(); window.tapped = true; });
  }).observe(document.body, { attributes: true });
  tap();
}"""

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Problem, Unreachable } from "../api/client";
import { MemoryBrowser, settled } from "../testing/browser";
import { MemoryCollector } from "../testing/collector";
import { MemoryPage } from "../testing/page";
import { storeOf } from "../testing/private";
import { box, taskView, track } from "../testing/tasks";

let browser: MemoryBrowser;
let collector: MemoryCollector;

const BROKEN = { code: "recording-broken", text: "the recording is broken" } as const;
const item = (id: string) => taskView(id, { labels: [box("b1")] });

/** Holds the answers to a request back; the returned call lets the newest one go. */
function held(wanted: string): () => void {
  let answer = (): void => undefined;
  collector.before = (request) => (request === wanted ? new Promise((resolve) => (answer = resolve)) : undefined);
  return () => answer();
}

beforeEach(() => {
  browser = new MemoryBrowser();
  collector = new MemoryCollector();
});
afterEach(() => browser.close());

describe("the next items", () => {
  test("two are prepared while one is worked on, and each is shown at once", async () => {
    collector.add(item("t1"), item("t2"), item("t3"), item("t4"));
    const page = await MemoryPage.open(collector);
    expect([page.open, page.prepared.map((media) => media.view.id)]).toEqual(["t1", ["t1", "t2", "t3"]]);
    await page.submit();
    expect([page.open, page.prepared.length]).toEqual(["t2", 4]);
    expect(page.prepared.map((media) => media.disposed)).toEqual([true, false, false, false]);
  });

  test("what was opened again while they were asked for is not opened twice", async () => {
    collector.add(item("t1"), item("t2"), item("t3"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    const answer = held("next");
    await page.store.skip(BROKEN);
    await page.store.back();
    await page.store.back();
    answer();
    await settled();
    expect([page.open, page.prepared.filter((media) => media.view.id === "t1").length]).toEqual(["t1", 2]);
  });

  test("an empty page asks again until there is work", async () => {
    const page = await MemoryPage.open(collector);
    expect(page.store.phase.value).toBe("empty");
    collector.add(item("t1"));
    await settled(5_001);
    expect([page.store.phase.value, page.open]).toEqual(["working", "t1"]);
  });

  test("asking again takes no item away that was opened meanwhile", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    expect(page.store.phase.value).toBe("empty");
    await page.store.back();
    const task = page.store.current.value?.task;
    await settled(6_000);
    expect([page.open, page.store.current.value?.task === task]).toEqual(["t1", true]);
  });

  test("a collector that does not answer is reported and asked again", async () => {
    collector.offline = true;
    const opened = MemoryPage.open(collector);
    await expect(opened).rejects.toThrow("does not answer");
    collector.offline = false;
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.store.advance();
    expect(page.store.phase.value).toBe("failed");
    collector.offline = false;
    collector.add(item("t1"));
    await settled(5_001);
    expect([page.open, page.store.problem.value]).toEqual(["t1", null]);
  });

  test("an older count that arrives late replaces no newer one", async () => {
    collector.add(...["t1", "t2", "t3", "t4"].map(item));
    const page = await MemoryPage.open(collector);
    let arrive = (): void => undefined;
    collector.after = (request) => (request === "next" ? new Promise((resolve) => (arrive = resolve)) : undefined);
    await page.store.skip(BROKEN);
    await page.submit();
    expect(page.store.progress.value?.done_today).toBe(1);
    arrive();
    await settled();
    expect([page.store.progress.value?.done_today, page.prepared.length]).toEqual([1, 4]);
  });

  test("come with the answer to a submit, which asks for what is missing", async () => {
    collector.add(...["t1", "t2", "t3", "t4", "t5"].map(item));
    const page = await MemoryPage.open(collector);
    const asked = collector.requests.length;
    await page.submit();
    await page.submit();
    const requests = collector.requests.slice(asked).filter((request) => request !== "activity");
    expect(requests).toEqual(["submit t1", "submit t2"]);
    expect(collector.row("t1").submits[0]?.body.next).toMatchObject({ have: ["t2", "t1", "t3"], count: 1 });
    expect([page.open, page.prepared.map((media) => media.view.id)]).toEqual(["t3", ["t1", "t2", "t3", "t4", "t5"]]);
    expect(browser.stored("letter.")).toEqual([]);
  });

  test("are asked for on their own where a submit is refused or its answer is lost", async () => {
    collector.add(...["t1", "t2", "t3", "t4", "t5"].map(item));
    const page = await MemoryPage.open(collector);
    collector.refusal = new Problem(422, "document-invalid", "A box is empty.", "Draw it again.", false);
    await page.submit();
    collector.refusal = null;
    expect(collector.requests.slice(-2)).toEqual(["submit t1", "next"]);
    collector.losesReplies = true;
    await page.submit();
    collector.losesReplies = false;
    await settled(10_000);
    expect([page.open, page.store.outbox.waiting.value]).toEqual(["t1", []]);
    // What the lost answer had leased for this page was given to it again: nothing is held that it does not have.
    const leased = [...page.prepared.map((media) => media.view.id)].filter((id) => collector.row(id).state === "leased");
    expect(new Set(leased)).toEqual(new Set(["t1", "t3", "t4"]));
    expect(collector.row("t5").state).toBe("open");
  });

  test("are not asked for by answers that are sent while nobody works", async () => {
    collector.add(...["t1", "t2", "t3", "t4"].map(item));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.submit();
    page.store.askToLeave();
    collector.offline = false;
    browser.fire("online");
    await settled();
    expect(collector.row("t1").submits.at(-1)?.body).not.toHaveProperty("next");
    expect(collector.row("t4").state).toBe("open");
  });
});

describe("accepting", () => {
  test("sends the labels, with what was on screen and how it was worked on", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    browser.fire("keydown");
    await page.edit();
    await page.submit();
    const [sent] = collector.row("t1").submits;
    expect(sent?.body).toMatchObject({ fence: 1, instructions: "b".repeat(64), correction: null });
    expect(sent?.body.documents[0]?.labels[0]).toMatchObject({ id: "b1", x: 101 });
    expect(sent?.body.first_input_at).not.toBeNull();
    expect(collector.activity[0]).toMatchObject({ task: "t1", visible: true });
  });

  test("refuses what nobody has seen", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    page.store.submit();
    expect(page.notice).toBe("This item is not on screen yet.");
    page.store.gate.watch({ unready: () => "The picture is not on screen yet." });
    page.store.submit();
    expect([page.notice, collector.row("t1").submits]).toEqual(["The picture is not on screen yet.", []]);
  });

  test("two at once submit one item", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    page.store.submit();
    await settled();
    expect([page.open, collector.row("t2").submits]).toEqual(["t2", []]);
  });

  test("selects the label that cannot be right", async () => {
    collector.add(taskView("t1", { labels: [box("b1"), box("b2", { width: 0 })] }));
    const page = await MemoryPage.open(collector);
    await page.submit();
    expect(page.store.current.value?.task.selected.value?.id).toBe("b2");
    expect([page.store.notices.current.value?.kind, collector.row("t1").submits]).toEqual(["care", []]);
  });

  test("refuses a label that the page cannot show", async () => {
    collector.add(taskView("t1", { labels: [box("b1"), track("x1", 0, 5)] }));
    const page = await MemoryPage.open(collector);
    await page.submit();
    expect([page.open, collector.row("t1").submits]).toEqual(["t1", []]);
    expect(page.notice).toContain("“person” is a track. This page cannot show it.");
    page.store.current.value?.task.reject({ capture: "t1-still", id: "x1" });
    await page.submit();
    expect(collector.row("t1").submits[0]?.body.documents[0]?.labels).toMatchObject([{ id: "b1" }]);
  });

  test("asks what was wrong with the work of somebody else", async () => {
    collector.add(item("t1"));
    await (await MemoryPage.open(collector, "boris")).submit();
    browser.openTab();
    const page = await MemoryPage.open(collector, "lin");
    await page.store.openItem("t1", null);
    const { acceptance, current, gate } = page.store;
    gate.watch({ unready: () => null });
    expect([acceptance.corrects(current.value?.task), acceptance.mayCorrect(current.value?.task)]).toEqual(["boris", false]);
    await settled(500);
    expect(acceptance.mayCorrect(current.value?.task)).toBe(true);
    page.store.submit("inexact");
    await settled();
    expect(collector.row("t1").submits.map((each) => each.body.correction)).toEqual([null, "inexact"]);
  });
});

describe("the outbox", () => {
  test("offline the work goes on, and is sent when the network is back", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.submit();
    expect([page.open, page.store.outbox.trouble.value]).toEqual(["t2", "no network"]);
    expect(browser.stored("letter.")).toHaveLength(1);
    collector.offline = false;
    browser.fire("online");
    await settled();
    expect(collector.row("t1").state).toBe("done");
    expect([page.store.outbox.trouble.value, browser.stored("letter.")]).toEqual([null, []]);
  });

  test("without a word from the browser it is tried again, ever more rarely", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.submit();
    let tries = 0;
    collector.before = (request) => void (tries += Number(request.startsWith("submit")));
    await settled(60_000);
    expect(tries).toBeGreaterThan(2);
    expect(tries).toBeLessThan(12);
    collector.offline = false;
    await settled(60_000);
    expect(collector.row("t1").state).toBe("done");
  });

  test("an answer whose reply is lost is sent again and counts once", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.losesReplies = true;
    await page.submit();
    expect(page.store.outbox.waiting.value).toHaveLength(1);
    collector.losesReplies = false;
    await settled(10_000);
    expect(collector.requests.filter((request) => request === "submit t1").length).toBeGreaterThan(1);
    expect([collector.row("t1").submits.length, page.store.outbox.waiting.value]).toEqual([1, []]);
  });

  test("an unsent answer survives the page, and the next one sends it", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.submit();
    browser.openTab();
    collector.offline = false;
    await MemoryPage.open(collector);
    expect(collector.row("t1").state).toBe("done");
  });

  test("an answer that this browser cannot store waits in memory", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    browser.storage.fill();
    collector.offline = true;
    await page.submit();
    // Another tab writes something: what is not stored is not lost for it.
    browser.fire("storage", { key: null });
    expect([browser.stored("letter."), page.store.outbox.has("t1")]).toEqual([[], true]);
    collector.offline = false;
    browser.fire("online");
    await settled();
    expect(collector.row("t1").state).toBe("done");
  });

  test("a refused document comes back with its work", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    collector.refusal = new Problem(422, "document-invalid", "A box is empty.", "Draw it again.", false);
    await page.submit();
    expect(page.notice).toBe("“Step of t1” was refused: A box is empty. Draw it again.");
    collector.refusal = null;
    await page.submit();
    expect([page.open, page.x]).toEqual(["t1", 101]);
  });
});

describe("a lost lease", () => {
  const lose = async (): Promise<MemoryPage> => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    collector.steal("t1", "boris");
    await settled(2_000);
    return page;
  };

  test("is noticed with the next draft, which the collector stores as late work", async () => {
    const page = await lose();
    expect(page.store.current.value?.task.hold.value.lost).toBe("is with boris now");
    expect(page.store.drafts.saved.value).toEqual({ state: "here", why: "this item went to someone else" });
    expect(collector.row("t1").drafts).toMatchObject([{ person: "ada", late: true }]);
  });

  test("is noticed without a draft when it is renewed, and when a laptop wakes", async () => {
    collector.add(item("t1"), item("t2"), item("t3"));
    const page = await MemoryPage.open(collector);
    collector.steal("t2", "boris");
    browser.show(false);
    browser.show(true);
    await settled();
    expect(page.store.current.value?.task.hold.value.lost).toBeNull();
    expect(page.prepared.filter((media) => media.disposed).map((media) => media.view.id)).toEqual(["t2"]);
    await page.edit();
    await settled(2_000);
    collector.steal("t1", "boris");
    await settled(310_000);
    expect(page.store.current.value?.task.hold.value.lost).toBe("is with boris now");
    expect(collector.row("t1").drafts).toMatchObject([{ person: "ada", late: true }]);
    await page.submit();
    expect(page.open).toBe("t3");
  });

  test("a lease that is renewed in time is not lost", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    await settled(3_600_000);
    expect(page.store.current.value?.task.hold.value.lost).toBeNull();
    expect(collector.requests.filter((request) => request === "renew t1").length).toBeGreaterThan(10);
    await page.submit();
    expect(collector.row("t1").state).toBe("done");
  });

  test("Enter leaves the item, and nothing of it is submitted", async () => {
    const page = await lose();
    await page.submit();
    expect([page.open, collector.row("t1").submits]).toEqual(["t2", []]);
  });

  test("it is taken again once it is free, with the work as it was", async () => {
    const page = await lose();
    await page.store.takeAgain();
    expect(page.notice).toContain("cannot be opened again");
    collector.row("t1").state = "open";
    await page.store.takeAgain();
    expect([page.store.current.value?.task.hold.value.lost, page.x]).toEqual([null, 101]);
    await page.submit();
    expect(collector.row("t1").submits[0]?.body.documents[0]?.labels[0]).toMatchObject({ x: 101 });
  });

  test("an answer that comes too late is kept as a draft, and said so", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    collector.steal("t1", "boris");
    await page.submit();
    expect(page.notice).toBe("“Step of t1” is with boris now. Your work is stored as a draft: a lead sees it under “today”.");
    expect(browser.stored(`draft.${storeOf("ada")}.t1`)).toHaveLength(1);
  });
});

describe("an item whose consent has ended", () => {
  test("leaves the page with what this browser stored of it", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    collector.row("t1").state = "withheld";
    await settled(2_000);
    expect([page.open, page.notice]).toEqual(["t2", "“Step of t1” was taken away: The consent to use this recording has ended."]);
    expect(browser.stored("draft.")).toEqual([]);
  });

  test("is not submitted, and its draft goes", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    collector.refusal = new Problem(403, "consent-ended", "The consent has ended.", "", false);
    await page.submit();
    expect([page.notice, browser.stored("draft.")]).toEqual(["“Step of t1” was not saved: The consent has ended.", []]);
    expect([page.store.canGoBack, page.store.phase.value]).toEqual([false, "empty"]);
  });
});

describe("going back", () => {
  test("opens what was submitted last, and returns to where the hand was", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    await page.store.back();
    expect([page.open, page.store.current.value?.task.reopened]).toEqual(["t1", true]);
    await page.edit(5);
    await page.submit();
    expect(page.open).toBe("t2");
    const { submits } = collector.row("t1");
    expect(submits.map((each) => each.body.documents[0]?.labels[0])).toMatchObject([{ x: 100 }, { x: 105 }]);
  });

  test("twice at once goes back once", async () => {
    collector.add(item("t1"), item("t2"), item("t3"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    await page.submit();
    await Promise.all([page.store.back(), page.store.back()]);
    expect([page.open, collector.requests.filter((each) => each === "reopen t2").length]).toEqual(["t2", 1]);
    await page.store.back();
    expect(page.open).toBe("t1");
  });

  test("waits for an answer that is not sent yet", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.submit();
    await page.store.back();
    expect([page.open, page.notice]).toEqual(["t2", "Your last answer has not been sent yet. Press B again once it has."]);
  });

  test("takes a skip back, with what was begun", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    await page.store.skip(BROKEN);
    expect([page.open, collector.row("t1").state]).toEqual(["t2", "skipped"]);
    await page.store.back();
    expect([page.open, page.x]).toEqual(["t1", 101]);
  });

  test("there is nothing to go back to at first", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    await page.store.back();
    expect([page.open, page.notice]).toEqual(["t1", "There is no item to go back to yet."]);
  });

  test("an item that somebody else has is not tried again", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    collector.steal("t1", "boris");
    await page.store.back();
    expect([page.open, page.store.canGoBack]).toEqual(["t2", false]);
  });
});

describe("a skip that does not reach the collector", () => {
  test("leaves the item open", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.store.skip(BROKEN);
    expect(page.open).toBe("t1");
    expect(page.notice).toBe("The item was not skipped: the collector does not answer. Your work is stored in this browser.");
  });
});

describe("releasing", () => {
  test("gives everything back, what is on its way too, and takes it back with the work", async () => {
    collector.add(item("t1"), item("t2"), item("t3"), item("t4"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    const answer = held("next");
    await page.submit();
    const released = page.store.release();
    answer();
    await settled();
    await released;
    expect(page.store.phase.value).toBe("resting");
    expect(["t2", "t3", "t4"].map((id) => collector.row(id).state)).toEqual(["open", "open", "open"]);
    await page.store.takeBack();
    expect([page.open, page.store.released.value]).toEqual(["t2", []]);
  });

  test("what somebody else took meanwhile stays theirs", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    await page.store.release();
    collector.steal("t1", "boris");
    await page.store.takeBack();
    expect([page.open, page.notice]).toEqual(["t2", "Somebody else has taken an item that you released."]);
  });
});

describe("signed out", () => {
  test("in the middle: the answer waits for the next session of the same person", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.signOut("ada");
    await page.submit();
    expect([page.store.phase.value, page.store.outbox.trouble.value]).toEqual(["signed-out", "you are signed out"]);
    browser.openTab();
    const boris = await MemoryPage.open(collector, "boris");
    expect([boris.store.outbox.waiting.value, collector.row("t1").submits]).toEqual([[], []]);
    browser.openTab();
    collector.signIn("ada");
    await MemoryPage.open(collector);
    expect(collector.row("t1").submits).toMatchObject([{ person: "ada" }]);
  });

  test("by another tab that opens somebody else's link, not by one's own second tab", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    browser.openTab();
    await MemoryPage.open(collector);
    expect(page.store.phase.value).toBe("working");
    browser.openTab();
    await MemoryPage.open(collector, "boris");
    expect(page.store.phase.value).toBe("signed-out");
  });

  test("a draft that is refused for it says so", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.signOut("ada");
    await page.edit();
    await settled(2_000);
    expect([page.store.phase.value, browser.stored("draft.")]).toEqual(["signed-out", [`gleaner.draft.${storeOf("ada")}.t1`]]);
  });
});

describe("signing out with work that is not sent", () => {
  test("counts it, sends it, and only then leaves nothing of it", async () => {
    collector.add(item("t1"), item("t2"));
    const page = await MemoryPage.open(collector);
    collector.before = (request) => {
      if (/^(submit|draft)/.test(request)) throw new Unreachable();
    };
    await page.submit();
    await page.edit();
    await page.store.release();
    page.store.askToLeave();
    expect(await page.store.unsent.sendAll()).toEqual({ answers: 1, drafts: 1 });
    page.store.stay();
    expect(page.store.phase.value).toBe("resting");
    collector.before = () => undefined;
    page.store.askToLeave();
    expect(await page.store.unsent.sendAll()).toEqual({ answers: 0, drafts: 0 });
    await page.store.leave(true);
    expect(page.store.phase.value).toBe("signed-out");
    expect(page.store.session.ended.value).toEqual({ kept: 0, deleted: 0, confirmed: true });
    for (const prefix of ["draft.", "steps.", "letter.", "submitted."]) expect(browser.stored(prefix)).toEqual([]);
    expect([collector.row("t1").state, collector.row("t2").drafts.length]).toEqual(["done", 1]);
  });

  test("deletes it at the person's own request", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    await page.edit();
    await page.store.leave(false);
    expect(browser.stored("draft.")).toEqual([]);
    expect(page.store.session.ended.value).toEqual({ kept: 0, deleted: 1, confirmed: true });
  });

  test("stores it for who signs in again, and deletes what the collector has", async () => {
    collector.add(item("t1"), item("t2"), item("t3"));
    const page = await MemoryPage.open(collector);
    await page.submit();
    await page.edit();
    await settled(1_500);
    collector.before = (request) => {
      if (/^(submit|draft)/.test(request)) throw new Unreachable();
    };
    await page.submit();
    await page.edit(7);
    await page.store.leave(true);
    expect(page.store.session.ended.value).toEqual({ kept: 2, deleted: 0, confirmed: true });
    expect([browser.stored("letter.").length, browser.stored("draft.").length, browser.stored("submitted.")]).toEqual([
      ...[1, 2],
      [],
    ]);
    expect([page.store.current.value, page.store.outbox.waiting.value.length]).toEqual([null, 1]);
    collector.before = () => undefined;
    collector.signIn("ada");
    browser.openTab();
    collector.row("t3").state = "open";
    const back = await MemoryPage.open(collector);
    expect([collector.row("t2").submits.length, back.open, back.x]).toEqual([1, "t3", 107]);
  });

  test("ends the session later where the collector does not answer now", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.store.leave(true);
    expect([page.store.phase.value, page.store.session.ended.value?.confirmed]).toEqual(["signed-out", false]);
    collector.offline = false;
    await settled(5_000);
    expect([page.store.session.ended.value?.confirmed, collector.requests.at(-1)]).toEqual([true, "leave"]);
  });

  test("or when the page is opened next, and not the session of who signed in meanwhile", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.store.leave(true);
    browser.close();
    const later = new MemoryBrowser();
    Object.assign(later.storage, browser.storage);
    browser = later;
    collector.offline = false;
    await expect(MemoryPage.open(collector)).rejects.toMatchObject({ status: 401 });
    expect(collector.requests.at(-1)).toBe("leave");
    collector.signIn("ada");
    collector.row("t1").state = "open";
    expect((await MemoryPage.open(collector)).store.phase.value).toBe("working");
  });
});

describe("a session that ends", () => {
  test("by its time leaves nothing on the page, also without network, and nothing that can be read", async () => {
    collector.add(item("t1"));
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.edit();
    await settled(2 * 3_600_000 + 15_000);
    expect([page.store.phase.value, page.store.current.value]).toEqual(["signed-out", null]);
    expect(browser.stored("draft.")).toHaveLength(1);
    expect(JSON.stringify(browser.storage)).not.toMatch(/\.ada|"labels|"x/);
    collector.offline = false;
    browser.openTab();
    collector.row("t1").state = "open";
    expect((await MemoryPage.open(collector)).x).toBe(101);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryBrowser, settled } from "../testing/browser";
import { MemoryCollector } from "../testing/collector";
import { MemoryPage } from "../testing/page";
import { storeOf } from "../testing/private";
import { box, taskView } from "../testing/tasks";

let browser: MemoryBrowser;
let collector: MemoryCollector;

beforeEach(() => {
  browser = new MemoryBrowser();
  collector = new MemoryCollector();
  collector.add(taskView("t1", { labels: [box("b1"), box("b2", { score: 0.95 })] }));
});
afterEach(() => browser.close());

/** The page dies without a word: another one is opened in its place, which gets its items again. */
async function again(): Promise<MemoryPage> {
  browser.openTab();
  collector.row("t1").state = "open";
  return MemoryPage.open(collector);
}

describe("a change", () => {
  test("is in this browser a twentieth of a second later, and at the collector when the hand rests", async () => {
    const page = await MemoryPage.open(collector);
    await page.edit();
    expect(browser.stored("draft.")).toEqual([`gleaner.draft.${storeOf("ada")}.t1`]);
    expect([page.store.drafts.saved.value.state, collector.row("t1").drafts]).toEqual(["saving", []]);
    await settled(1_500);
    expect(page.store.drafts.saved.value.state).toBe("saved");
    expect(collector.row("t1").drafts[0]?.documents[0]?.labels[0]).toMatchObject({ x: 101 });
  });

  test("many of them in a row are one draft", async () => {
    const page = await MemoryPage.open(collector);
    for (let n = 0; n < 20; n += 1) await page.edit();
    await settled(1_500);
    expect(collector.requests.filter((request) => request === "draft t1")).toHaveLength(1);
  });

  test("that is made while an earlier one is being sent is not reported as saved", async () => {
    const page = await MemoryPage.open(collector);
    let answer = (): void => undefined;
    collector.before = (request) =>
      request === "draft t1" ? new Promise<void>((resolve) => (answer = resolve)) : undefined;
    await page.edit();
    await settled(1_500);
    await page.edit();
    answer();
    await settled();
    expect(page.store.drafts.saved.value.state).toBe("saving");
  });

  test("is written at once when the page is left", async () => {
    const page = await MemoryPage.open(collector);
    void page.edit();
    browser.fire("pagehide");
    expect(browser.stored("draft.")).toHaveLength(1);
    await settled(60);
  });

  test("a collector that is away is tried again, and the bar says where the work is", async () => {
    const page = await MemoryPage.open(collector);
    collector.offline = true;
    await page.edit();
    await settled(1_500);
    expect(page.store.drafts.saved.value).toEqual({ state: "here", why: "the collector does not answer" });
    collector.offline = false;
    await settled(5_000);
    expect(page.store.drafts.saved.value.state).toBe("saved");
  });

  test("a browser that stores nothing says so, and the collector has it", async () => {
    const page = await MemoryPage.open(collector);
    browser.storage.fill();
    await page.edit();
    expect(page.store.drafts.saved.value.state).toBe("failed");
    await settled(1_500);
    expect(collector.row("t1").drafts).toHaveLength(1);
  });
});

describe("a page that comes back", () => {
  test("goes on where it was, and says so", async () => {
    const page = await MemoryPage.open(collector);
    page.store.current.value?.task.select(1);
    await page.edit(7);
    const back = await again();
    expect([back.store.current.value?.task.work.value, back.notice]).toEqual([
      page.store.current.value?.task.work.value,
      "Your unfinished work on this item is back.",
    ]);
    expect(back.store.current.value?.task.selected.value?.id).toBe("b2");
  });

  test("takes the collector's draft where this browser has none", async () => {
    const page = await MemoryPage.open(collector);
    await page.edit();
    await settled(1_500);
    browser.storage.removeItem(`gleaner.draft.${storeOf("ada")}.t1`);
    expect((await again()).x).toBe(101);
  });

  test("takes the newer of the two", async () => {
    const page = await MemoryPage.open(collector);
    await page.edit();
    await settled(2_000);
    const [draft] = collector.row("t1").drafts;
    if (draft) draft.savedAt = new Date(Date.now() + 60_000).toISOString();
    expect((await again()).x).toBe(101);
    collector.row("t1").drafts = [];
    expect((await again()).x).toBe(101);
  });

  test("undoes what was done before it died", async () => {
    const page = await MemoryPage.open(collector);
    await page.edit(1);
    await page.edit(10);
    page.store.current.value?.task.undo();
    await settled(2_000);
    const task = (await again()).store.current.value?.task;
    task?.redo();
    const x = (): unknown => (task?.work.value["t1-still"]?.[0] as { x?: number }).x;
    expect(x()).toBe(111);
    task?.undo();
    task?.undo();
    expect([x(), task?.undo()]).toEqual([100, false]);
  });

  test("a draft of somebody else is not touched", async () => {
    const page = await MemoryPage.open(collector, "ada.b");
    await page.edit();
    browser.openTab();
    collector.row("t1").state = "open";
    const other = await MemoryPage.open(collector, "ada");
    expect(other.x).toBe(100);
    await other.store.leave(false);
    expect(browser.stored("draft.")).toEqual([`gleaner.draft.${storeOf("ada.b")}.t1`]);
  });

  test("drafts of more than two weeks ago are deleted", async () => {
    const page = await MemoryPage.open(collector);
    await page.edit();
    collector.row("t1").state = "done";
    await settled(15 * 86_400_000);
    browser.openTab();
    await MemoryPage.open(collector, "boris");
    expect(browser.stored("draft.")).toEqual([]);
  });
});

test("what is submitted leaves no draft once it is confirmed, and none before", async () => {
  const page = await MemoryPage.open(collector);
  await page.edit();
  collector.offline = true;
  await page.submit();
  expect(browser.stored("draft.")).toHaveLength(1);
  collector.offline = false;
  browser.fire("online");
  await settled();
  expect([browser.stored("draft."), browser.stored("steps.")]).toEqual([[], []]);
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TaskView } from "../../api/types";
import { MemoryBrowser, settled } from "../../testing/browser";
import { Editing } from "../../testing/editing";
import { still } from "../../testing/media";
import { box, capture, taskView } from "../../testing/tasks";
import { ImageEditor } from "./editor";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const view = (): TaskView => taskView("t1", { labels: [box("b1", { score: 0.4 }), box("b2")] });
const open = (): Promise<Editing<ImageEditor>> =>
  new Editing((context) => new ImageEditor(context)).load(view(), { "t1-still": still() });

describe("arrows", () => {
  test("move the selected box by one, with Shift by ten, and one Undo takes a held arrow back", async () => {
    const hand = await open();
    hand.press("right", "right", "down");
    hand.far("left");
    expect(hand.label).toMatchObject({ id: "b1", x: 92, y: 101 });
    hand.task.undo();
    expect(hand.label).toMatchObject({ x: 100, y: 100 });
  });

  test("move one edge once it is chosen, and the whole box again after E", async () => {
    const hand = await open();
    hand.press("edge");
    expect(hand.status).toContain("Which edge?");
    hand.press("right");
    expect(hand.status).toContain("right edge");
    hand.press("right", "right");
    expect(hand.label).toMatchObject({ x: 100, width: 52 });
    // Across the edge: the other pair of edges.
    hand.press("down", "down");
    expect(hand.label).toMatchObject({ y: 100, height: 41 });
    hand.press("edge", "left");
    expect(hand.label).toMatchObject({ x: 99, width: 52 });
    expect(hand.status).toBeNull();
  });

  test("keep a part of a box in the picture", async () => {
    const hand = await open();
    for (let n = 0; n < 20; n += 1) hand.far("left");
    expect(hand.label).toMatchObject({ x: -49, width: 50 });
    for (let n = 0; n < 99; n += 1) hand.far("down");
    expect(hand.label).toMatchObject({ y: 479, height: 40 });
  });
});

describe("drawing", () => {
  test("by two corners, with the last name that was given", async () => {
    const hand = await open();
    hand.press("draw");
    expect(hand.status).toContain("New box “cup”");
    hand.press("confirm", "right", "down", "confirm");
    expect(hand.labels()).toHaveLength(3);
    expect(hand.label).toMatchObject({ kind: "box", label: "cup", score: null, x: 320, y: 240 });
    expect([hand.editor.tool.drawing.value, hand.status]).toEqual([null, null]);
  });

  test("under another name that is chosen meanwhile", async () => {
    const hand = await open();
    expect(hand.editor.nameNew("person")).toBe(false);
    hand.press("draw");
    expect(hand.editor.nameNew("person")).toBe(true);
    expect(hand.status).toContain("New box “person”");
    hand.press("confirm", "right", "down", "confirm");
    expect(hand.label).toMatchObject({ label: "person" });
  });

  test("too small is refused with a word, Esc leaves", async () => {
    const hand = await open();
    hand.press("draw", "confirm", "confirm");
    expect([hand.labels().length, hand.status]).toEqual([2, expect.stringContaining("too small")]);
    hand.press("leave");
    expect([hand.editor.tool.drawing.value, hand.labels().length]).toEqual([null, 2]);
  });

  test("lands on the picture that is active, never on one that is only shown alongside", async () => {
    const captures = [capture("a", "image"), capture("b", "image"), capture("c", "image", { role: "beside" })];
    const hand = await new Editing((context) => new ImageEditor(context)).load(taskView("t1", { captures }), {
      ...{ a: still(), b: still(), c: still() },
    });
    hand.editor.active.value = "b";
    hand.press("draw", "confirm", "right", "down", "confirm");
    expect([hand.labels("a").length, hand.labels("b").length]).toEqual([0, 1]);
    hand.task.selected.value = null;
    hand.editor.active.value = "c";
    hand.press("draw", "confirm", "right", "down", "confirm");
    expect([hand.labels("a").length, hand.labels("c").length]).toEqual([1, 0]);
  });

  test("waits for a picture", async () => {
    const hand = await new Editing((context) => new ImageEditor(context)).load(view(), { "t1-still": new Promise(() => undefined) });
    hand.press("draw");
    expect([hand.editor.tool.drawing.value, hand.editor.unready()]).toEqual([null, "The picture is not on screen yet."]);
  });
});

describe("pictures", () => {
  test("are all on screen before the item can be accepted", async () => {
    const captures = [capture("a", "image"), capture("b", "image")];
    let arrive = (_: ReturnType<typeof still>): void => undefined;
    const b = new Promise<ReturnType<typeof still>>((resolve) => (arrive = resolve));
    const hand = await new Editing((context) => new ImageEditor(context)).load(taskView("t1", { captures }), { a: still(), b });
    expect(hand.editor.unready()).toBe("The picture is not on screen yet.");
    arrive(still());
    await settled();
    expect(hand.editor.unready()).toBeNull();
  });

  test("of the item before do not appear on the next", async () => {
    let arrive = (_: ReturnType<typeof still>): void => undefined;
    const late = new Promise<ReturnType<typeof still>>((resolve) => (arrive = resolve));
    const hand = await new Editing((context) => new ImageEditor(context)).load(view(), { "t1-still": late });
    await hand.load(taskView("t1", { labels: [] }), { "t1-still": still(100, 100) });
    arrive(still(640, 480));
    await settled();
    expect(hand.editor.shown("t1-still")).toMatchObject({ state: "ready", medium: { width: 100 } });
  });

  test("that failed keep the item from being accepted until they are asked for again", async () => {
    const broken: Record<string, ReturnType<typeof still> | Error> = { "t1-still": new Error("It is broken.") };
    const hand = await new Editing((context) => new ImageEditor(context)).load(view(), broken);
    expect(hand.editor.shown("t1-still")).toEqual({ state: "failed", why: "It is broken." });
    expect(hand.editor.unready()).toContain("Press S to skip");
    broken["t1-still"] = still();
    const [picture] = hand.editor.captures(hand.task);
    if (picture) hand.editor.open(picture);
    await settled();
    expect(hand.editor.unready()).toBeNull();
  });

  test("are zoomed only where there is something to zoom to", async () => {
    const hand = await open();
    hand.press("zoom");
    expect(hand.editor.close.value).toBe(true);
    hand.press("zoom");
    hand.task.selected.value = null;
    hand.press("zoom");
    expect(hand.editor.close.value).toBe(false);
  });
});

test("other keys are the page's", async () => {
  const hand = await open();
  expect([hand.press("submit"), hand.press("undo"), hand.press("next-label")]).toEqual([false, false, false]);
});

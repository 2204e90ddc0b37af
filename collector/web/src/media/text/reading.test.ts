import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Label, PolygonLabel, SpanLabel, TaskView } from "../../api/types";
import { MemoryBrowser, settled } from "../../testing/browser";
import { Editing } from "../../testing/editing";
import { still } from "../../testing/media";
import { capture, taskView, text } from "../../testing/tasks";
import { ReadingEditor } from "./reading";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const place = (id: string, y: number): PolygonLabel => ({
  ...{ id, kind: "polygon", label: "text", score: 0.9 },
  points: [
    [10, y],
    [110, y],
    [110, y + 20],
    [10, y + 20],
  ],
});
const span = (id: string, parent: string, start: number, end: number): SpanLabel => ({
  ...{ id, kind: "span", label: "name", score: null, parent, start, end },
});
const view = (labels: Label[]): TaskView =>
  taskView("t1", { type: "text", captures: [capture("c", "image")], labels, classes: [] });
const open = (...labels: Label[]): Promise<Editing<ReadingEditor>> =>
  new Editing((context) => new ReadingEditor(context)).load(view(labels), { c: still() });

/** Two lines, the lower one less certain. */
const lines = (): Label[] => [
  place("p1", 10),
  text("w1", "EXIT", { parent: "p1", score: 0.9 }),
  place("p2", 60),
  text("w2", "Platfrom 2", { parent: "p2", score: 0.5 }),
];

describe("going through texts", () => {
  test("a place and its text are one: the text is selected", async () => {
    const hand = await open(...lines());
    hand.select("p1");
    expect(hand.task.selected.value?.id).toBe("w1");
  });

  test("arrows go in reading order, Tab by certainty", async () => {
    const hand = await open(...lines());
    expect(hand.task.selected.value?.id).toBe("w2");
    hand.press("up");
    expect(hand.task.selected.value?.id).toBe("w1");
    hand.press("up");
    expect(hand.task.selected.value?.id).toBe("w1");
    hand.press("down");
    expect(hand.task.selected.value?.id).toBe("w2");
    hand.press("next-label");
    expect(hand.task.selected.value?.id).toBe("w1");
  });

  test("a span is a stop of its own, in the text that it marks", async () => {
    const hand = await open(...lines(), span("s1", "w1", 0, 4));
    hand.select("s1");
    expect([hand.editor.piece()?.id, hand.press("reject")]).toEqual(["w1", false]);
  });
});

describe("writing", () => {
  test("corrects a text; spans that are marked in it move with it", async () => {
    const hand = await open(...lines(), span("s1", "w2", 9, 10));
    hand.editor.setText("w2", "Platform No 2");
    expect(hand.labels().find((l) => l.id === "s1")).toMatchObject({ start: 12, end: 13 });
    hand.task.undo();
    expect(hand.label).toMatchObject({ text: "Platfrom 2" });
  });

  test("a language is the text's", async () => {
    const hand = await open(...lines());
    hand.editor.setLanguage("de");
    expect(hand.label).toMatchObject({ id: "w2", language: "de" });
  });

  test("W writes in the selected text, with a word where there is none", async () => {
    const hand = await open(...lines());
    hand.press("write", "language");
    expect(hand.focused).toEqual([["text", "w2"], ["language", undefined]]);
    hand.task.selected.value = null;
    hand.press("write");
    expect(hand.notices[0]).toContain("No text is selected");
  });
});

describe("places", () => {
  test("a drawn one begins with an empty text, and the caret in it", async () => {
    const hand = await open();
    hand.press("draw", "confirm", "right", "down", "confirm");
    await settled(20);
    expect(hand.labels().map((l) => l.kind).sort()).toEqual(["polygon", "text"]);
    expect(hand.label).toMatchObject({ kind: "text", text: "", language: "en", label: "text" });
    expect(hand.focused).toEqual([["text", hand.task.selected.value?.id]]);
  });

  test("one without a text gets it by N", async () => {
    const hand = await open(place("p1", 10));
    expect(hand.task.selected.value?.id).toBe("p1");
    hand.press("draw");
    expect(hand.label).toMatchObject({ kind: "text", parent: "p1" });
  });

  test("goes with its text, the next least certain is selected, and undo brings both back", async () => {
    const hand = await open(...lines());
    hand.press("reject");
    expect([hand.labels().map((l) => l.id), hand.task.selected.value?.id]).toEqual([["p1", "w1"], "w1"]);
    hand.task.undo();
    expect(hand.labels()).toHaveLength(4);
    hand.press("reject");
    hand.press("reject");
    expect([hand.labels(), hand.task.selected.value]).toEqual([[], null]);
  });
});

test("the picture is on screen before the item can be accepted", async () => {
  const hand = await new Editing((context) => new ReadingEditor(context)).load(view(lines()), { c: new Promise(() => undefined) });
  expect(hand.editor.unready()).toBe("The picture is not on screen yet.");
  await hand.load(view(lines()), { c: still() });
  expect(hand.editor.unready()).toBeNull();
  hand.press("zoom");
  expect(hand.editor.close.value).toBe(true);
});

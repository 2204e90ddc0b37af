import { afterEach, beforeEach, expect, test } from "vitest";
import type { Label, TaskView } from "../../api/types";
import { MemoryBrowser, settled } from "../../testing/browser";
import { Editing } from "../../testing/editing";
import { words } from "../../testing/media";
import { capture, taskView, text } from "../../testing/tasks";
import { AnswerEditor } from "./answer";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const view = (facts: Partial<TaskView> & { labels?: Label[] } = {}): TaskView =>
  taskView("t1", { type: "text", captures: [capture("c", "text")], classes: [], ...facts });
const open = (facts: Parameters<typeof view>[0] = {}): Promise<Editing<AnswerEditor>> =>
  new Editing((context) => new AnswerEditor(context)).load(view(facts), { c: words("I make the coffe.") });

test("without a pre-label what was typed is what is corrected, and nothing has changed yet", async () => {
  const hand = await open();
  expect(hand.label).toMatchObject({ kind: "text", label: "answer", text: "I make the coffe.", language: "en", score: null });
  expect([hand.task.touched, hand.editor.unready()]).toEqual([false, null]);
});

test("a pre-label, a draft and a revision are not written over", async () => {
  expect((await open({ labels: [text("m1", "I make coffee.")] })).label).toMatchObject({ id: "m1", text: "I make coffee." });
  const documents = [{ schema: 1 as const, capture: "c", source: null, labels: [] }];
  const draft = { documents, saved_at: "2026-03-01T09:00:00Z", why: "working" } as unknown as TaskView["draft"];
  expect((await open({ draft })).labels()).toEqual([]);
});

test("typing is one step of undo, and an empty field is a rejected answer that comes back", async () => {
  const hand = await open();
  hand.editor.text.setText("I make the coffe");
  hand.editor.text.setText("I make the coffee.");
  hand.task.commit();
  hand.editor.text.setText("  ");
  expect(hand.labels()).toEqual([]);
  hand.task.undo();
  expect(hand.label).toMatchObject({ text: "I make the coffee." });
  hand.task.undo();
  expect(hand.label).toMatchObject({ text: "I make the coffe." });
});

test("N begins again from what was typed", async () => {
  const hand = await open();
  hand.press("draw");
  expect(hand.notices).toEqual(["This item has one answer. Press W to edit it."]);
  hand.task.reject();
  hand.press("draw");
  expect(hand.label).toMatchObject({ text: "I make the coffe." });
});

test("a rejected pre-label comes back by U where there is nothing else to undo", async () => {
  const documents = [{ schema: 1 as const, capture: "c", source: null, labels: [] }];
  const draft = { documents, saved_at: "2026-03-01T09:00:00Z", why: "working" } as unknown as TaskView["draft"];
  const hand = await open({ labels: [text("m1", "I make coffee.")], draft });
  expect([hand.labels(), hand.press("undo"), hand.labels()]).toMatchObject([[], true, [{ id: "m1" }]]);
});

test("the language is the text's, and one that is chosen before there is a text is its", async () => {
  const hand = await open();
  hand.editor.text.setLanguage("de");
  expect(hand.label).toMatchObject({ language: "de" });
  hand.task.reject();
  hand.editor.text.setLanguage("fr");
  hand.editor.text.setText("Du café.");
  expect(hand.label).toMatchObject({ language: "fr", text: "Du café." });
});

test("W and L put the caret into the fields", async () => {
  const hand = await open();
  hand.press("write", "language");
  expect(hand.focused).toEqual([["text", undefined], ["language", undefined]]);
});

test("an answer that did not arrive is not accepted, and can be asked for again", async () => {
  const media: Record<string, Error | ReturnType<typeof words>> = { c: new Error("The collector does not answer.") };
  const hand = await new Editing((context) => new AnswerEditor(context)).load(view(), media);
  expect([hand.editor.unready(), hand.labels()]).toEqual(["The answer cannot be shown. Press S to skip this item.", []]);
  media["c"] = words("Hello.");
  hand.editor.open(hand.task);
  await settled();
  expect([hand.editor.unready(), hand.label["text"]]).toEqual([null, "Hello."]);
});

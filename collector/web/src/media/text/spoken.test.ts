import { afterEach, beforeEach, expect, test } from "vitest";
import type { Label, TaskView } from "../../api/types";
import { MemoryBrowser, settled, type MemoryAudio } from "../../testing/browser";
import { Editing } from "../../testing/editing";
import { recording } from "../../testing/media";
import { capture, taskView, text } from "../../testing/tasks";
import { SpokenEditor } from "./spoken";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const sound = (): MemoryAudio => browser.sounds.at(-1) as MemoryAudio;

async function open(labels: Label[] = []): Promise<Editing<SpokenEditor>> {
  const captures: TaskView["captures"] = [capture("a", "audio")];
  const view = taskView("t1", { type: "text", captures, labels, classes: [] });
  const hand = await new Editing((context) => new SpokenEditor(context)).load(view, { a: recording() });
  sound().dispatchEvent(new Event("canplay"));
  await settled();
  return hand;
}

test("the sound waits for a key, plays from there and goes on after a pause", async () => {
  const hand = await open();
  expect([sound().paused, hand.editor.unready()]).toEqual([true, null]);
  hand.press("right", "play");
  await settled();
  expect([sound().paused, sound().currentTime, hand.playing]).toEqual([false, 1, true]);
  hand.press("play");
  expect([sound().paused, hand.playing]).toEqual([true, false]);
  hand.far("right");
  expect(hand.editor.sound.player()?.now.value).toBe(4_000_000);
  hand.press("left", "play-all");
  await settled();
  expect(sound().currentTime).toBe(0);
});

test("zoom and speed are those of every sound", async () => {
  const hand = await open();
  hand.press("wider", "faster");
  expect(hand.editor.sound.zoom.value).toBeGreaterThan(1);
  expect(sound().playbackRate).toBeGreaterThan(1);
  hand.press("narrower", "slower");
  expect([hand.editor.sound.zoom.value, sound().playbackRate]).toEqual([1, 1]);
});

test("nothing is written until a person writes, and then it is theirs", async () => {
  const hand = await open();
  expect(hand.labels()).toEqual([]);
  hand.press("draw");
  expect(hand.focused).toEqual([["text", undefined]]);
  hand.editor.text.setText("on the table");
  expect(hand.label).toMatchObject({ kind: "text", label: "answer", text: "on the table", score: null, language: "en" });
});

test("what a model heard is corrected, rejected and brought back", async () => {
  const hand = await open([text("m1", "on the cable", { language: "de" })]);
  hand.press("draw");
  expect(hand.notices).toEqual(["This item has one answer. Press W to edit it."]);
  hand.editor.text.setText("on the table");
  expect(hand.label).toMatchObject({ id: "m1", text: "on the table", language: "de", score: 0.9 });
  hand.editor.text.setText("");
  expect(hand.labels()).toEqual([]);
  // Written again it is the same answer.
  hand.task.commit();
  hand.editor.text.setText("under the table");
  expect(hand.label).toMatchObject({ id: "m1", text: "under the table" });
});

test("a broken recording is not accepted, and the next item begins anew", async () => {
  const hand = await open();
  sound().dispatchEvent(new Event("error"));
  expect(hand.editor.unready()).toBe("The sound cannot be shown. Press S to skip this item.");
  hand.editor.open();
  await settled();
  expect(hand.editor.unready()).toBe("The sound is not on screen yet.");
});

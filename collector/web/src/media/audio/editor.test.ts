import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Label, TaskView } from "../../api/types";
import { MemoryBrowser, settled, type MemoryAudio } from "../../testing/browser";
import { Editing } from "../../testing/editing";
import { recording } from "../../testing/media";
import { capture, region, taskView } from "../../testing/tasks";
import { AudioEditor } from "./editor";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const sound = (): MemoryAudio => browser.sounds.at(-1) as MemoryAudio;
const view = (labels: Label[], facts: Partial<TaskView> = {}): TaskView =>
  taskView("t1", { type: "speech", captures: [capture("a", "audio")], labels, ...facts });

/** Opened, and so far here that it can be played. */
async function open(labels: Label[], facts: Partial<TaskView> = {}): Promise<Editing<AudioEditor>> {
  const hand = await new Editing((context) => new AudioEditor(context)).load(view(labels, facts), { a: recording() });
  sound().dispatchEvent(new Event("canplay"));
  await settled();
  return hand;
}

/** The sound has played so far. */
async function playTo(seconds: number): Promise<void> {
  sound().currentTime = seconds;
  await settled(20);
}

const two = (): Label[] => [region("s1", 500_000, 1_500_000, { score: 0.4 }), region("s2", 2_000_000, 3_000_000)];

describe("listening", () => {
  test("what is selected plays, from its start to its end", async () => {
    const hand = await open(two());
    expect([sound().paused, sound().currentTime, hand.playing]).toEqual([false, 0.5, true]);
    await playTo(1.6);
    expect([sound().paused, hand.editor.player()?.now.value, hand.playing]).toEqual([true, 1_500_000, false]);
    hand.press("down");
    await settled();
    expect([hand.label["id"], sound().paused, sound().currentTime]).toEqual(["s2", false, 2]);
  });

  test("a region that was paused goes on where it was paused", async () => {
    const hand = await open(two());
    await playTo(1.2);
    hand.press("play");
    expect(sound().paused).toBe(true);
    hand.press("play");
    await settled();
    expect([sound().paused, sound().currentTime]).toEqual([false, 1.2]);
    await playTo(1.5);
    hand.press("play");
    await settled();
    expect(sound().currentTime).toBe(0.5);
  });

  test("the whole recording plays from the playhead, from the start at its end", async () => {
    const hand = await open(two());
    hand.press("last-frame");
    expect(hand.editor.player()?.now.value).toBe(4_000_000);
    hand.press("play-all");
    await settled();
    expect(sound().currentTime).toBe(0);
    await playTo(3.5);
    expect(sound().paused).toBe(false);
  });

  test("what was selected before the sound came is played when it comes", async () => {
    const hand = await new Editing((context) => new AudioEditor(context)).load(view(two()), { a: recording() });
    expect([sound().paused, hand.editor.unready()]).toEqual([true, "The sound is not on screen yet."]);
    sound().dispatchEvent(new Event("canplay"));
    await settled();
    expect([sound().paused, hand.editor.unready()]).toEqual([false, null]);
  });

  test("a recording that the browser cannot play is not accepted", async () => {
    const hand = await open(two());
    sound().dispatchEvent(new Event("error"));
    expect(hand.editor.unready()).toBe("The sound cannot be shown. Press S to skip this item.");
    const silent = await new Editing((context) => new AudioEditor(context)).load(view([], { captures: [] }), {});
    expect(silent.editor.sound.state.value).toEqual({ state: "failed", why: "This take has no sound." });
  });

  test("the item before is silent", async () => {
    const hand = await open(two());
    const first = sound();
    await hand.load(view(two()), { a: recording() });
    expect([first.paused, first.src]).toEqual([true, ""]);
    hand.editor.dispose();
    expect([sound().src, hand.playing]).toEqual(["", false]);
  });
});

describe("edges", () => {
  test("the end moves by ten milliseconds, with Shift by a hundred, after [ the start", async () => {
    const hand = await open(two());
    hand.press("right");
    hand.far("left");
    expect(hand.label).toMatchObject({ start_us: 500_000, end_us: 1_410_000 });
    expect(hand.editor.player()?.now.value).toBe(1_410_000);
    hand.press("edge-start", "left");
    expect(hand.label).toMatchObject({ start_us: 490_000, end_us: 1_410_000 });
    expect(sound().paused).toBe(true);
  });

  test("never pass each other nor leave the recording", async () => {
    const hand = await open([region("s1", 500_000, 520_000)]);
    hand.press("left", "left", "left");
    expect(hand.label).toMatchObject({ end_us: 510_000 });
    for (let n = 0; n < 40; n += 1) hand.far("right");
    expect(hand.label).toMatchObject({ end_us: 4_000_000 });
    hand.press("edge-start");
    for (let n = 0; n < 9; n += 1) hand.far("left");
    expect(hand.label).toMatchObject({ start_us: 0 });
  });

  test("another region begins with its end again", async () => {
    const hand = await open(two());
    hand.press("edge-start", "down");
    expect(hand.editor.edge.value).toBe("end");
  });
});

describe("regions", () => {
  test("a new one begins at the playhead and expects the prompt, where it was not shared out", async () => {
    const hand = await open([], { expected: "turn on the light" });
    hand.editor.player()?.seek(1_000_000);
    hand.press("draw");
    expect(hand.label).toMatchObject({ start_us: 1_000_000, end_us: 2_000_000, expected: "turn on the light" });
    hand.press("last-frame", "draw");
    expect(hand.label).toMatchObject({ start_us: 3_000_000, end_us: 4_000_000 });
  });

  test("are split at the playhead, else in the middle; the text stays with the first part", async () => {
    const hand = await open([region("s1", 0, 2_000_000, { text: "turn on", expected: "turn on" })]);
    hand.editor.player()?.pause();
    hand.editor.player()?.seek(500_000);
    hand.press("split");
    expect(hand.labels()).toMatchObject([
      { id: "s1", start_us: 0, end_us: 500_000, text: "turn on" },
      { start_us: 500_000, end_us: 2_000_000, score: null },
    ]);
    expect(hand.label).not.toHaveProperty("text");
    expect(hand.label).not.toHaveProperty("expected");
    hand.editor.player()?.seek(0);
    hand.press("split");
    expect(hand.label).toMatchObject({ start_us: 1_250_000, end_us: 2_000_000 });
  });

  test("too short to be split, with a word", async () => {
    const hand = await open([region("s1", 0, 15_000)]);
    hand.press("split");
    expect([hand.labels().length, hand.notices[0]]).toEqual([1, "This region is too short to split."]);
  });
});

describe("what was said", () => {
  test("is what the script expected with one key, one step of undo", async () => {
    const hand = await open(two(), { expected: "turn on the light" });
    hand.press("take-expected");
    expect(hand.label).toMatchObject({ text: "turn on the light" });
    hand.task.undo();
    expect(hand.label).not.toHaveProperty("text");
  });

  test("a region without a part of the prompt that was shared out expects nothing", async () => {
    const [first, second] = two();
    const hand = await open([{ ...first, expected: "turn on" } as Label, second as Label], { expected: "turn on the light" });
    hand.press("down", "take-expected");
    expect([hand.label["text"], hand.notices.length]).toEqual([undefined, 1]);
  });

  test("keeps the times of the words that stay", async () => {
    const words = ["turn", "on", "teh", "light"].map((text, n) => ({ text, start_us: n * 400_000, end_us: n * 400_000 + 300_000 }));
    const hand = await open([region("s1", 0, 2_000_000, { text: "turn on teh light", words })]);
    // As it is typed: one word after the other.
    for (const typed of ["turn on the light", "turn on the lights", "turn on the lights now"]) hand.editor.setText("s1", typed);
    expect(hand.label["words"]).toMatchObject([
      { text: "turn", start_us: 0 },
      { text: "on", start_us: 400_000 },
      { text: "the", start_us: 800_000 },
      { text: "lights", start_us: 1_200_000 },
    ]);
    hand.editor.setText("s1", "");
    expect(hand.label).not.toHaveProperty("words");
    expect(hand.label).not.toHaveProperty("text");
  });

  test("is written into the field of the selected region", async () => {
    const hand = await open(two());
    hand.press("write");
    expect(hand.focused).toEqual([["text", "s1"]]);
    hand.task.selected.value = null;
    hand.press("write");
    expect(hand.notices[0]).toContain("No region is selected");
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Label, TrackLabel } from "../../api/types";
import { MemoryBrowser, settled } from "../../testing/browser";
import { Editing } from "../../testing/editing";
import { recording, video } from "../../testing/media";
import { capture, taskView, track } from "../../testing/tasks";
import { VideoEditor } from "./editor";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const clip = capture("v", "video");
const open = (...labels: Label[]): Promise<Editing<VideoEditor>> =>
  new Editing((context) => new VideoEditor(context)).load(taskView("t1", { type: "tracks", captures: [clip], labels }), {
    v: video(50),
  });

/** [frame, visible] of each keyframe of the selected track. */
const keys = (hand: Editing<VideoEditor>): [number, boolean][] =>
  ((hand.label as { keyframes?: TrackLabel["keyframes"] }).keyframes ?? []).map((k) => [k.frame, k.visible]);
const frame = (hand: Editing<VideoEditor>): number | undefined => hand.editor.player()?.frame.value;

describe("going through the frames", () => {
  test("begins where the selected track does, and stays in the video", async () => {
    const hand = await open(track("p1", 5, 25));
    expect(frame(hand)).toBe(5);
    hand.press("frame-back");
    expect(frame(hand)).toBe(4);
    hand.press("frames-back");
    expect(frame(hand)).toBe(0);
    hand.press("last-frame", "frame-on");
    expect(frame(hand)).toBe(49);
    hand.press("first-frame", "keyframe-after", "keyframe-after");
    expect(frame(hand)).toBe(25);
    hand.press("keyframe-before");
    expect(frame(hand)).toBe(5);
  });

  test("the next label is gone to, to the nearest frame on which it is", async () => {
    const hand = await open(track("p1", 5, 10), track("p2", 30, 40, { score: 0.95 }));
    hand.press("next-label");
    expect([hand.label["id"], frame(hand)]).toEqual(["p2", 30]);
    hand.press("last-frame", "previous-label");
    expect([hand.label["id"], frame(hand)]).toEqual(["p1", 10]);
  });

  test("playing keeps time, is counted as work and ends with any other key", async () => {
    const hand = await open(track("p1", 0, 49));
    hand.press("play");
    expect(hand.playing).toBe(true);
    await settled(400);
    expect(frame(hand)).toBeGreaterThan(7);
    expect(frame(hand)).toBeLessThan(13);
    hand.press("right");
    expect(hand.playing).toBe(false);
    hand.press("last-frame", "play");
    expect(frame(hand)).toBe(0);
    await settled(2_500);
    expect([frame(hand), hand.playing]).toEqual([49, false]);
  });
});

describe("moving a box", () => {
  test("on a keyframe changes it, between keyframes makes one", async () => {
    const hand = await open(track("p1", 5, 25));
    hand.press("right");
    expect(keys(hand)).toEqual([[5, true], [25, true]]);
    hand.press("frames-on", "down", "down");
    expect(keys(hand)).toEqual([[5, true], [15, true], [25, true]]);
    hand.task.undo();
    expect(keys(hand)).toEqual([[5, true], [25, true]]);
  });

  test("where the track is not invents no frames in between", async () => {
    const hand = await open(track("p1", 5, 25));
    hand.press("last-frame", "right");
    expect(keys(hand)).toEqual([[5, true], [25, true], [26, false], [49, true]]);
  });

  test("keeps a part of it in the picture", async () => {
    const hand = await open(track("p1", 5, 25));
    for (let n = 0; n < 99; n += 1) hand.far("left");
    expect((hand.label as unknown as TrackLabel).keyframes[0]).toMatchObject({ x: -19, width: 20 });
  });
});

describe("keyframes", () => {
  test("are set, moved and deleted; the last one takes the track with it", async () => {
    const hand = await open(track("p1", 5, 25));
    hand.press("frames-on", "keyframe", "keyframe-later");
    expect([keys(hand), frame(hand)]).toEqual([[[5, true], [16, true], [25, true]], 16]);
    hand.press("keyframe-earlier", "keyframe-delete");
    expect(keys(hand)).toEqual([[5, true], [25, true]]);
    hand.press("first-frame", "keyframe-after", "keyframe-delete", "keyframe-after", "keyframe-delete");
    expect(hand.labels()).toEqual([]);
  });

  test("that are not on this frame are not changed, with a word", async () => {
    const hand = await open(track("p1", 5, 25));
    hand.press("frame-on", "keyframe-delete", "keyframe-later");
    expect([keys(hand).length, hand.notices.length]).toEqual([2, 2]);
    expect(hand.notices[0]).toContain("no keyframe on this frame");
  });

  test("a track leaves the picture and comes back, but not at its beginning", async () => {
    const hand = await open(track("p1", 5, 25));
    hand.press("frames-on", "hidden");
    expect(keys(hand)).toContainEqual([15, false]);
    hand.press("frame-on", "hidden");
    expect(keys(hand)).toContainEqual([16, true]);
    hand.press("first-frame", "keyframe-after", "hidden");
    expect(hand.notices.at(-1)).toContain("first keyframe");
  });

  test("covered is an attribute of the keyframe, and goes again", async () => {
    const hand = await open(track("p1", 5, 25));
    hand.press("occluded");
    expect((hand.label as unknown as TrackLabel).keyframes[0]?.attributes).toEqual({ occluded: true });
    hand.press("occluded");
    expect((hand.label as unknown as TrackLabel).keyframes[0]?.attributes?.["occluded"]).toBeUndefined();
  });
});

test("a new track is drawn on the frame that is seen and lasts to the end", async () => {
  const hand = await open();
  hand.press("frames-on", "draw");
  expect(hand.editor.nameNew("person")).toBe(true);
  hand.press("confirm", "right", "down", "confirm");
  expect([hand.label["label"], keys(hand)]).toEqual(["person", [[10, true], [49, true]]]);
});

describe("media", () => {
  test("an item is accepted when each camera shows a picture", async () => {
    const captures = [clip, capture("w", "video")];
    const hand = await new Editing((context) => new VideoEditor(context)).load(taskView("t1", { type: "tracks", captures }), {
      v: video(50),
      w: video(50, { get: () => new Promise(() => undefined) }),
    });
    expect(hand.editor.unready()).toBe("The video is not on screen yet.");
  });

  test("a frame that cannot be decoded is a video that cannot be shown", async () => {
    const broken = video(50, { get: () => Promise.reject(new Error("A frame is damaged.")) });
    const hand = await new Editing((context) => new VideoEditor(context)).load(
      taskView("t1", { type: "tracks", captures: [clip] }),
      { v: broken },
    );
    expect(hand.editor.unready()).toBe("The video cannot be shown. Press S to skip this item.");
  });

  test("the sound of the take is heard where it is, and the picture is complete without it", async () => {
    const captures = [clip, capture("a", "audio", { role: "beside", take_offset_us: 500_000 })];
    const view = taskView("t1", { type: "tracks", captures });
    const hand = await new Editing((context) => new VideoEditor(context)).load(view, { v: video(50), a: recording() });
    expect([hand.editor.soundState("v"), hand.editor.player()?.sound.value?.offset]).toEqual(["ready", -500_000]);
    const silent = await new Editing((context) => new VideoEditor(context)).load(view, { v: video(50), a: new Error("Gone.") });
    expect([silent.editor.soundState("v"), silent.editor.unready()]).toEqual(["failed", null]);
  });

  test("players of the item before are ended", async () => {
    let decoded = 0;
    const counted = video(50, { get: () => ((decoded += 1), Promise.resolve({} as HTMLCanvasElement)) });
    const view = taskView("t1", { type: "tracks", captures: [clip] });
    const hand = await new Editing((context) => new VideoEditor(context)).load(view, { v: counted });
    hand.press("play");
    await hand.load(view, { v: video(50) });
    decoded = 0;
    await settled(1_000);
    expect([decoded, hand.playing]).toEqual([0, false]);
    hand.editor.dispose();
    expect(hand.editor.player()).toBeNull();
  });
});

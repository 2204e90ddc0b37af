import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Keyframe, TrackLabel } from "../api/types";
import type { Rect } from "./geometry";
import * as tracks from "./tracks";

const corpus = JSON.parse(
  readFileSync(new URL("../../../../wire/conformance/tracks.json", import.meta.url), "utf8"),
) as { cases: { name: string; keyframes: Keyframe[]; times_us: number[]; frame: number; box: Rect | null }[] };

describe("the box on a frame, as everywhere else in the house", () => {
  test.each(corpus.cases)("$name", ({ keyframes, times_us, frame, box }) => {
    const found = tracks.boxAt(keyframes, frame, times_us);
    if (box === null) return expect(found).toBeNull();
    for (const side of ["x", "y", "width", "height"] as const) expect(found?.[side]).toBeCloseTo(box[side], 6);
  });
});

// A variable rate on purpose: linear means in time, not in frame numbers.
const times = [0, 40_000, 80_000, 160_000, 200_000, 240_000, 280_000, 400_000, 440_000, 480_000];
const key = (frame: number, x: number, visible = true): Keyframe => ({
  frame,
  start_us: times[frame] as number,
  x,
  y: 10,
  width: 20,
  height: 30,
  visible,
});
const track = (...keyframes: Keyframe[]): TrackLabel => ({
  id: "t1",
  kind: "track",
  label: "person",
  score: 0.7,
  keyframes,
});
const rises = (t: TrackLabel): boolean =>
  t.keyframes.every((k, i) => i === 0 || (t.keyframes[i - 1] as Keyframe).frame < k.frame) &&
  t.keyframes.every((k) => k.start_us === times[k.frame]);
const xs = (t: TrackLabel): (number | null)[] => times.map((_, f) => tracks.boxAt(t.keyframes, f, times)?.x ?? null);

describe("changing a track", () => {
  const line = track(key(0, 0), key(9, 480));

  test("a keyframe added on the line changes nothing that is seen", () => {
    for (let f = 0; f < times.length; f += 1) {
      const made = tracks.withKeyframe(line, f, times);
      expect(rises(made)).toBe(true);
      xs(made).forEach((x, i) => expect(x).toBeCloseTo(xs(line)[i] as number, 9));
    }
  });

  test("a box moved on a frame becomes a keyframe there", () => {
    const made = tracks.withBox(line, 3, { x: 7, y: 8, width: 9, height: 10 }, times);
    expect(tracks.keyframeAt(made.keyframes, 3)).toMatchObject({ x: 7, start_us: 160_000, visible: true });
    expect(made.keyframes).toHaveLength(3);
  });

  test("the only keyframe cannot be taken away without the track", () => {
    expect(tracks.withoutKeyframe(track(key(2, 1)), 2)).toBeNull();
    expect(tracks.withoutKeyframe(line, 9)?.keyframes).toHaveLength(1);
  });

  test("a keyframe moves between its neighbours and never past them", () => {
    const three = track(key(0, 0), key(4, 1), key(6, 2));
    expect(tracks.withKeyframeMoved(three, 4, 5, times).keyframes[1]).toMatchObject({
      frame: 5,
      start_us: 240_000,
      x: 1,
    });
    expect(tracks.withKeyframeMoved(three, 4, 9, times).keyframes[1]?.frame).toBe(5);
    expect(tracks.withKeyframeMoved(three, 6, 99, times).keyframes[2]?.frame).toBe(9);
    expect(tracks.withKeyframeMoved(three, 3, 2, times)).toBe(three);
  });

  test("hiding keeps the movement before it and everything after the next keyframe", () => {
    const three = track(key(0, 0), key(6, 280), key(9, 480));
    const hidden = tracks.withHidden(three, 4, times);
    expect(rises(hidden)).toBe(true);
    expect(xs(hidden).slice(0, 4)).toEqual(xs(three).slice(0, 4));
    expect(xs(hidden).slice(4, 6)).toEqual([null, null]);
    expect(xs(hidden).slice(6)).toEqual(xs(three).slice(6));
    expect(xs(tracks.withHidden(hidden, 4, times))[4]).not.toBeNull();
  });

  test("a track that is over comes back only from where it is shown again", () => {
    const short = track(key(0, 0), key(2, 20));
    const again = tracks.withHidden(short, 7, times);
    expect(xs(again)).toEqual([0, 10, 20, null, null, null, null, 20, null, null]);
  });

  const box = (x: number): Rect => ({ x, y: 1, width: 5, height: 6 });

  test("a box set after the end, before the start or in a gap is on that frame alone", () => {
    const short = track(key(2, 0), key(4, 20));
    expect(xs(tracks.withBox(short, 8, box(7), times))).toEqual([null, null, 0, xs(short)[3], 20, null, null, null, 7, null]);
    expect(xs(tracks.withBox(short, 0, box(7), times))).toEqual([7, null, ...xs(short).slice(2)]);
    const gap = track(key(0, 0), key(2, 9), key(4, 0, false), key(8, 50), key(9, 60));
    for (const frame of [4, 5, 6, 7]) {
      const set = tracks.withBox(gap, frame, box(77), times);
      expect(rises(set)).toBe(true);
      expect(xs(set)).toEqual(xs(gap).map((x, at) => (at === frame ? 77 : x)));
    }
    const next = tracks.withBox(short, 5, box(7), times);
    expect(xs(next).slice(4)).toEqual([20, 7, null, null, null, null]);
    expect(xs(tracks.withKeyframe(short, 9, times)).slice(5)).toEqual([null, null, null, null, 20]);
  });

  test("the nearest frame with a box is in the stretch that is closest", () => {
    const gap = track(key(1, 0), key(2, 9), key(3, 0, false), key(8, 50), key(9, 60)).keyframes;
    expect([0, 1, 2, 3, 4, 6, 9].map((frame) => tracks.nearestFrameOf(gap, frame))).toEqual([1, 1, 2, 2, 2, 8, 9]);
  });

  test("its first keyframe cannot be hidden", () => {
    expect(tracks.withHidden(line, 0, times)).toBe(line);
  });

  test("occluded holds from its keyframe until it is taken back", () => {
    const on = tracks.withOccluded(line, 3, times);
    expect(tracks.attributesAt(on.keyframes, 2)["occluded"]).toBeUndefined();
    expect(tracks.attributesAt(on.keyframes, 5)["occluded"]).toBe(true);
    expect(tracks.attributesAt(tracks.withOccluded(on, 3, times).keyframes, 5)["occluded"]).toBeUndefined();
  });

  test("walking the keyframes", () => {
    expect(tracks.nextKeyframe(line.keyframes, 0)).toBe(9);
    expect(tracks.nextKeyframe(line.keyframes, 9)).toBeNull();
    expect(tracks.previousKeyframe(line.keyframes, 9)).toBe(0);
    expect(tracks.previousKeyframe(line.keyframes, 0)).toBeNull();
  });

  test("the stretches of the timeline are the frames that have a box", () => {
    const gap = track(key(1, 0), key(3, 1), key(5, 1, false), key(7, 2), key(8, 3));
    expect(tracks.visibleStretches(gap.keyframes)).toEqual([
      [1, 4],
      [7, 8],
    ]);
    const frames = times.map((_, f) => f).filter((f) => tracks.boxAt(gap.keyframes, f, times) !== null);
    expect(frames).toEqual([1, 2, 3, 4, 7, 8]);
  });

  test("a new track is there to the end", () => {
    const made = tracks.newTrack("p1", "cup", 4, { x: 1, y: 2, width: 3, height: 4 }, times);
    expect(xs(made)).toEqual([null, null, null, null, 1, 1, 1, 1, 1, 1]);
    expect(tracks.newTrack("p1", "cup", 9, { x: 1, y: 2, width: 3, height: 4 }, times).keyframes).toHaveLength(1);
  });
});

describe("places that are filled in, because nobody saw the thing there", () => {
  const unseen = (frame: number, x: number, more: Record<string, unknown> = {}): Keyframe => ({
    ...key(frame, x),
    attributes: { interpolated: true, ...more },
  });
  // Seen on 0 and 1, filled in on 2 to 5, seen from 6 on, gone from 8 on.
  const gap = track(key(0, 0), unseen(2, 20), key(6, 60), key(8, 80, false));
  const marked = (t: TrackLabel): number[] => times.map((_, f) => f).filter((f) => tracks.isUnseen(t.keyframes, f));
  const fromStretches = (t: TrackLabel): number[] =>
    tracks.unseenStretches(t.keyframes).flatMap(([from, to]) => times.map((_, f) => f).filter((f) => f >= from && f < to));

  test("are the frames from a marked keyframe to the next", () => {
    expect(marked(gap)).toEqual([2, 3, 4, 5]);
    expect(tracks.unseenStretches(gap.keyframes)).toEqual([[2, 6]]);
  });

  test("two marked keyframes in a row are one stretch", () => {
    const bent = track(key(0, 0), unseen(2, 20), unseen(4, 50), key(6, 60));
    expect(tracks.unseenStretches(bent.keyframes)).toEqual([[2, 6]]);
    expect(fromStretches(bent)).toEqual(marked(bent));
  });

  test("a box that is moved is seen from its frame on; before it nothing changes", () => {
    const moved = tracks.withBox(gap, 4, { x: 5, y: 6, width: 7, height: 8 }, times);
    expect(marked(moved)).toEqual([2, 3]);
    expect(tracks.keyframeAt(moved.keyframes, 4)?.attributes).toBeUndefined();
    expect(marked(tracks.withBox(gap, 2, { x: 5, y: 6, width: 7, height: 8 }, times))).toEqual([]);
  });

  test("a keyframe says that it is there, also where one was filled in", () => {
    expect(marked(tracks.withKeyframe(gap, 3, times))).toEqual([2]);
    const confirmed = tracks.withKeyframe(gap, 2, times);
    expect(marked(confirmed)).toEqual([]);
    expect(xs(confirmed)).toEqual(xs(gap));
    expect(tracks.withKeyframe(gap, 6, times)).toBe(gap);
  });

  test("a marked keyframe that is moved in time is seen", () => {
    expect(marked(tracks.withKeyframeMoved(gap, 2, 3, times))).toEqual([]);
    expect(marked(tracks.withKeyframeMoved(gap, 6, 5, times))).toEqual([2, 3, 4]);
  });

  test("other attributes stay", () => {
    const covered = track(key(0, 0), unseen(2, 20, { occluded: true }), key(6, 60));
    const moved = tracks.withBox(covered, 3, { x: 1, y: 1, width: 1, height: 1 }, times);
    expect(tracks.attributesAt(moved.keyframes, 3)).toEqual({ occluded: true });
    expect(tracks.attributesAt(moved.keyframes, 2)).toEqual({ occluded: true, interpolated: true });
  });

  test("hiding it says nothing about the frames before", () => {
    const hidden = tracks.withHidden(gap, 4, times);
    expect(marked(hidden)).toEqual([2, 3]);
    expect(xs(hidden)[4]).toBeNull();
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])("stretches and frames agree after every change at frame %i", (frame) => {
    const rect = { x: 1, y: 2, width: 3, height: 4 };
    for (const made of [
      tracks.withBox(gap, frame, rect, times),
      tracks.withKeyframe(gap, frame, times),
      tracks.withHidden(gap, frame, times),
      tracks.withOccluded(gap, frame, times),
      tracks.withKeyframeMoved(gap, frame, frame + 1, times),
    ]) {
      expect(fromStretches(made)).toEqual(marked(made));
      expect(rises(made)).toBe(true);
    }
  });
});

import { describe, expect, test } from "vitest";
import type { Label, TaskView } from "../api/types";
import { clampedInside, misplaced } from "./bounds";

const picture = { width: 640, height: 360 };
const box = (x: number, y: number, width: number, height: number, rotation = 0): Label =>
  ({ id: "b1", kind: "box", label: "cup", score: null, x, y, width, height, rotation }) as Label;

describe("a box that is pushed out of the picture", () => {
  const r = { x: 600, y: 100, width: 50, height: 20 };
  test("may pass the edge, keeps a pixel inside, on every side", () => {
    const to = (x: number, y: number): unknown => clampedInside(r, { ...r, x, y }, 0, picture);
    expect(to(620, 100)).toEqual({ ...r, x: 620 });
    expect(to(900, 100)).toEqual({ ...r, x: 639 });
    expect(to(-580, 100)).toEqual({ ...r, x: -49 });
    expect(to(600, 5000)).toEqual({ ...r, y: 359 });
    expect(to(600, -20.5)).toEqual({ ...r, y: -19 });
  });
  test("a turned box is held by its corners, not by its upright box", () => {
    // Turned by 90 degrees it is 20 wide and 50 high about its centre.
    const held = clampedInside(r, { ...r, x: 900 }, 90, picture);
    expect(held.x + r.width / 2 - 10).toBeCloseTo(639, 9);
  });
  test("an edge that would take all of it out stays", () => {
    const passing = { x: -30, y: 100, width: 40, height: 20 };
    expect(clampedInside(passing, { ...passing, width: 12 }, 0, picture)).toEqual(passing);
    expect(clampedInside(passing, { ...passing, width: 31 }, 0, picture)).toEqual({ ...passing, width: 31 });
  });
  test("a box smaller than a pixel can be whole inside", () => {
    const tiny = { x: 639.6, y: 0, width: 0.4, height: 0.4 };
    expect(clampedInside(tiny, tiny, 0, picture)).toEqual(tiny);
  });
});

describe("what no reader takes", () => {
  const view = { captures: [{ id: "c1", format: { width: 640, height: 360 } }] } as unknown as TaskView;
  const why = (label: Label): string | undefined => misplaced(view, { c1: [label] })?.why;
  test("boxes outside and empty ones", () => {
    expect(why(box(639, 0, 5, 5))).toBeUndefined();
    expect(why(box(640, 0, 5, 5))).toContain("outside");
    expect(why(box(-5, 0, 5, 5))).toContain("outside");
    expect(why(box(10, 10, 0, 5))).toContain("no width");
    expect(why(box(650, 100, 40, 4, 0))).toContain("outside");
    expect(why(box(655, 100, 4, 40, 90))).toBeUndefined();
  });
  test("a track that is inside on one keyframe is taken, one without height on a keyframe is not", () => {
    const key = (frame: number, x: number, height = 5, visible = true): unknown => ({ frame, start_us: frame, x, y: 0, width: 5, height, visible });
    const track = (...keyframes: unknown[]): Label => ({ id: "t1", kind: "track", label: "cup", score: null, keyframes }) as Label;
    expect(why(track(key(0, 900), key(1, 20)))).toBeUndefined();
    expect(why(track(key(0, 900), key(1, 20, 5, false)))).toContain("outside");
    expect(why(track(key(0, 20), key(1, 20, 0)))).toContain("no height");
  });
});

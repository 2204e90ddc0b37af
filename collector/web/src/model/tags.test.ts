import { describe, expect, test } from "vitest";
import type { Point, Rect } from "./geometry";
import { placeTags, TAG_HEIGHT } from "./tags";

const screen = { width: 1000, height: 600 };
const box = (x: number, y: number, width: number, height: number): Rect => ({ x, y, width, height });
const tags = (boxes: readonly Rect[], width = 80): (Point | null)[] =>
  placeTags(
    boxes.map((on) => ({ on, width })),
    screen,
  );
const common = (a: Rect, b: Rect): number =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));

describe("names on a picture", () => {
  test("stand above, or below where above is no room", () =>
    expect(tags([box(100, 100, 200, 200), box(400, 5, 90, 90)])).toEqual([
      { x: 100, y: 80 },
      { x: 400, y: 95 },
    ]));
  test("never cover a small thing beside them", () => {
    const small = box(110, 82, 30, 16);
    const [, at] = tags([small, box(100, 100, 200, 200)]);
    expect(common({ ...(at as Point), width: 80, height: TAG_HEIGHT }, small)).toBe(0);
  });
  test("of a thing out of sight are not shown", () =>
    expect(tags([box(-300, 100, 100, 100), box(100, 700, 50, 50)])).toEqual([null, null]));
  test("among many none covers another name or hides a small thing", () => {
    let seed = 3;
    const chance = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const boxes = Array.from({ length: 400 }, () =>
      box(chance() * 960, chance() * 560, 8 + chance() * 60, 8 + chance() * 60),
    );
    const placed = tags(boxes).flatMap((at, owner) => (at ? [{ ...at, width: 80, height: TAG_HEIGHT, owner }] : []));
    expect(placed.length).toBeGreaterThan(30);
    placed.forEach((tag, index) => {
      for (const other of placed.slice(index + 1)) expect(common(tag, other)).toBe(0);
      boxes.forEach((on, owner) => {
        if (owner !== tag.owner) expect(common(tag, on)).toBeLessThanOrEqual(0.36 * on.width * on.height + 1e-9);
      });
    });
  });
  test("of few things all are shown", () =>
    expect(tags(Array.from({ length: 12 }, () => box(480, 290, 20, 20))).every((at) => at !== null)).toBe(true));
});

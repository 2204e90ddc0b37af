import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { acrossCaptures, clock, divideHalfEven, frameAt, otherStep, roundHalfEven, rulerStep, sampleTime, utc } from "./time";

const corpus = JSON.parse(readFileSync(new URL("../../../../wire/conformance/time.json", import.meta.url), "utf8")) as {
  cases: { sample: number; rate: number; us: number }[];
};

test.each(corpus.cases)("sample $sample at $rate Hz", ({ sample, rate, us }) =>
  expect(sampleTime(sample, rate)).toBe(us),
);

describe("rounding", () => {
  test.each([
    [5, 2, 2],
    [7, 2, 4],
    [-5, 2, -2],
    [-7, 2, -4],
    [1, 3, 0],
    [2, 3, 1],
    [-1, 3, 0],
  ])("%i / %i is %i", (n, d, q) => expect(divideHalfEven(n, d)).toBe(q));
  test.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [2.4, 2],
  ])("%f is %i", (value, whole) => expect(roundHalfEven(value) + 0).toBe(whole));
});

test("a frame lasts until the next one begins", () => {
  const times = [0, 33_333, 66_667, 100_000];
  expect([-1, 0, 33_332, 33_333, 99_999, 100_000, 9e9].map((t) => frameAt(times, t))).toEqual([0, 0, 0, 1, 2, 3, 3]);
  expect(frameAt([], 5)).toBe(0);
});

test("two captures of a take meet in take time", () => {
  expect(acrossCaptures(1_000_000, 12_000, 500_000)).toBe(512_000);
});

test("what people read", () => {
  expect(clock(62_345_000)).toBe("1:02.345");
  expect(clock(-5)).toBe("0:00.000");
  expect(utc(Date.UTC(2026, 10, 23, 1, 2, 3, 4))).toBe("2026-11-23T01:02:03.004000Z");
  expect([rulerStep(5_000_000, 10), rulerStep(61_000_000, 10), rulerStep(0, 4)]).toEqual([500_000, 10_000_000, 1]);
});

test("a step up or down a list, and no further than its ends", () => {
  const speeds = [0.5, 1, 2];
  expect([otherStep(speeds, 1, 1), otherStep(speeds, 1, -1)]).toEqual([2, 0.5]);
  expect([otherStep(speeds, 2, 1), otherStep(speeds, 0.5, -1)]).toEqual([2, 0.5]);
  expect([otherStep(speeds, 3, 1), otherStep(speeds, 3, -1)]).toEqual([2, 2]);
});

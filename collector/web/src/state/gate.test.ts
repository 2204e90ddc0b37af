import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Gate } from "./gate";

let frames: (() => void)[] = [];

/** One frame is painted. */
const paint = (): void => {
  const due = frames;
  frames = [];
  for (const call of due) call();
};

beforeEach(() => {
  frames = [];
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (call: () => void) => frames.push(call));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => (frames[id - 1] = () => undefined));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an item can be accepted some time after all of it was painted, and is asked about no more", () => {
  const gate = new Gate();
  const why = signal<string | null>("on its way");
  let asked = 0;
  gate.watch({
    unready: () => {
      asked += 1;
      return why.value;
    },
  });
  paint();
  vi.advanceTimersByTime(10_000);
  expect([gate.open.value, gate.refusal(), frames.length]).toEqual([false, "on its way", 0]);
  why.value = null;
  vi.advanceTimersByTime(10_000);
  expect(gate.refusal()).toContain("only just appeared");
  paint();
  vi.advanceTimersByTime(10_000);
  expect(gate.open.value).toBe(false);
  paint();
  vi.advanceTimersByTime(399);
  expect(gate.open.value).toBe(false);
  vi.advanceTimersByTime(1);
  const before = asked;
  expect([gate.open.value, gate.refusal()]).toEqual([true, null]);
  expect(frames).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(asked).toBe(before + 1);
});

test("it closes with what fails, with another item and with none", () => {
  const gate = new Gate();
  const why = signal<string | null>(null);
  const opened = (): void => {
    paint();
    paint();
    vi.advanceTimersByTime(400);
  };
  gate.watch({ unready: () => why.value });
  opened();
  why.value = "it failed";
  expect([gate.open.value, gate.refusal()]).toEqual([false, "it failed"]);
  why.value = null;
  expect(gate.open.value).toBe(false);
  opened();
  expect(gate.open.value).toBe(true);
  gate.watch({ unready: () => null });
  expect(gate.open.value).toBe(false);
  paint();
  gate.watch(null);
  opened();
  expect([gate.open.value, gate.refusal()]).toEqual([false, "This item is not on screen yet."]);
});

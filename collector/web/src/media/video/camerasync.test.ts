import { signal } from "@preact/signals";
import { describe, expect, test } from "vitest";
import type { FramePlayer } from "./player";
import { CameraSync } from "./camerasync";

/** A camera's player without pictures: what the clock asks of it. */
function player(times: number[]): FramePlayer {
  const frame = signal(0);
  const playing = signal(false);
  return {
    frame,
    playing,
    source: { times },
    length: (times[times.length - 1] ?? 0) + 40_000,
    go: (to: number) => (frame.value = Math.min(Math.max(to, 0), times.length - 1)),
    pause: () => (playing.value = false),
  } as unknown as FramePlayer;
}

const every = (step: number, count: number): number[] => Array.from({ length: count }, (_, n) => n * step);

describe("cameras of one take", () => {
  const [fast, slow] = [player(every(20_000, 100)), player(every(50_000, 40))];
  const lead = signal<FramePlayer | null>(fast);
  const sync = new CameraSync(() => lead.value);
  sync.add({ player: fast, offset: 1_000_000 });
  // It opened a quarter of a second later.
  sync.add({ player: slow, offset: 1_250_000 });

  test("show the moment of the one that is moved", () => {
    expect(sync.outside(slow)).toBe("not begun");
    fast.go(50);
    expect([slow.frame.value, sync.outside(slow)]).toEqual([15, null]);
    fast.go(52);
    expect(slow.frame.value).toBe(15);
    fast.go(53);
    expect(slow.frame.value).toBe(16);
  });
  test("another one leads without being moved itself", () => {
    slow.playing.value = true;
    lead.value = slow;
    expect([fast.frame.value, slow.frame.value]).toEqual([53, 16]);
    slow.go(17);
    expect(fast.frame.value).toBe(55);
    lead.value = fast;
    expect(slow.playing.value).toBe(false);
    expect([fast.frame.value, slow.frame.value]).toEqual([55, 17]);
  });
  test("one that ended says so", () => {
    lead.value = slow;
    slow.go(39);
    expect([fast.frame.value, sync.outside(fast)]).toEqual([99, "over"]);
    expect(sync.outside(slow)).toBeNull();
  });
  test("one that comes later joins where the others are", () => {
    const late = player(every(10_000, 500));
    sync.add({ player: late, offset: 0 });
    expect(late.frame.value).toBe(320);
    sync.clear();
    slow.go(3);
    expect(late.frame.value).toBe(320);
  });
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Notices } from "./notices";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a word goes after a while, with the next change, and a warning stays longer", () => {
  const notices = new Notices();
  notices.show("Nothing to undo.");
  vi.advanceTimersByTime(8_000);
  expect(notices.current.value).toBeNull();
  notices.show("Nothing to undo.");
  notices.dismissWord();
  expect(notices.current.value).toBeNull();
  notices.show("It was not skipped.", "care");
  notices.dismissWord();
  vi.advanceTimersByTime(31_000);
  expect(notices.current.value?.kind).toBe("care");
  vi.advanceTimersByTime(1_000);
  expect(notices.current.value).toBeNull();
});

test("a newer one has its own time", () => {
  const notices = new Notices();
  notices.show("first");
  vi.advanceTimersByTime(7_000);
  notices.show("second");
  vi.advanceTimersByTime(7_000);
  expect(notices.current.value?.text).toBe("second");
});

test("what is about an item goes with it, and nothing else does", () => {
  const notices = new Notices();
  notices.show("The box is empty.", "care", "t1");
  notices.turnTo("t1");
  expect(notices.current.value?.text).toBe("The box is empty.");
  notices.turnTo("t2");
  expect(notices.current.value).toBeNull();
  notices.show("“t1” was refused.", "care");
  notices.turnTo("t3");
  expect(notices.current.value).not.toBeNull();
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryBrowser } from "../testing/browser";
import { privateOf } from "../testing/private";
import { History } from "./history";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

test("the newest is last, each item once, and no more than twenty", () => {
  const history = new History(privateOf("ada"));
  for (let n = 0; n < 25; n += 1) history.add(`t${n}`);
  history.add("t20");
  expect(history.last).toBe("t20");
  history.remove("t20");
  expect(history.last).toBe("t24");
  for (let n = 24; n > 5; n -= 1) history.remove(`t${n}`);
  expect(history.last).toBe("t5");
  history.remove("t5");
  expect(history.last).toBeUndefined();
});

test("another page of the same person goes on with it, one of another does not", () => {
  const mine = new History(privateOf("ada"));
  mine.add("t1");
  const other = new History(privateOf("ada"));
  other.add("t2");
  mine.add("t3");
  other.remove("t3");
  expect([other.last, new History(privateOf("boris")).last]).toEqual(["t2", undefined]);
  other.clear();
  expect(new History(privateOf("ada")).last).toBeUndefined();
});

test("without storage it lives as long as the page", () => {
  browser.storage.fill();
  const history = new History(privateOf("ada"));
  history.add("t1");
  expect([history.last, new History(privateOf("ada")).last]).toEqual(["t1", undefined]);
});

import { expect, test } from "vitest";
import type { Label } from "../api/types";
import { box, taskView } from "../testing/tasks";
import { undrawn } from "./drawn";
import { prelabelled } from "./labels";

const why = (...labels: Label[]): string | null => {
  const view = taskView("t1", { labels });
  return undrawn(view, prelabelled(view));
};
const strange = (facts: object): Label => ({ ...box("x1"), label: "person", ...facts }) as unknown as Label;

test("what the page shows may be accepted", () => {
  expect(why()).toBeNull();
  expect(why(box("b1"), strange({ kind: "mask", rle: { size: [2, 2], counts: "04" } }))).toBeNull();
});

// A collector that is newer than the page may hand out kinds that the page does not know how to show.
test.each([
  [{ kind: "mask", rle: { size: [360, 640], counts: "4" } }, "a mask"],
  [{ kind: "mask", rle: { size: [2, 2], counts: "4" } }, "a mask"],
  [{ kind: "span", parent: "b1", start: 0, end: 2 }, "a marked text"],
  [{ kind: "track", keyframes: [] }, "a track"],
  [{ kind: "cuboid" }, "cuboid"],
])("what it cannot show is refused by name: %o", (facts, name) => {
  expect(why(box("b1"), strange(facts))).toBe(
    `“person” is ${name}. This page cannot show it. Reject it (X) or skip the item (S).`,
  );
});

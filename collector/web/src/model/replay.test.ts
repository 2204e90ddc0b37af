import { describe, expect, test } from "vitest";
import type { Label } from "../api/types";
import * as labels from "./labels";
import type { Work } from "./labels";
import { packed, unpacked } from "./replay";
import * as undo from "./undo";

const box = (id: string, x = 0): Label => ({ id, kind: "box", label: "cup", score: null, x, y: 0, width: 5, height: 5 }) as Label;

describe("stored steps", () => {
  const start: Work = { c1: ["a", "b", "c", "d"].map((id) => box(id)), c2: [] };
  let history = undo.started(start);
  const change = (next: Work): void => void (history = undo.changed(history, next));
  const at = (id: string): labels.Ref => ({ capture: "c1", id });
  change(labels.replaced(history.now, at("b"), (l) => ({ ...l, x: 7 }) as Label));
  change(labels.removed(history.now, at("a")));
  change(labels.added(history.now, "c2", box("p1", 3)));
  change(labels.restored(history.now, start, at("a")));
  change(labels.relabelled(history.now, at("d"), "plate"));
  history = undo.undone(undo.undone(history));

  test("come back as they were, through JSON", () => {
    const again = unpacked(history.now, JSON.parse(JSON.stringify(packed(history))));
    expect(again.past).toEqual(history.past);
    expect(again.future).toEqual(history.future);
    expect(undo.redone(undo.redone(again)).now).toEqual(undo.redone(undo.redone(history)).now);
    expect(undo.undone(undo.undone(undo.undone(again))).now).toEqual(start);
  });
  test("hold only what differs", () => {
    const many: Work = { c1: Array.from({ length: 1000 }, (_, n) => box(`b${n}`)) };
    let long = undo.started(many);
    for (let n = 0; n < 300; n += 1)
      long = undo.changed(long, labels.replaced(long.now, { capture: "c1", id: `b${n}` }, (l) => ({ ...l, x: n + 1 }) as Label));
    const stored = packed(long);
    expect(stored.past).toHaveLength(100);
    expect(JSON.stringify(stored).length).toBeLessThan(20_000);
    expect(unpacked(long.now, stored).past[99]).toEqual(long.past[299]);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { BoxLabel, IntervalLabel, Label, LabelsDocument, TaskView } from "../api/types";
import { acceptance, changes, changeOf } from "./diff";
import * as labels from "./labels";

const model = { kind: "model", name: "yolox-nano", version: "1", sha256: "a".repeat(64) } as const;
const box = (id: string, score: number | null, x = 0): BoxLabel => ({
  id,
  kind: "box",
  label: "cup",
  score,
  x,
  y: 0,
  width: 5,
  height: 5,
});
const region = (id: string, start: number): IntervalLabel => ({
  id,
  kind: "interval",
  label: "speech",
  score: 0.9,
  start_us: start,
  end_us: start + 10,
});
const document = (capture: string, ...rows: LabelsDocument["labels"]): LabelsDocument => ({
  schema: 1,
  capture,
  source: model,
  labels: rows,
});
const capture = (id: string, role: "labelled" | "beside"): TaskView["captures"][number] =>
  ({
    id,
    role,
    medium: "image",
    sensor: "camera",
    media_url: "",
    frames_url: null,
    peaks_url: null,
  }) as unknown as TaskView["captures"][number];
const task = (...prelabels: LabelsDocument[]): TaskView =>
  ({
    captures: [capture("c1", "labelled"), capture("c2", "labelled"), capture("c3", "beside")],
    prelabels,
  }) as unknown as TaskView;

describe("where work starts", () => {
  test("each label carries its own source, and captures without pre-labels are there and empty", () => {
    const work = labels.prelabelled(task(document("c1", box("b1", 0.5)), document("c3", box("z", 0.1))));
    expect(Object.keys(work)).toEqual(["c1", "c2"]);
    expect(work["c1"]?.[0]?.source).toEqual(model);
    expect(work["c2"]).toEqual([]);
  });

  test("two models that use the same id both stay", () => {
    const span = { id: "s", kind: "span", label: "name", score: null, parent: "b1", start: 0, end: 1 } as const;
    const work = labels.prelabelled(task(document("c1", box("b1", 0.5)), document("c1", box("b1", 0.6), span)));
    expect(work["c1"]?.map((l) => l.id)).toEqual(["b1", "b1-2", "s"]);
    expect(work["c1"]?.[2]?.parent).toBe("b1-2");
  });

  test("an untouched label is sent as it came, one document a labelled capture", () => {
    const before = labels.prelabelled(task(document("c1", box("b1", 0.5))));
    const sent = labels.documentsOf(before, "ada");
    expect(sent.map((d) => [d.capture, d.labels.length, d.source])).toEqual([
      ["c1", 1, { kind: "person", name: "ada" }],
      ["c2", 0, { kind: "person", name: "ada" }],
    ]);
    expect(sent[0]?.labels[0]).toEqual({ ...box("b1", 0.5), source: model });
    expect(labels.workOf(task(), sent)).toEqual(before);
  });

  test("silent members are left out, a null score is not", () => {
    const work = { c1: [{ ...region("r", 0), score: null, edited: false, attributes: {}, text: undefined }] };
    expect(labels.documentsOf(work as unknown as labels.Work, "ada")[0]?.labels[0]).toEqual({
      ...region("r", 0),
      score: null,
    });
  });
});

describe("order", () => {
  test("least certain first; people's own and sure ones last, in time order", () => {
    const rows = [region("late", 50), box("sure", null), { ...region("early", 5), score: 0.9 }, box("doubt", 0.3)];
    expect(labels.byDoubt(rows).map((l) => l.id)).toEqual(["doubt", "early", "late", "sure"]);
  });

  test("Tab walks over all captures, round and round", () => {
    const work = { c1: [box("a", 0.9), box("b", 0.2)], c2: [box("c", 0.5)] };
    let at: labels.Ref | null = null;
    const walk = [1, 1, 1, 1].map(() => (at = labels.neighbour(work, at, 1))?.id);
    expect(walk).toEqual(["b", "c", "a", "b"]);
    expect(labels.neighbour(work, { capture: "c1", id: "b" }, -1)?.id).toBe("a");
    expect(labels.neighbour({ c1: [] }, null, 1)).toBeNull();
  });
});

describe("changes", () => {
  const before = labels.prelabelled(
    task(document("c1", box("b1", 0.5), box("b2", 0.6)), document("c2", region("r", 0))),
  );
  const one = { capture: "c1", id: "b1" };

  test("a changed pre-label says so and keeps its source; a person's own does not", () => {
    const after = labels.relabelled(before, one, "mug");
    expect(after["c1"]?.[0]).toMatchObject({ label: "mug", edited: true, source: model });
    expect(before["c1"]?.[0]?.edited).toBeUndefined();
    const mine = labels.relabelled({ c1: [box("p1", null)] }, { capture: "c1", id: "p1" }, "mug");
    expect(mine["c1"]?.[0]?.edited).toBeUndefined();
    expect(labels.relabelled(before, one, "cup")).toBe(before);
  });

  test("a rejected label leaves a ghost that comes back as the model made it", () => {
    const moved = labels.replaced(before, one, (l) => ({ ...(l as BoxLabel), x: 9 }));
    const gone = labels.removed(moved, one);
    expect(labels.ghosts(before, gone).map((g) => g.ref)).toEqual([one]);
    const back = labels.restored(gone, before, one);
    expect(labels.find(back, one)).toBe(before["c1"]?.[0]);
    expect(labels.ghosts(before, back)).toEqual([]);
  });

  test("new ids are free among labels and ghosts", () => {
    expect(labels.newId([box("p1", null)], [box("p2", null)])).toBe("p3");
  });

  test("the count by changeOf", () => {
    let now = labels.replaced(before, one, (l) => ({ ...(l as BoxLabel), x: 9 }));
    now = labels.removed(now, { capture: "c1", id: "b2" });
    now = labels.replaced(now, { capture: "c2", id: "r" }, (l) => ({ ...l, text: "hello" }) as IntervalLabel);
    now = labels.added(now, "c2", region("p1", 99));
    const count = changes(before, now);
    expect(count).toEqual({ kept: 0, moved: 1, relabelled: 0, deleted: 1, added: 1, textEdits: 1 });
    expect(acceptance(before, now)).toBe("1 moved, 1 rejected, 1 added, 1 text edited");
    expect(changeOf(undefined, box("x", null))).toBe("added");
  });
});

test.each([
  [0.54, ".54"],
  [0.999, "1.0"],
  [1, "1.0"],
  [0, ".00"],
  [null, ""],
])("the score %s on a tag is %s", (score, text) => expect(labels.scoreText(score)).toBe(text));

const corpus = JSON.parse(
  readFileSync(new URL("../../../../wire/conformance/changes.json", import.meta.url), "utf8"),
) as { cases: { name: string; before: Label; after: Label; changes: string[] }[] };

describe("what counts as a change, as everywhere else in the house", () => {
  test.each(corpus.cases)("$name", ({ before, after, changes: expected }) => {
    const found = changes({ c: [before] }, { c: [after] });
    const names = [
      [found.relabelled, "relabelled"],
      [found.moved, "moved"],
      [found.textEdits, "text_edit"],
    ] as const;
    expect(names.filter(([count]) => count > 0).map(([, name]) => name)).toEqual(expected);
    expect(found.kept).toBe(expected.length === 0 ? 1 : 0);
    expect(changeOf(before, after) === "kept").toBe(expected.length === 0);
  });
});

describe("what is accepted, in words", () => {
  const two: labels.Work = { c1: [{ ...box("b1", 0.5), source: model }, { ...box("b2", 0.5), source: model }] };
  const own: labels.Work = { c1: [box("p1", null)], c2: [] };
  test("as the model made them, unchanged, changed, none", () => {
    expect(acceptance(two, two)).toBe("2 labels, as the model made them");
    expect(acceptance(own, own)).toBe("1 label, unchanged");
    const gone = labels.removed(two, { capture: "c1", id: "b2" });
    expect(acceptance(two, gone)).toBe("1 rejected; 1 unchanged");
    expect(acceptance({ c1: [] }, { c1: [] })).toBe("no labels");
  });
});

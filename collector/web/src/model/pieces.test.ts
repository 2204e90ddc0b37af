import { describe, expect, test } from "vitest";
import type { Label, PolygonLabel, TextLabel } from "../api/types";
import { ghosts, removed, restored, type Work } from "./labels";
import { boundsOf, cornersOf, outlineOf } from "./outline";
import { doubtNext, pieceOf, piecesOf, readNext, rootOf, withPiece, withText } from "./pieces";

const place = (id: string, x: number, y: number, score: number | null = 0.9): PolygonLabel => ({
  id,
  kind: "polygon",
  label: "text",
  score,
  points: cornersOf({ x, y, width: 100, height: 20 }),
});
const said = (id: string, parent: string, text: string, score: number | null): TextLabel => ({
  id,
  kind: "text",
  label: "text",
  score,
  parent,
  text,
});
// Two lines: "OPEN DAILY" and "9 TO 5", and a place that nobody has read under them.
const labels: Label[] = [
  place("p1", 10, 10),
  said("w1", "p1", "OPEN", 0.95),
  place("p2", 130, 12),
  said("w2", "p2", "DAILY", 0.4),
  place("p3", 10, 60),
  said("w3", "p3", "9 TO 5", 0.7),
  place("p4", 10, 110, 0.5),
];
const work: Work = { c1: labels };
const like = { label: "text", language: "en" };
const ids = (w: Work): string[] => piecesOf(w["c1"] ?? []).map((p) => p.id);
const pieces = piecesOf(labels);

describe("pieces of writing", () => {
  test("are texts with their places, and places that nobody has read", () => {
    expect(ids(work)).toEqual(["w1", "w2", "w3", "p4"]);
    expect(pieces.map((p) => p.place?.id)).toEqual(["p1", "p2", "p3", "p4"]);
    expect(pieceOf(pieces, "p2")).toBe(pieceOf(pieces, "w2"));
    expect(pieceOf(pieces, "nothing")).toBeUndefined();
    expect(piecesOf([said("w", "gone", "?", null)])[0]).toMatchObject({ id: "w", place: null });
  });

  test("up and down go as they are read, Tab by doubt", () => {
    const walk = (next: typeof readNext, from: string, step: 1 | -1): string | undefined =>
      // Found anew each time, as the page does: pieces are told apart by their id.
      next(piecesOf(labels), pieceOf(pieces, from), step)?.id;
    expect(["w1", "w2", "w3", "p4"].map((id) => walk(readNext, id, 1))).toEqual(["w2", "w3", "p4", "p4"]);
    expect(walk(readNext, "w1", -1)).toBe("w1");
    expect(["w2", "p4", "w3", "w1"].map((id) => walk(doubtNext, id, 1))).toEqual(["p4", "w3", "w1", "w2"]);
    expect(doubtNext(pieces, undefined, 1)?.id).toBe("w2");
    expect(doubtNext([], undefined, 1)).toBeUndefined();
  });

  test("a piece is rejected whole and comes back whole, where it stood", () => {
    const gone = removed(work, { capture: "c1", id: rootOf(pieceOf(pieces, "w2") as (typeof pieces)[0]) });
    expect(gone["c1"]?.map((l) => l.id)).toEqual(["p1", "w1", "p3", "w3", "p4"]);
    expect(ghosts(work, gone).map((g) => g.ref.id)).toEqual(["p2", "w2"]);
    for (const id of ["p2", "w2"]) expect(restored(gone, work, { capture: "c1", id })["c1"]).toEqual(labels);
  });

  test("what was first comes back first, what was gone before stays gone", () => {
    const gone = removed(removed(work, { capture: "c1", id: "p1" }), { capture: "c1", id: "p3" });
    expect(restored(gone, work, { capture: "c1", id: "w1" })["c1"]?.map((l) => l.id)).toEqual(["p1", "w1", "p2", "w2", "p4"]);
  });

  test("a place that nobody has read gets its text behind it", () => {
    const [next, id] = withText(work, work, "c1", "p4", like);
    expect(id).toBe("p5");
    expect(next["c1"]?.slice(-2)).toMatchObject([{ id: "p4" }, { id, kind: "text", parent: "p4", text: "", score: null }]);
    expect(ids(next)).toEqual(["w1", "w2", "w3", "p5"]);
  });

  test.each([
    [{ x: 250, y: 11, width: 50, height: 20 }, 2],
    [{ x: 0, y: 11, width: 5, height: 20 }, 0],
    [{ x: 250, y: 36, width: 50, height: 10 }, 2],
    [{ x: 400, y: 200, width: 50, height: 20 }, 4],
  ])("a new piece at %o is read as number %i", (rect, at) => {
    const [next, id] = withPiece(work, work, "c1", rect, like);
    expect(ids(next).indexOf(id)).toBe(at);
    const made = pieceOf(piecesOf(next["c1"] ?? []), id);
    expect(made?.place?.points).toEqual(cornersOf(rect));
    expect(made?.text).toMatchObject({ text: "", language: "en", parent: made?.place?.id });
    expect(new Set(next["c1"]?.map((l) => l.id)).size).toBe(labels.length + 2);
  });
});

describe("outlines", () => {
  test("the same label has the same outline", () => {
    expect(outlineOf(labels[0] as Label)).toBe(outlineOf(labels[0] as Label));
    expect(outlineOf(labels[1] as Label)).toBeNull();
    expect(boundsOf(outlineOf(labels[0] as Label)?.points ?? [])).toEqual({ x: 10, y: 10, width: 100, height: 20 });
  });

  test("points that are not labelled are not drawn", () => {
    const points: [number, number, 0 | 1 | 2][] = [
      [0, 0, 0],
      [5, 6, 1],
      [7, 8, 2],
    ];
    const body: Label = { id: "k", kind: "keypoints", label: "person", score: null, points };
    expect(outlineOf(body)).toEqual({ shape: "dots", points: [{ x: 5, y: 6 }, { x: 7, y: 8 }] });
    expect(outlineOf({ ...body, points: [[0, 0, 0]] })).toBeNull();
  });
});

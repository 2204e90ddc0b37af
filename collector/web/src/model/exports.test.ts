import { expect, test } from "vitest";
import type { ExportAsked, ExportRun } from "../api/types";
import { askedWords, exportPace, exportSentence, exportShare, exportState, exportVerbs, withZone } from "./exports";

const ASKED: ExportAsked = { format: "jsonl", study: "kitchen", media: true, with_prelabels: false };

const run = (more: Partial<ExportRun> = {}): ExportRun => ({
  id: "xrun-1",
  asked: ASKED,
  state: "running",
  by: "lena",
  created_at: "2026-11-30T12:00:00Z",
  ended_at: null,
  items: 400,
  counted: true,
  done: 100,
  bytes: 2 << 20,
  packed_bytes: null,
  per_second: null,
  seconds_left: null,
  problem: null,
  name: "kitchen-2026-11-30.zip",
  archive_bytes: null,
  archive_sha256: null,
  counts: null,
  notes: [],
  kept_until: null,
  ended_sessions: 0,
  downloads: 0,
  downloaded_at: null,
  ...more,
});

test.each([
  [run({ state: "queued" }), "queued", ["pause", "cancel"]],
  [run(), "running", ["pause", "cancel"]],
  [run({ state: "paused" }), "paused", ["resume", "cancel"]],
  [run({ state: "paused", problem: "The disk is full." }), "stopped", ["resume", "cancel"]],
  [run({ state: "done" }), "done", ["download", "delete"]],
  [run({ state: "done", ended_sessions: 2 }), "outdated", ["again", "delete"]],
  [run({ state: "cancelled" }), "cancelled", ["again"]],
  [run({ state: "deleted" }), "deleted", ["again"]],
  [run({ state: "expired" }), "expired", ["again"]],
])("what can be done with one: %#", (one, state, verbs) => {
  expect(exportState(one)).toBe(state);
  expect(exportVerbs(one)).toEqual(verbs);
});

test("how far it is", () => {
  expect(exportShare(run({ counted: false }))).toBeNull();
  expect(exportSentence(run({ counted: false }))).toBe("Counting the items");
  expect(exportSentence(run({ counted: false, state: "paused" }))).toBe("Nothing is made of it yet");
  expect(exportShare(run())).toBeCloseTo(0.2);
  expect(exportSentence(run())).toBe("100 of 400 items done, 2 MiB so far");
  expect(exportShare(run({ items: 0, done: 0 }))).toBeCloseTo(0.8);
  const packing = run({ packed_bytes: 1 << 20, done: 400 });
  expect(exportShare(packing)).toBeCloseTo(0.9);
  expect(exportSentence(packing)).toBe("1 MiB of 2 MiB packed into the archive");
  expect(exportPace(run({ per_second: 12.4, seconds_left: 600 }))).toBe("12 per second, about 10 minutes left");
  expect(exportPace(run({ per_second: null, seconds_left: 20, packed_bytes: 5 }))).toBe("about a minute left");
  expect(exportPace(run({ state: "paused", seconds_left: 20 }))).toBeNull();
});

test("what is in it", () => {
  const counts = { documents: 3, labels: 1, prelabels: 4, images: 0, left_out: 0, withheld: 0 };
  const done = run({ state: "done", counts, archive_bytes: 1536 });
  expect(exportSentence(done)).toBe("3 documents, 1 label, 1.5 KiB");
  const more = run({ state: "done", asked: { ...ASKED, with_prelabels: true }, counts: { ...counts, images: 7 } });
  expect(exportSentence(more)).toBe("3 documents, 1 label, 7 pictures, 4 pre-labels, 0 bytes");
});

test("what was asked for", () => {
  expect(askedWords(ASKED)).toBe("JSON lines");
  expect(askedWords({ ...ASKED, media: false, with_prelabels: true, type: "speech" })).toBe(
    "JSON lines, speech, without media, with pre-labels",
  );
  expect(
    askedWords({ format: "coco", frames: "5", since: "2026-11-29T12:00+01:00", licence: "CC-BY-4.0", media: true }),
  ).toBe("COCO, submitted since 2026-11-29 12:00, one frame in 5 of videos, licence CC-BY-4.0");
});

test("a local time has its zone", () => {
  const said = withZone("2026-11-29T12:00");
  expect(said).toMatch(/^2026-11-29T12:00[+-]\d\d:\d\d$/);
  expect(Date.parse(said)).toBe(new Date("2026-11-29T12:00").getTime());
});

import { describe, expect, test } from "vitest";
import type { PrelabelReport, PrelabelRun, QualityRow } from "../api/types";
import * as quality from "./quality";
import { askedSentence, finishedCount, paceSentence, runSentence, runState, runVerbs } from "./runs";

const model = { kind: "model" as const, name: "yolox-nano", version: "1", sha256: "a".repeat(64) };
const edits = { prelabels: 0, accepted: 0, moved: 0, relabelled: 0, edited: 0, deleted: 0, doubled: 0, added: 0 };
const row = (more: Partial<QualityRow> = {}, counts: Partial<QualityRow["edits"]> = {}): QualityRow => ({
  cut: "model",
  model,
  kind: "box",
  shown: true,
  items: 3,
  edits: { ...edits, ...counts },
  acceptance: null,
  moved_iou: null,
  found: { precision: null, recall: null },
  ...more,
});
const report = (...rows: QualityRow[]): PrelabelReport => ({
  made_at: "2026-11-23T12:00:00Z",
  items: 3,
  random_items: 1,
  blind_items: 0,
  unseen_items: 0,
  rows,
  unit_costs: [],
  classes: [],
  costs_time: [],
  anchoring: [],
});

describe("the report on pre-labels", () => {
  test("a model's cuts are its own, those with most pre-labels first, those of nothing not at all", () => {
    const other = { ...model, name: "yunet" };
    const parts = quality.partsOf(
      report(
        row({ model: other }, { prelabels: 2 }),
        row({}, { prelabels: 9 }),
        row({ kind: "track" }),
        row({ cut: "class", label: "cup" }, { prelabels: 3 }),
        row({ cut: "class", label: "plate" }, { prelabels: 6 }),
        row({ cut: "class", label: "spoon" }),
        row({ cut: "class", label: "face", model: other }, { prelabels: 2 }),
        row({ cut: "device", device: "cam-1" }, { added: 1 }),
      ),
    );
    expect(parts.map((p) => p.row.model.name)).toEqual(["yolox-nano", "yunet"]);
    expect(parts[0]?.words.map((r) => r.label)).toEqual(["plate", "cup"]);
    expect(parts[0]?.devices.map((r) => r.device)).toEqual(["cam-1"]);
    expect(parts[1]?.words.map((r) => r.label)).toEqual(["face"]);
  });

  test("one file under two settings is two models, each with its own cuts", () => {
    const low = { ...model, package: "c".repeat(64), settings: "d".repeat(64) };
    const high = { ...low, settings: "e".repeat(64) };
    const parts = quality.partsOf(
      report(
        row({ model: low, configuration: "score 0.35" }, { prelabels: 9 }),
        row({ model: high, configuration: "score 0.4" }, { prelabels: 4 }),
        row({ configuration: "settings not recorded" }, { prelabels: 1 }),
        row({ cut: "class", label: "cup", model: low }, { prelabels: 9 }),
        row({ cut: "class", label: "plate", model: high }, { prelabels: 4 }),
      ),
    );
    expect(parts.map((p) => p.row.configuration)).toEqual(["score 0.35", "score 0.4", "settings not recorded"]);
    expect(parts.map((p) => p.words.map((r) => r.label))).toEqual([["cup"], ["plate"], []]);
  });

  test("the same step of two scripts is told apart", () => {
    const steps = ["c", "d"].map((c) => row({ cut: "step", step: "show", script_sha256: c.repeat(64) }));
    expect(quality.rowName(steps[0] as QualityRow, steps)).toBe("show (script cccccc)");
    expect(quality.rowName(steps[0] as QualityRow, steps.slice(0, 1))).toBe("show");
    expect(quality.rowName(row({ cut: "class", label: "cup" }), [])).toBe("cup");
  });

  test("edits in words: parts of nothing are left out, what people added is no part of the pre-labels", () => {
    const made = row({}, { prelabels: 10, accepted: 7, deleted: 2, doubled: 1, added: 4 });
    expect(quality.editParts(made).map((p) => p.edit)).toEqual(["accepted", "deleted", "doubled", "added"]);
    expect(quality.editSentence(made)).toBe("10 pre-labels: 7 accepted, 2 deleted, 1 doubled; 4 added by people.");
    expect(quality.editSentence(row({}, { added: 1 }))).toBe("0 pre-labels: none; 1 added by people.");
  });

  test("measures of every kind, the random share beside them", () => {
    const acceptance = { share: 0.836, low: 0.74, high: 0.9, of: 80, captures: 9 };
    const made = row({
      acceptance,
      found: { precision: 0.5, recall: 1 },
      average_precision: { ap: 0.613, ap50: 0.84, truth: 1 },
      random: { items: 5, acceptance: { share: 0.9, low: 0.6, high: 0.98, of: 10, captures: 5 }, found: { precision: 0.75 } },
    });
    expect(quality.facts(made).map((f) => [f.name, f.value, f.chance])).toEqual([
      ["accepted unchanged", "84%", "90% (60 to 98%)"],
      ["right", "50%", "75%"],
      ["found", "100%", null],
      ["mAP", ".61", null],
    ]);
    expect(quality.facts(made)[3]?.note).toBe("AP50 .84, over 1 reviewed label");
  });

  test("sound: how far ends are off and which way, what time is wrong, what words", () => {
    const end = { median_ms: 40.2, p90_ms: 120, bias_ms: -12.4, of: 20 };
    const rates = { missed_seconds: 1.24, false_seconds: 0.01, confused_seconds: 0, truth_seconds: 60 };
    const made = row({
      kind: "interval",
      intervals: { start: { ...end, bias_ms: 0.2 }, end, error_rate: 0.021, error_rate_collar: 0, ...rates },
      texts: { word_error_rate: 0.05, character_error_rate: null, words: 1, characters: 4, unchanged: null },
    });
    expect(quality.facts(made).map((f) => `${f.name} ${f.value}: ${f.note}`)).toEqual([
      "starts off by 40 ms: 90% within 120 ms; no bias",
      "ends off by 40 ms: 90% within 120 ms; 12 ms early",
      "wrong time (DER) 2%: 1.2 s missed in 60.0 s",
      "wrong words (WER) 5%: of 1 word",
    ]);
    expect(quality.measure(made)).toEqual({ name: "DER", value: "2%" });
    expect(quality.measure(row())).toEqual({ name: "", value: "" });
  });

  test("kinds are written as people say them", () => {
    expect(["box", "track", "keypoints", "text"].map(quality.kindWord)).toEqual(["boxes", "tracks", "keypoints", "texts"]);
  });
});

describe("runs", () => {
  const run = (more: Partial<PrelabelRun>): PrelabelRun => ({
    id: "run-1",
    model: "silero-vad",
    source: model,
    asked: { model: "silero-vad" },
    state: "running",
    captures: 1400,
    counted: true,
    done: 0,
    waiting: 0,
    failed: 0,
    withheld: 0,
    stopped: 0,
    per_second: null,
    seconds_left: null,
    ended_at: null,
    created_at: "2026-11-23T12:00:00Z",
    problem: null,
    ...more,
  });

  test.each([
    [{ done: 100, waiting: 1300 }, "running", 100, "100 of 1,400 captures done, 1,300 waiting", "pause cancel"],
    [{ state: "queued", counted: false }, "queued", 0, "Counting the captures.", "pause cancel"],
    [{ state: "paused", done: 1, waiting: 1399 }, "paused", 1, "1 of 1,400 captures done, 1,399 waiting", "resume cancel"],
    [{ state: "done", done: 1399, failed: 1 }, "failed", 1400, "1,399 of 1,400 captures done, 1 failed", "resume"],
    [
      { state: "cancelled", done: 4, stopped: 1396 },
      "cancelled",
      4,
      "4 of 1,400 captures done, 1,396 not begun",
      "",
    ],
    [
      { state: "done", done: 1398, withheld: 2 },
      "done",
      1400,
      "1,398 of 1,400 captures done, 2 left out because their consent has ended",
      "",
    ],
  ] as const)("%o", (counts, state, finished, sentence, verbs) => {
    expect(runState(run(counts))).toBe(state);
    expect(finishedCount(run(counts))).toBe(finished);
    expect(runSentence(run(counts))).toBe(sentence);
    expect(runVerbs(run(counts)).join(" ")).toBe(verbs);
  });

  test.each([
    [0.25, 5000, "0.3 per second, about 83 minutes left"],
    [120.4, 30, "120 per second, about a minute left"],
    [120.4, 7200, "120 per second, about 2 hours left"],
    [2, 500_000, "2 per second, about 6 days left"],
  ])("pace %f", (per_second, seconds_left, sentence) => {
    expect(paceSentence(run({ per_second, seconds_left }))).toBe(sentence);
    expect(paceSentence(run({ per_second, seconds_left, state: "paused" }))).toBeNull();
  });

  test("what was asked for", () => {
    expect(askedSentence({ model: "m" })).toBe("everything of every study");
    expect(askedSentence({ model: "m", study: "kitchen", step: "say-it", medium: "audio" })).toBe(
      "sound of kitchen, step say-it",
    );
  });
});

/** The report on pre-labels (prelabel/quality/shapes.py) as a page says it: facts, parts and words. Pure. */
import type { ClassWorth, Estimate, PrelabelReport, QualityRow } from "../api/types";

/** One model and kind of label, with its cuts. */
export interface ModelPart {
  key: string;
  row: QualityRow;
  words: QualityRow[];
  devices: QualityRow[];
  steps: QualityRow[];
  anchoring: string | null;
}

/** A measure: its value over all items, what it means, and the same over the random share where there is one. */
export interface Fact {
  name: string;
  value: string;
  note: string;
  chance: string | null;
}

export type Edit = "accepted" | "moved" | "relabelled" | "edited" | "deleted" | "doubled" | "added";
export const EDITS: Readonly<Record<Edit, string>> = {
  accepted: "accepted unchanged",
  moved: "moved or resized",
  relabelled: "given another name",
  edited: "text or attributes changed",
  deleted: "rejected",
  doubled: "rejected as a duplicate of another model's",
  added: "drawn by people, not found by the model",
};

export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** A share with its 95 % interval: `84% (79 to 88%)`. */
export const estimate = (e: Estimate): string =>
  `${percent(e.share)} (${Math.round(e.low * 100)} to ${percent(e.high)})`;

const hundredths = (value: number): string => value.toFixed(2).replace(/^0/, "");
const count = (n: number): string => n.toLocaleString("en");
export const plural = (n: number, one: string, more = `${one}s`): string => `${count(n)} ${n === 1 ? one : more}`;
/** `24 Nov 2026, 01:57`, as this browser writes it. */
export const when = (utc: string): string =>
  new Date(utc).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
const KINDS: Readonly<Record<string, string>> = { box: "boxes", keypoints: "keypoints" };

/** `boxes`, `tracks` … */
export const kindWord = (kind: string): string => KINDS[kind] ?? `${kind}s`;

/** One file under two packages or settings is two models. */
const modelKey = ({ model, kind }: { model: QualityRow["model"]; kind: string }): string =>
  [model.name, model.version, model.sha256, model.package, model.settings, kind].map((part) => part ?? "").join("\n");

/** Models with pre-labels or missed labels, those with most pre-labels first. */
export function partsOf(report: PrelabelReport): ModelPart[] {
  const cut = (name: QualityRow["cut"], key: string): QualityRow[] =>
    report.rows
      .filter((r) => r.cut === name && modelKey(r) === key && seen(r))
      .sort((a, b) => b.edits.prelabels - a.edits.prelabels || b.edits.added - a.edits.added);
  return report.rows
    .filter((row) => row.cut === "model" && seen(row))
    .map((row) => {
      const key = modelKey(row);
      return {
        key,
        row,
        words: cut("class", key),
        devices: cut("device", key),
        steps: cut("step", key),
        anchoring: report.anchoring.find((a) => modelKey(a) === key)?.text ?? null,
      };
    })
    .sort((a, b) => b.row.edits.prelabels - a.row.edits.prelabels);
}

const seen = (row: QualityRow): boolean => row.edits.prelabels + row.edits.added > 0;

/** What a row is about: a word, a device, a step; the same step of two scripts gets the script's hash. */
export function rowName(row: QualityRow, among: readonly QualityRow[]): string {
  const name = row.label ?? row.device ?? row.step ?? "";
  if (row.step == null) return name;
  const twice = among.some((r) => r.step === row.step && r.script_sha256 !== row.script_sha256);
  return twice ? `${name} (script ${(row.script_sha256 ?? "").slice(0, 6)})` : name;
}

/** What became of pre-labels, and what people added; parts of nothing are left out. */
export function editParts(row: QualityRow): { edit: Edit; count: number }[] {
  return (Object.keys(EDITS) as Edit[]).map((edit) => ({ edit, count: row.edits[edit] })).filter((p) => p.count > 0);
}

export function editSentence(row: QualityRow): string {
  const parts = editParts(row).filter((p) => p.edit !== "added");
  const said = parts.map((p) => `${count(p.count)} ${p.edit}`).join(", ");
  return `${plural(row.edits.prelabels, "pre-label")}: ${said || "none"}; ${count(row.edits.added)} added by people.`;
}

/** The measures of a row that fit its kind; the first ones every kind has. */
export function facts(row: QualityRow): Fact[] {
  const out: Fact[] = [];
  const { acceptance, found, random } = row;
  if (acceptance)
    out.push({
      name: "accepted unchanged",
      value: percent(acceptance.share),
      note: `${Math.round(acceptance.low * 100)} to ${percent(acceptance.high)}, of ${count(acceptance.of)}`,
      chance: random?.acceptance ? estimate(random.acceptance) : null,
    });
  const share = (name: string, part: "precision" | "recall", note: string): void => {
    const value = found[part];
    if (value == null) return;
    const chance = random?.found[part];
    out.push({ name, value: percent(value), note, chance: chance == null ? null : percent(chance) });
  };
  share("right", "precision", "of the model's labels are right (precision)");
  share("found", "recall", "of the true labels were found (recall)");
  return [...out, ...boxFacts(row), ...trackFacts(row), ...intervalFacts(row), ...textFacts(row)];
}

function boxFacts({ average_precision: ap, random }: QualityRow): Fact[] {
  if (!ap) return [];
  const chance = random?.average_precision ?? null;
  return [
    {
      name: "mAP",
      value: hundredths(ap.ap),
      note: `AP50 ${hundredths(ap.ap50)}, over ${plural(ap.truth, "reviewed label")}`,
      chance: chance && hundredths(chance.ap),
    },
  ];
}

function trackFacts({ tracks: t }: QualityRow): Fact[] {
  if (!t) return [];
  return [
    {
      name: "HOTA",
      value: hundredths(t.hota),
      note: `detection ${hundredths(t.det_a)}, association ${hundredths(t.ass_a)}`,
      chance: null,
    },
    {
      name: "IDF1",
      value: hundredths(t.idf1),
      note: `${plural(t.switches, "switch", "switches")} of identity in ${plural(t.frames, "frame")}`,
      chance: null,
    },
  ];
}

function intervalFacts({ intervals }: QualityRow): Fact[] {
  if (!intervals) return [];
  const out: Fact[] = [];
  for (const [name, end] of [["starts", intervals.start] as const, ["ends", intervals.end] as const]) {
    if (!end) continue;
    const bias = Math.round(Math.abs(end.bias_ms));
    const way = bias === 0 ? "no bias" : `${bias} ms ${end.bias_ms > 0 ? "late" : "early"}`;
    out.push({
      name: `${name} off by`,
      value: `${Math.round(end.median_ms)} ms`,
      note: `90% within ${Math.round(end.p90_ms)} ms; ${way}`,
      chance: null,
    });
  }
  if (intervals.error_rate !== null)
    out.push({
      name: "wrong time (DER)",
      value: percent(intervals.error_rate),
      note: derNote(intervals),
      chance: null,
    });
  return out;
}

function derNote(rates: NonNullable<QualityRow["intervals"]>): string {
  const parts = [
    [rates.missed_seconds, "missed"],
    [rates.false_seconds, "false"],
    [rates.confused_seconds, "with a wrong name"],
  ] as const;
  const said = parts.filter(([s]) => s >= 0.05).map(([s, word]) => `${s.toFixed(1)} s ${word}`);
  return `${said.join(", ") || "nothing"} in ${rates.truth_seconds.toFixed(1)} s`;
}

function textFacts({ texts }: QualityRow): Fact[] {
  if (!texts) return [];
  const out: Fact[] = [];
  if (texts.word_error_rate !== null)
    out.push({
      name: "wrong words (WER)",
      value: percent(texts.word_error_rate),
      note: `of ${plural(texts.words, "word")}`,
      chance: null,
    });
  if (texts.character_error_rate !== null)
    out.push({
      name: "wrong letters (CER)",
      value: percent(texts.character_error_rate),
      note: `of ${plural(texts.characters, "letter")}`,
      chance: null,
    });
  if (texts.unchanged)
    out.push({ name: "exact matches", value: percent(texts.unchanged.share), note: estimateNote(texts.unchanged), chance: null });
  return out;
}

const estimateNote = (e: Estimate): string => `${Math.round(e.low * 100)} to ${percent(e.high)}, of ${plural(e.of, "text")}`;

/** The one measure of a kind that a table has a column for. */
export function measure(row: QualityRow): { name: string; value: string } {
  if (row.average_precision) return { name: "mAP", value: hundredths(row.average_precision.ap) };
  if (row.tracks) return { name: "HOTA", value: hundredths(row.tracks.hota) };
  if (row.intervals?.error_rate != null) return { name: "DER", value: percent(row.intervals.error_rate) };
  if (row.texts?.word_error_rate != null) return { name: "WER", value: percent(row.texts.word_error_rate) };
  return { name: "", value: "" };
}

/** What a word's pre-labels are worth to people, or undefined where there are too few to say. */
export const worthOf = (report: PrelabelReport, row: QualityRow): ClassWorth | undefined =>
  report.classes.find((c) => modelKey(c) === modelKey(row) && c.label === row.label);

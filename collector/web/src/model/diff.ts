/**
 * What a person changed, against where the labels came from: by id, while they work. What was deleted and drawn again
 * at the same place counts as both here, and as kept once the collector has compared the submit.
 */
import type { Keyframe, Label } from "../api/types";
import type { Rect } from "./geometry";
import type { Work } from "./labels";
import { boxAt } from "./tracks";

export interface Changes {
  kept: number;
  moved: number;
  relabelled: number;
  deleted: number;
  added: number;
  textEdits: number;
}
export type Change = "kept" | "moved" | "relabelled" | "text" | "added";

/** Of a pixel, and of a degree: documents keep two decimals (prelabel/quality/sameness.py, the rules of all of this). */
const SAME_PLACE = 0.011;

const near = (a: number, b: number): boolean => Math.abs(a - b) <= SAME_PLACE;

const sameRect = (a: Rect, b: Rect): boolean =>
  near(a.x, b.x) && near(a.y, b.y) && near(a.width, b.width) && near(a.height, b.height);

const samePoints = (a: readonly number[][], b: readonly number[][]): boolean =>
  a.length === b.length && a.every((point, i) => point.every((value, axis) => near(value, b[i]?.[axis] ?? Infinity)));

/** Degrees from one turn to another, -180 to 180. */
const turnBetween = (from: number, to: number): number => to - from - 360 * Math.round((to - from) / 360);

/** Both are linear between the keyframes of either, so these frames, and one in each gap, decide about all. */
function samePath(a: readonly Keyframe[], b: readonly Keyframe[]): boolean {
  const times: number[] = [];
  for (const row of [...a, ...b]) times[row.frame] = row.start_us;
  const frames = Object.keys(times).map(Number);
  frames.forEach((frame, i) => {
    const next = frames[i + 1];
    if (next === undefined || next === frame + 1) return;
    times[frame + 1] = ((times[frame] as number) + (times[next] as number)) / 2;
  });
  return Object.keys(times).every((key) => {
    const [ours, theirs] = [boxAt(a, Number(key), times), boxAt(b, Number(key), times)];
    return ours === null || theirs === null ? ours === theirs : sameRect(ours, theirs);
  });
}

/** Whether two labels are where and when the other is. */
function samePlace(a: Label, b: Label): boolean {
  switch (a.kind) {
    case "box":
      return (
        b.kind === "box" && sameRect(a, b) && Math.abs(turnBetween(a.rotation ?? 0, b.rotation ?? 0)) <= SAME_PLACE
      );
    case "track":
      return b.kind === "track" && samePath(a.keyframes, b.keyframes);
    case "interval":
      return b.kind === "interval" && a.start_us === b.start_us && a.end_us === b.end_us && (a.channel ?? null) === (b.channel ?? null);
    case "polygon":
    case "polyline":
      return b.kind === a.kind && samePoints(a.points, b.points);
    case "keypoints":
      return b.kind === "keypoints" && samePoints(a.points, b.points);
    case "span":
      return b.kind === "span" && a.start === b.start && a.end === b.end && (a.parent ?? null) === (b.parent ?? null);
    case "mask":
      return b.kind === "mask" && a.rle.counts === b.rle.counts;
    default:
      return a.kind === b.kind;
  }
}

/** What was said or written, and in which language once it is named; composed letters are their parts. */
function sameWords(a: Label, b: Label): boolean {
  const textOf = (l: Label): string => (l.kind === "interval" || l.kind === "text" ? (l.text ?? "") : "");
  if (textOf(a).normalize("NFC") !== textOf(b).normalize("NFC")) return false;
  return a.kind !== "text" || b.kind !== "text" || a.language == null || a.language === b.language;
}

/** What became of one label; `before` is undefined for one a person added. */
export function changeOf(before: Label | undefined, now: Label): Change {
  if (before === undefined) return "added";
  if (before === now) return "kept";
  if (before.label !== now.label) return "relabelled";
  if (!sameWords(before, now)) return "text";
  if (!samePlace(before, now)) return "moved";
  return "kept";
}

export function changes(before: Work, now: Work): Changes {
  const out: Changes = { kept: 0, moved: 0, relabelled: 0, deleted: 0, added: 0, textEdits: 0 };
  for (const capture of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const old = new Map((before[capture] ?? []).map((l) => [l.id, l]));
    for (const label of now[capture] ?? []) {
      const was = old.get(label.id);
      old.delete(label.id);
      if (was === undefined) {
        out.added += 1;
        continue;
      }
      if (was === label) {
        out.kept += 1;
        continue;
      }
      const wordsDiffer = !sameWords(was, label);
      const movedHere = !samePlace(was, label);
      const named = was.label !== label.label;
      if (named) out.relabelled += 1;
      if (movedHere) out.moved += 1;
      if (wordsDiffer) out.textEdits += 1;
      if (!named && !movedHere && !wordsDiffer) out.kept += 1;
    }
    out.deleted += old.size;
  }
  return out;
}

/** What is accepted, in words: `2 labels, as the model made them`, or `1 moved, 1 rejected; 3 unchanged`. */
export function acceptance(before: Work, now: Work): string {
  const c = changes(before, now);
  const parts = [
    [c.moved, "moved"],
    [c.relabelled, "renamed"],
    [c.deleted, "rejected"],
    [c.added, "added"],
    [c.textEdits, "text edited"],
  ] as const;
  const done = parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  if (done.length > 0) return c.kept > 0 ? `${done.join(", ")}; ${c.kept} unchanged` : done.join(", ");
  if (c.kept === 0) return "no labels";
  const models = Object.values(now).every((labels) => labels.every((l) => l.source?.kind === "model"));
  if (!models) return `${c.kept} ${c.kept === 1 ? "label" : "labels"}, unchanged`;
  return c.kept === 1 ? "1 label, as the model made it" : `${c.kept} labels, as the model made them`;
}

/** What a person changed, against where the labels came from. By id, as the collector counts it. */
import type { Label } from "../api/types";
import type { Work } from "./labels";

export interface Changes {
  kept: number;
  moved: number;
  relabelled: number;
  deleted: number;
  added: number;
  textEdits: number;
}
export type Fate = "kept" | "moved" | "relabelled" | "text" | "added";

const geometry = (l: Label): string => {
  switch (l.kind) {
    case "box":
      return JSON.stringify([l.x, l.y, l.width, l.height, l.rotation ?? 0]);
    case "track":
      return JSON.stringify(
        l.keyframes.map((k) => [k.frame, k.x, k.y, k.width, k.height, k.visible, k.attributes ?? {}]),
      );
    case "interval":
      return JSON.stringify([l.start_us, l.end_us]);
    default:
      return "";
  }
};

const words = (l: Label): string | null =>
  l.kind === "interval" ? (l.text ?? "") : l.kind === "text" ? JSON.stringify([l.text, l.language ?? ""]) : null;

/** What became of one label; `before` is undefined for one a person added. */
export function fate(before: Label | undefined, now: Label): Fate {
  if (before === undefined) return "added";
  if (before === now) return "kept";
  if (before.label !== now.label) return "relabelled";
  if (words(before) !== words(now)) return "text";
  if (geometry(before) !== geometry(now)) return "moved";
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
      const wordsDiffer = words(was) !== words(label);
      const movedHere = geometry(was) !== geometry(label);
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

/** `2 moved, 1 deleted`, or `as the model said` when nothing changed. */
export function sentence(c: Changes): string {
  const parts = [
    [c.moved, "moved"],
    [c.relabelled, "renamed"],
    [c.deleted, "rejected"],
    [c.added, "added"],
    [c.textEdits, "text edited"],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return said.length === 0 ? "nothing changed" : said.join(", ");
}

/** Exports that the collector makes, as their page says them. Pure. */
import type { ExportAsked, ExportRun } from "../api/types";
import { size } from "./installation";
import { plural } from "./quality";
import { duration } from "./runs";

/** As the page shows it: what could not go on is `stopped`, what holds recordings that it must not any more `outdated`. */
export type ExportState = ExportRun["state"] | "stopped" | "outdated";
export type ExportVerb = "pause" | "resume" | "cancel" | "download" | "delete" | "again";

export function exportState(run: ExportRun): ExportState {
  if (run.state === "paused" && run.problem) return "stopped";
  return run.state === "done" && run.ended_sessions > 0 ? "outdated" : run.state;
}

/** Whether the collector works on it, or will without anybody's doing. */
export const isGoing = (run: ExportRun): boolean => run.state === "queued" || run.state === "running";

/** What a lead can do with it now; `again` starts another one of the same. */
const VERBS: Record<ExportState, readonly ExportVerb[]> = {
  queued: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  stopped: ["resume", "cancel"],
  done: ["download", "delete"],
  outdated: ["again", "delete"],
  cancelled: ["again"],
  deleted: ["again"],
  expired: ["again"],
};
export const exportVerbs = (run: ExportRun): readonly ExportVerb[] => VERBS[exportState(run)];

/** From 0 to 1; null while it is not known. Making the files is most of the work, packing them the rest. */
export function exportShare(run: ExportRun): number | null {
  if (run.packed_bytes !== null) return 0.8 + 0.2 * (run.bytes > 0 ? run.packed_bytes / run.bytes : 1);
  if (!run.counted) return null;
  return 0.8 * (run.items > 0 ? run.done / run.items : 1);
}

/** How far it is, or what is in it. */
export function exportSentence(run: ExportRun): string {
  const { counts } = run;
  if (counts) {
    const parts = [plural(counts.documents, "document"), plural(counts.labels, "label")];
    if (counts.images > 0) parts.push(plural(counts.images, "picture"));
    if (run.asked.with_prelabels) parts.push(plural(counts.prelabels, "pre-label"));
    return `${parts.join(", ")}, ${size(run.archive_bytes ?? 0)}`;
  }
  if (run.packed_bytes !== null) return `${size(run.packed_bytes)} of ${size(run.bytes)} packed into the archive`;
  if (!run.counted) return run.state === "running" ? "Counting the items" : "Nothing is made of it yet";
  return `${run.done.toLocaleString("en")} of ${plural(run.items, "item")} done, ${size(run.bytes)} so far`;
}

/** How fast it is and how long it takes, while it is known. */
export function exportPace(run: ExportRun): string | null {
  if (run.state !== "running" || run.seconds_left === null) return null;
  const digits = (run.per_second ?? 0) < 10 ? 1 : 0;
  const rate = run.per_second?.toLocaleString("en", { maximumFractionDigits: digits });
  return `${rate === undefined ? "" : `${rate} per second, `}about ${duration(run.seconds_left)} left`;
}

const TYPES: Record<NonNullable<ExportAsked["type"]>, string> = {
  boxes: "boxes",
  tracks: "tracks",
  speech: "speech",
  text: "typed answers",
};

export const FORMATS: Record<NonNullable<ExportAsked["format"]>, string> = { jsonl: "JSON lines", coco: "COCO" };
export const TASK_TYPES = Object.entries(TYPES) as [NonNullable<ExportAsked["type"]>, string][];

/** What was asked for, in words; the study stands before it. */
export function askedWords(asked: ExportAsked): string {
  const format = asked.format ?? "jsonl";
  const frames = asked.frames ?? "keyframes";
  const parts = [FORMATS[format]];
  if (asked.type) parts.push(TYPES[asked.type]);
  if (asked.since) parts.push(`submitted since ${asked.since.slice(0, 16).replace("T", " ")}`);
  if (format === "coco" && frames !== "keyframes") {
    parts.push(frames === "every" ? "every frame of videos" : `one frame in ${frames} of videos`);
  }
  if (asked.media === false) parts.push("without media");
  if (asked.with_prelabels) parts.push("with pre-labels");
  if (asked.licence) parts.push(`licence ${asked.licence}`);
  return parts.join(", ");
}

/** A date and time of this browser's calendar (`2026-11-29T12:00`) as the collector wants it, with its zone. */
export function withZone(local: string): string {
  const offset = -new Date(local).getTimezoneOffset();
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}

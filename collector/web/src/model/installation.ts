/** An installation as its page says it. Pure. */
import type { DeviceRow, FailedJob } from "../api/types";

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** 1536 as "1.5 KiB". */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString("en", { maximumFractionDigits: digits })} ${UNITS[unit]}`;
}

/** How long ago, in one unit; "just now" under a minute. */
export function ago(at: string, now: number): string {
  return span(Math.max(0, now - Date.parse(at)) / 1000, " ago") ?? "just now";
}

/** How long, in one unit; null under a minute. */
export function span(seconds: number, after = ""): string | null {
  const steps: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ];
  for (const [length, word] of steps) {
    const count = Math.floor(seconds / length);
    if (count >= 1) return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}${after}`;
  }
  return null;
}

const WORK: Record<string, string> = {
  open: "check what arrived",
  derive: "convert for the browser",
  tasks: "make review items",
};

export const workOf = (kind: string): string => WORK[kind] ?? kind;

/** Kinds with how many of the listed jobs are of each, in the order of the list. */
export function kindsOf(jobs: readonly FailedJob[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { kind } of jobs) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts];
}

export type DeviceState = "revoked" | "silent" | "never" | "well";
const SILENT_MS = 15 * 60 * 1000;

/** Devices report every ten seconds while they are on. */
export function deviceState(device: DeviceRow, now: number): DeviceState {
  if (device.revoked_at !== null) return "revoked";
  if (device.last_seen_at === null) return "never";
  return now - Date.parse(device.last_seen_at) > SILENT_MS ? "silent" : "well";
}

/** What differs between two manifests, by member, in the order of the first. Text that is no JSON object differs whole. */
export function differences(kept: string, other: string): [member: string, kept: string, other: string][] {
  const [a, b] = [members(kept), members(other)];
  if (a === null || b === null) return kept === other ? [] : [["(whole)", kept, other]];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const shown = (value: unknown): string => (value === undefined ? "not there" : JSON.stringify(value));
  return names
    .map((name): [string, string, string] => [name, shown(a[name]), shown(b[name])])
    .filter(([, before, after]) => before !== after);
}

function members(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

export const ROLES = ["annotator", "lead", "admin"] as const;

export const ACCESS_KINDS = {
  page: "a session of the page",
  api: "a token of a program",
  enter: "a link not opened yet",
} as const;

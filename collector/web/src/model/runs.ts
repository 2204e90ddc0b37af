/** Runs of a model over captures that are here, as a page says them. Pure. */
import type { PrelabelRun, RunAsked } from "../api/types";
import { plural } from "./quality";

/** Whether the collector works on it, or will without anybody's doing. */
export const isGoing = (run: PrelabelRun): boolean => run.state === "queued" || run.state === "running";

/** Captures that are finished, one way or the other. */
export const finishedCount = (run: PrelabelRun): number => run.done + run.failed + run.withheld;

/** Its state; one that is done with failures is `failed`. */
export function runState(run: PrelabelRun): PrelabelRun["state"] | "failed" {
  return run.state === "done" && run.failed > 0 ? "failed" : run.state;
}

/** What a lead can do with it now. */
export function runVerbs(run: PrelabelRun): ("pause" | "resume" | "cancel")[] {
  if (isGoing(run)) return ["pause", "cancel"];
  if (run.state === "paused") return ["resume", "cancel"];
  return runState(run) === "failed" ? ["resume"] : [];
}

export function runSentence(run: PrelabelRun): string {
  if (!run.counted) return "Counting the captures.";
  const parts = [
    [run.waiting, "waiting"],
    [run.failed, "failed"],
    [run.withheld, "left out because their consent has ended"],
    [run.stopped, "not begun"],
  ] as const;
  const rest = parts.filter(([n]) => n > 0).map(([n, word]) => `, ${n.toLocaleString("en")} ${word}`);
  return `${run.done.toLocaleString("en")} of ${plural(run.captures, "capture")} done${rest.join("")}`;
}

/** How fast it is and how long it takes, while it is known. */
export function paceSentence(run: PrelabelRun): string | null {
  if (run.state !== "running" || run.per_second == null || run.seconds_left == null) return null;
  const digits = run.per_second < 10 ? 1 : 0;
  const rate = run.per_second.toLocaleString("en", { maximumFractionDigits: digits });
  return `${rate} per second, about ${duration(run.seconds_left)} left`;
}

/** How long the rest takes, in one unit. */
export function duration(seconds: number): string {
  if (seconds < 60) return "a minute";
  if (seconds < 5400) return plural(Math.round(seconds / 60), "minute");
  if (seconds < 48 * 3600) return plural(Math.round(seconds / 3600), "hour");
  return plural(Math.round(seconds / 86_400), "day");
}

/** Which captures were asked for, in words. */
export function askedSentence(asked: RunAsked): string {
  const parts = [
    asked.medium ? { video: "videos", audio: "sound", image: "stills", text: "typed answers" }[asked.medium] : "everything",
    asked.study ? `of ${asked.study}` : "of every study",
    ...(asked.step ? [`step ${asked.step}`] : []),
  ];
  return parts.join(", ").replace(", of", " of");
}

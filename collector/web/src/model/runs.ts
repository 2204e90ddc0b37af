/** Runs of a model over captures that are here, as a page says them. Pure. */
import type { PrelabelRun, RunAsked } from "../api/types";
import { plural } from "./quality";

export const isGoing = (run: PrelabelRun): boolean => run.waiting > 0;

/** Captures that are settled, one way or the other. */
export const finishedCount = (run: PrelabelRun): number => run.captures - run.waiting;

/** `done`, or what else became of it. */
export function runState(run: PrelabelRun): "going" | "failed" | "stopped" | "done" {
  if (isGoing(run)) return "going";
  if (run.failed > 0) return "failed";
  return run.stopped > 0 ? "stopped" : "done";
}

export function runSentence(run: PrelabelRun): string {
  const parts = [
    [run.waiting, "waiting"],
    [run.failed, "failed"],
    [run.stopped, "stopped before they began"],
  ] as const;
  const rest = parts.filter(([n]) => n > 0).map(([n, word]) => `, ${n.toLocaleString("en")} ${word}`);
  return `${run.done.toLocaleString("en")} of ${plural(run.captures, "capture")} done${rest.join("")}`;
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

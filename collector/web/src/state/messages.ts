/** What the bar reports where the collector refused something: what happened, why, and what becomes of the work. */
import { Problem, type Unreachable } from "../api/client";
import { holder } from "./lease";
import type { PendingSubmit } from "./outbox";

export function refusedSubmit({ title }: PendingSubmit, problem: Problem): string {
  if (problem.consentEnded) return `“${title}” was not saved: ${problem.title}`;
  if (problem.status === 409) {
    const what = holder(problem) ?? "went to someone else before your answer";
    return `“${title}” ${what}. Your work is stored as a draft: a lead sees it under “today”.`;
  }
  return `“${title}” was refused: ${problem.title} ${problem.hint}`.trim();
}

/** `what`: "The item was not skipped", without a full stop. */
export function failedRequest(what: string, error: Problem | Unreachable): string {
  if (!(error instanceof Problem)) return `${what}: the collector does not answer. Your work is stored in this browser.`;
  return error.status === 409 ? `${what}: ${error.title}` : `${what}: ${error.title} ${error.hint}`.trim();
}

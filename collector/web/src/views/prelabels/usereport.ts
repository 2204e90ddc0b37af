/** The report for a choice of study, model and day: asked for once a choice, and again when the collector was away. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { api, expectRefusal, Problem, Unreachable } from "../../api/client";
import type { PrelabelReport } from "../../api/types";
import type { Store } from "../../state/store";

/** `since` is a day of this browser's calendar, YYYY-MM-DD. */
export interface Filter {
  study?: string;
  model?: string;
  since?: string;
}

export interface ReportView {
  report: PrelabelReport | null;
  /** Why the newest answer is missing; null while all is well. */
  trouble: { text: string; away: boolean } | null;
  /** Seconds that the report has been counted for; null when nobody waits. */
  waiting: number | null;
  /** Every model any report of this visit named. */
  models: readonly string[];
  again(): void;
}

const RETRY_MS = 5_000;
const NAMES = ["study", "model", "since"] as const;

export function filterOf(hash: string): Filter {
  const query = new URLSearchParams(hash.split("?")[1] ?? "");
  const out: Filter = {};
  for (const name of NAMES) {
    const value = query.get(name);
    if (value && (name !== "since" || /^\d{4}-\d{2}-\d{2}$/.test(value))) out[name] = value;
  }
  return out;
}

/** The choice is part of the address: it survives a reload and can be sent to a colleague. */
export function writeHash(filter: Filter): void {
  const query = new URLSearchParams(Object.entries(filter));
  history.replaceState(null, "", `#prelabels${query.size > 0 ? `?${query}` : ""}`);
}

function queryOf({ study, model, since }: Filter): URLSearchParams {
  const query = new URLSearchParams();
  if (study) query.set("study", study);
  if (model) query.set("model", model);
  // Midnight here, as a time that says its zone.
  if (since) query.set("since", new Date(`${since}T00:00:00`).toISOString());
  return query;
}

export function useReport(store: Store, filter: Filter): ReportView {
  const [report, setReport] = useState<PrelabelReport | null>(null);
  const [trouble, setTrouble] = useState<ReportView["trouble"]>(null);
  const [waiting, setWaiting] = useState<number | null>(0);
  const [models, setModels] = useState<readonly string[]>(filter.model ? [filter.model] : []);
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    const given = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    const began = Date.now();
    setWaiting(0);
    const tick = setInterval(() => setWaiting(Math.round((Date.now() - began) / 1000)), 1000);
    const done = (): void => {
      clearInterval(tick);
      setWaiting(null);
    };
    api.prelabelReport(queryOf(filter), given.signal).then(
      (made) => {
        if (given.signal.aborted) return;
        done();
        setReport(made);
        setTrouble(null);
        setModels((known) => [...new Set([...known, ...made.rows.map((r) => r.model.name)])].sort());
      },
      (error: unknown) => {
        if (given.signal.aborted) return;
        done();
        expectRefusal(error);
        if (error instanceof Problem && error.status === 401) store.phase.value = "signed-out";
        const away = error instanceof Unreachable || error.retryable;
        setTrouble({ text: error.message, away });
        if (away) retry = setTimeout(again, RETRY_MS);
      },
    );
    return () => {
      given.abort();
      clearInterval(tick);
      clearTimeout(retry);
    };
  }, [store, filter, turn, again]);
  return { report, trouble, waiting, models, again };
}

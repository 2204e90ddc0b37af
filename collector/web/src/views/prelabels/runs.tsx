/** Running a model again over captures that are here: how far each run is; start, pause, resume and cancel one. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, expectRefusal } from "../../api/client";
import type { PrelabelRun, RunsReply } from "../../api/types";
import { askedSentence, finishedCount, isGoing, paceSentence, runSentence, runState, runVerbs } from "../../model/runs";
import { when } from "../../model/quality";
import type { Store } from "../../state/store";
import { Confirm } from "../confirm";
import { type Pause, useRefreshed } from "../userefreshed";
import { StartRun } from "./startrun";

const REFRESH_MS = 2_000;

const pause: Pause<RunsReply> = (newest) => (newest === null || newest.runs.some(isGoing) ? REFRESH_MS : null);

interface RunsProps {
  store: Store;
  models: readonly string[];
  /** The last one that was going has ended. */
  onFinished(): void;
}

export function Runs({ store, models, onFinished }: RunsProps): preact.JSX.Element {
  const { value, trouble, refresh } = useRefreshed(store, api.prelabelRuns, pause);
  const runs = value?.runs ?? null;
  const wasGoing = useRef(false);
  useEffect(() => {
    if (value === null) return;
    const going = value.runs.some(isGoing);
    if (wasGoing.current && !going) onFinished();
    wasGoing.current = going;
  }, [value, onFinished]);
  const [cancelling, setCancelling] = useState<PrelabelRun | null>(null);
  const known = [...new Set([...models, ...(runs ?? []).map((r) => r.model)])].sort();
  return (
    <section class="lead-card runs" aria-label="Run a model again">
      <h2 class="big">Run a model again</h2>
      <p class="note">
        A new model labels captures that are already here. Items that nobody has opened show the new pre-labels. Other
        items keep theirs, and the new ones count in the report above.
      </p>
      <StartRun models={known} onStarted={refresh} />
      {trouble && (
        <p class="caveat" role="alert">
          {trouble} The progress of the runs is unknown. This page tries again automatically.
        </p>
      )}
      {runs?.length === 0 && <p class="note">No re-runs yet.</p>}
      {runs === null && !trouble && (
        <p class="note" role="status">
          Loading the runs.
        </p>
      )}
      <ol class="run-list">
        {(runs ?? []).map((run) => (
          <Run key={run.id} run={run} onCancel={() => setCancelling(run)} onChanged={refresh} />
        ))}
      </ol>
      {cancelling && (
        <Confirm
          question={`Cancel this run of ${cancelling.source.name}?`}
          action="Cancel the run"
          refused="The run was not cancelled"
          act={() => api.changeRun(cancelling.id, "cancel")}
          onClose={() => {
            setCancelling(null);
            refresh();
          }}
        >
          {(runs?.find((r) => r.id === cancelling.id) ?? cancelling).waiting.toLocaleString("en")} captures that have not
          begun are left as they are. What is done stays. A cancelled run cannot be resumed.
        </Confirm>
      )}
    </section>
  );
}

const STATES = {
  queued: "waiting for its turn",
  running: "running",
  paused: "paused",
  cancelled: "cancelled",
  failed: "ended with failures",
  done: "done",
} as const;

interface RunProps {
  run: PrelabelRun;
  onCancel(): void;
  onChanged(): void;
}

function Run({ run, onCancel, onChanged }: RunProps): preact.JSX.Element {
  const state = runState(run);
  const pace = paceSentence(run);
  const [trouble, setTrouble] = useState<string | null>(null);
  const change = async (verb: "pause" | "resume"): Promise<void> => {
    setTrouble(null);
    try {
      await api.changeRun(run.id, verb);
    } catch (error) {
      expectRefusal(error);
      setTrouble(error.message);
    }
    onChanged();
  };
  const words = { pause: "Pause", resume: state === "failed" ? "Try again" : "Resume", cancel: "Cancel" } as const;
  return (
    <li class={`run run-${state}`} data-run={run.id} data-state={state}>
      <div class="run-head">
        <b>{run.source.name}</b>
        <span class="note">
          {run.source.version} · {askedSentence(run.asked)} · {when(run.created_at)}
        </span>
        <span class="run-state">{STATES[state]}</span>
        {runVerbs(run).map((verb) => (
          <button
            key={verb}
            type="button"
            aria-label={`${words[verb]}: the run of ${run.source.name}`}
            onClick={() => (verb === "cancel" ? onCancel() : void change(verb))}
          >
            {words[verb]}
          </button>
        ))}
      </div>
      <progress
        max={run.counted ? Math.max(1, run.captures) : undefined}
        value={run.counted ? (run.captures ? finishedCount(run) : 1) : undefined}
        aria-label={`${run.source.name}: finished captures`}
        aria-valuetext={runSentence(run)}
      />
      <p>
        {runSentence(run)}
        {pace && <span class="note"> · {pace}</span>}
      </p>
      {run.problem && (
        <p class="caveat">
          {run.failed > 0 && state !== "paused" ? "First failure: " : ""}
          {run.problem}
        </p>
      )}
      {trouble && (
        <p class="caveat" role="alert">
          The run was not changed: {trouble}
        </p>
      )}
    </li>
  );
}

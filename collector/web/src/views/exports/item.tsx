/** One export: how far it is or what is in it, and what can be done with it. */
import { useState } from "preact/hooks";
import { api, archiveUrl, expectRefusal } from "../../api/client";
import type { ExportRun } from "../../api/types";
import {
  askedWords,
  exportPace,
  exportSentence,
  exportShare,
  exportState,
  exportVerbs,
  isGoing,
  type ExportState,
  type ExportVerb,
} from "../../model/exports";
import { plural, when } from "../../model/quality";
import { Confirm } from "../confirm";

const STATES: Record<ExportState, string> = {
  queued: "● waiting for its turn",
  running: "● running",
  paused: "‖ paused",
  stopped: "▲ stopped",
  done: "✓ done",
  outdated: "▲ not given out any more",
  cancelled: "✕ cancelled",
  deleted: "✕ deleted",
  expired: "✕ removed, its time was over",
};

interface ItemProps {
  run: ExportRun;
  onChanged(): void;
}

export function ExportItem({ run, onChanged }: ItemProps): preact.JSX.Element {
  const state = exportState(run);
  const pace = exportPace(run);
  const share = exportShare(run);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [asking, setAsking] = useState<"cancel" | "delete" | null>(null);
  const act = async (verb: "pause" | "resume" | "again"): Promise<void> => {
    setTrouble(null);
    try {
      await (verb === "again" ? api.startExport(run.asked) : api.changeExport(run.id, verb));
    } catch (error) {
      expectRefusal(error);
      setTrouble(error.message);
    }
    onChanged();
  };
  const choose = (verb: Exclude<ExportVerb, "download">): void => {
    if (verb === "cancel" || verb === "delete") setAsking(verb);
    else void act(verb);
  };
  return (
    <li class={`run run-${state}`} data-export={run.id} data-state={state}>
      <div class="run-head">
        <b>{run.asked.study ?? "every study"}</b>
        <span class="note">
          {askedWords(run.asked)} · {when(run.created_at)}, {run.by ?? "by a command"}
        </span>
        <span class="run-state">{STATES[state]}</span>
        <Verbs run={run} state={state} onChoose={choose} />
      </div>
      {(run.state === "running" || (share !== null && (isGoing(run) || run.state === "paused"))) && (
        <progress
          max={1}
          value={share ?? undefined}
          aria-label={`${run.name}: how much is done`}
          aria-valuetext={exportSentence(run)}
        />
      )}
      <p>
        {exportSentence(run)}
        {pace && <span class="note"> · {pace}</span>}
      </p>
      <Facts run={run} />
      {run.problem && <p class="caveat">{run.problem}</p>}
      {state === "outdated" && (
        <p class="caveat">
          It holds recordings of {plural(run.ended_sessions, "session")} that their consent no longer covers. Start it
          again: the new export leaves them out. Then delete this one, and every copy that was downloaded.
        </p>
      )}
      {trouble && (
        <p class="caveat" role="alert">
          Nothing was changed: {trouble}
        </p>
      )}
      {asking && <Question run={run} verb={asking} onClose={() => (setAsking(null), onChanged())} />}
    </li>
  );
}

interface VerbsProps {
  run: ExportRun;
  state: ExportState;
  onChoose(verb: Exclude<ExportVerb, "download">): void;
}

function Verbs({ run, state, onChoose }: VerbsProps): preact.JSX.Element {
  const words = {
    pause: "Pause",
    resume: state === "stopped" ? "Try again" : "Resume",
    cancel: "Cancel",
    delete: "Delete",
    again: "Start again",
  } as const;
  return (
    <span class="run-verbs">
      {exportVerbs(run).map((verb) =>
        verb === "download" ? (
          <a key={verb} class="button primary" href={archiveUrl(run.id)} download={run.name} aria-label={`Download ${run.name}`}>
            Download
          </a>
        ) : (
          <button key={verb} type="button" aria-label={`${words[verb]}: ${run.name}`} onClick={() => onChoose(verb)}>
            {words[verb]}
          </button>
        ),
      )}
    </span>
  );
}

/** What somebody who has it should know: notes on what is in it, who has a copy, how long it stays. */
function Facts({ run }: { run: ExportRun }): preact.JSX.Element | null {
  const facts = [...run.notes];
  if (run.downloads > 0 && run.downloaded_at) {
    facts.push(`Downloaded ${run.downloads === 1 ? "once" : `${run.downloads} times`}, last on ${when(run.downloaded_at)}.`);
  }
  if (run.state === "done") {
    facts.push(run.kept_until ? `It is kept until ${when(run.kept_until)}.` : "It is kept until somebody deletes it.");
  }
  return facts.length > 0 ? <p class="note">{facts.join(" ")}</p> : null;
}

interface QuestionProps {
  run: ExportRun;
  verb: "cancel" | "delete";
  onClose(): void;
}

function Question({ run, verb, onClose }: QuestionProps): preact.JSX.Element {
  return verb === "cancel" ? (
    <Confirm
      question={`Cancel the export ${run.name}?`}
      action="Cancel the export"
      refused="The export was not cancelled"
      act={() => api.changeExport(run.id, "cancel")}
      onClose={onClose}
    >
      What is made of it is deleted. A paused export keeps it and continues later.
    </Confirm>
  ) : (
    <Confirm
      question={`Delete the export ${run.name}?`}
      action="Delete the export"
      refused="The export was not deleted"
      act={() => api.deleteExport(run.id)}
      onClose={onClose}
    >
      Nobody can download it any more. Copies that were downloaded stay where they are, and the ground truth itself stays
      in the collector.
    </Confirm>
  );
}

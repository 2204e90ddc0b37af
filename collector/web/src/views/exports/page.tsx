/** Exports, for leads: start one, follow it, download it. */
import "../../ui/prelabels.css";
import "../../ui/exports.css";
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { ExportRun } from "../../api/types";
import { isGoing } from "../../model/exports";
import type { Store } from "../../state/store";
import { LeadTop } from "../leadtop";
import { useRefreshed } from "../userefreshed";
import { ExportItem } from "./item";
import { StartExport } from "./startexport";

const GOING_MS = 1_000;
const RESTING_MS = 15_000;

export function ExportsPage({ store }: { store: Store }): preact.JSX.Element {
  const [everyMs, setEveryMs] = useState(RESTING_MS);
  const { value, trouble, refresh } = useRefreshed(store, api.exports, everyMs);
  const exports: readonly ExportRun[] = value?.exports ?? [];
  const wanted = exports.some(isGoing) ? GOING_MS : RESTING_MS;
  if (value && wanted !== everyMs) setEveryMs(wanted);
  return (
    <main class="lead" data-state="exports">
      <LeadTop title="Exports" page="/exports" />
      <section class="lead-card" aria-labelledby="start-export">
        <h2 id="start-export" class="big">
          Export ground truth
        </h2>
        <p class="note">
          The newest answer of each item that somebody has submitted, as one archive to download. It names nobody, and
          leaves out recordings whose consent has ended. The collector makes one export after the other, and people at
          work have the machine first.
        </p>
        <StartExport onStarted={refresh} />
      </section>
      <section class="lead-card" aria-labelledby="exports">
        <h2 id="exports" class="big">
          Exports
        </h2>
        {trouble && (
          <p class="caveat" role="alert">
            {trouble} What is below is the last that was received. This page tries again automatically.
          </p>
        )}
        {!value && !trouble && (
          <p class="note" role="status">
            Loading the exports.
          </p>
        )}
        {value && exports.length === 0 && <p class="note">No exports yet.</p>}
        <ol class="run-list">
          {exports.map((run) => (
            <ExportItem key={run.id} run={run} onChanged={refresh} />
          ))}
        </ol>
      </section>
    </main>
  );
}

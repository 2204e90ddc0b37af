/** Exports, for leads: start one, follow it, download it. */
import "../../ui/prelabels.css";
import "../../ui/exports.css";
import { api } from "../../api/client";
import type { ExportRun, ExportsReply } from "../../api/types";
import { isGoing } from "../../model/exports";
import type { Store } from "../../state/store";
import { LeadCard, OLD_VALUE } from "../leadcard";
import { LeadTop } from "../leadtop";
import { type Pause, useRefreshed } from "../userefreshed";
import { ExportItem } from "./item";
import { StartExport } from "./startexport";

const GOING_MS = 1_000;
const RESTING_MS = 15_000;

const pause: Pause<ExportsReply> = (newest) => (newest?.exports.some(isGoing) ? GOING_MS : RESTING_MS);

export function ExportsPage({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble, refresh } = useRefreshed(store, api.exports, pause);
  const exports: readonly ExportRun[] = value?.exports ?? [];
  return (
    <main class="lead" data-state="exports">
      <LeadTop title="Exports" page="/exports" />
      <LeadCard id="start-export" title="Export ground truth">
        <p class="note">
          The newest answer of each item that somebody has submitted, as one archive to download. It names nobody, and
          leaves out recordings whose consent has ended. The collector makes one export after the other, and people at
          work have the machine first.
        </p>
        <StartExport onStarted={refresh} />
      </LeadCard>
      <LeadCard id="exports" title="Exports" trouble={trouble && `${trouble} ${OLD_VALUE}`}>
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
      </LeadCard>
    </main>
  );
}

/** The installation, for whoever runs it: what is wrong and what to do, devices, people, failed jobs, storage. */
import "../../ui/prelabels.css";
import "../../ui/installation.css";
import type { Overview } from "../../api/types";
import { ago, size, span } from "../../model/installation";
import { api } from "../../api/client";
import type { Store } from "../../state/store";
import { LeadCard, OLD_VALUE } from "../leadcard";
import { LeadTop } from "../leadtop";
import { Conflicts } from "./conflicts";
import { Devices } from "./devices";
import { FailedJobList } from "./failedjobs";
import { People } from "./people";
import { StorageTable } from "./storage";
import { useRefreshed, type Refreshed } from "../userefreshed";

const EVERY_MS = 10_000;

export function InstallationPage({ store }: { store: Store }): preact.JSX.Element {
  const overview = useRefreshed(store, api.overview, EVERY_MS);
  return (
    <main class="lead" data-state="installation">
      <LeadTop
        title="Installation"
        page="/installation"
        leave={store.me.role === "admin" ? () => store.askToLeave() : undefined}
      />
      <WhatToDo overview={overview} />
      <FailedJobList store={store} onChanged={overview.refresh} />
      <Devices store={store} />
      <People store={store} />
      <Conflicts store={store} />
      <StorageTable store={store} />
    </main>
  );
}

function WhatToDo({ overview }: { overview: Refreshed<Overview> }): preact.JSX.Element {
  const found = overview.value;
  return (
    <LeadCard id="what-to-do" title="What to do" trouble={overview.trouble && `${overview.trouble} ${OLD_VALUE}`}>
      {!found && !overview.trouble && (
        <p class="note" role="status">
          Looking at the installation.
        </p>
      )}
      {found && found.advice.length === 0 && <p class="all-well">✓ Nothing needs you now.</p>}
      {found && found.advice.length > 0 && (
        <ol class="advice">
          {found.advice.map((one) => (
            <li key={one.what} class={`advice-${one.urgency}`}>
              <span class="advice-when">{one.urgency === "now" ? "▲ now" : "● soon"}</span>
              <span>
                <b>{one.what}</b> <WithCommands text={one.todo} />
              </span>
            </li>
          ))}
        </ol>
      )}
      {found && <Facts found={found} />}
    </LeadCard>
  );
}

/** A sentence of the collector: what stands between backticks is a command. */
function WithCommands({ text }: { text: string }): preact.JSX.Element {
  return <>{text.split("`").map((piece, n) => (n % 2 === 1 ? <code key={n}>{piece}</code> : piece))}</>;
}

function Facts({ found }: { found: Overview }): preact.JSX.Element {
  const now = Date.parse(found.at);
  const facts: [string, string][] = [
    ["version", found.version],
    ["last backup", found.backup_at ? ago(found.backup_at, now) : "none yet"],
    [`database, ${found.engine}`, size(found.database_bytes)],
    ...(found.log_bytes > 0 ? ([["write-ahead log", size(found.log_bytes)]] as [string, string][]) : []),
    ["uploads under way", found.uploads.toLocaleString("en")],
    ["jobs waiting", found.jobs_waiting.toLocaleString("en")],
    ["oldest job waits", found.jobs_waiting ? (span(found.queue_seconds) ?? "under a minute") : "none"],
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([what, value]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <ul class="disks" aria-label="Disks">
        {found.disks.map((disk) => {
          const used = disk.bytes - disk.free_bytes;
          return (
            <li key={disk.folder}>
              <span>
                folder <b>{disk.folder}</b>: {size(disk.free_bytes)} of {size(disk.bytes)} free
              </span>
              <meter
                aria-label={`Disk of the folder ${disk.folder}: share in use`}
                min={0}
                max={1}
                low={0.85}
                high={0.95}
                optimum={0.5}
                value={disk.bytes > 0 ? used / disk.bytes : 0}
              />
            </li>
          );
        })}
      </ul>
    </>
  );
}

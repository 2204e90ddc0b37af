/** Work that was given up after five attempts, with its reasons, and trying it again. */
import { useState } from "preact/hooks";
import { api, expectRefusal } from "../../api/client";
import { kindsOf, workOf } from "../../model/installation";
import { when } from "../../model/quality";
import type { Store } from "../../state/store";
import { useRefreshed } from "../userefreshed";
import { LeadCard, LeadTable } from "../leadcard";

const EVERY_MS = 10_000;

export function FailedJobList({ store, onChanged }: { store: Store; onChanged(): void }): preact.JSX.Element {
  const { value, trouble, refresh } = useRefreshed(store, api.failedJobs, EVERY_MS);
  const [said, setSaid] = useState<string | null>(null);
  const again = async (kind: string, key: string | null): Promise<void> => {
    try {
      const { started } = await api.tryAgain(kind, key);
      setSaid(`${started.toLocaleString("en")} ${started === 1 ? "job waits" : "jobs wait"} again.`);
    } catch (error) {
      expectRefusal(error);
      setSaid(error.message);
    }
    refresh();
    onChanged();
  };
  const jobs = value?.jobs ?? [];
  return (
    <LeadCard id="failed-jobs" title="Failed jobs" trouble={trouble}>
      <p class="note told" role="status">
        {said ?? (value && jobs.length === 0 ? "None. A job is given up after five attempts." : "")}
      </p>
      {jobs.length > 0 && (
        <>
          <p class="actions">
            {kindsOf(jobs).map(([kind]) => (
              <button key={kind} type="button" onClick={() => void again(kind, null)}>
                Try all again: {workOf(kind)}
              </button>
            ))}
          </p>
          <LeadTable name="Table of failed jobs" columns={["work", "of", "why", "when"]} acts>
            {jobs.map((job) => (
              <tr key={job.id}>
                <th scope="row">{workOf(job.kind)}</th>
                <td>
                  <code>{job.key}</code>
                </td>
                <td class="why">{job.error ?? "no reason was recorded"}</td>
                <td>{job.failed_at ? when(job.failed_at) : "not recorded"}</td>
                <td>
                  <button
                    type="button"
                    aria-label={`Try again: ${workOf(job.kind)}, ${job.key}`}
                    onClick={() => void again(job.kind, job.key)}
                  >
                    Try again
                  </button>
                </td>
              </tr>
            ))}
          </LeadTable>
          {value?.next != null && <p class="note">Older ones follow when these are done.</p>}
        </>
      )}
    </LeadCard>
  );
}

/** What people made of the pre-labels: first what costs them time, then each model. */
import type { PrelabelReport } from "../../api/types";
import { partsOf, plural, when } from "../../model/quality";
import { Model } from "./model";
import type { ReportView } from "./usereport";

interface ReportProps {
  view: ReportView;
  filtered: boolean;
  onEverything(): void;
}

export function Report({ view, filtered, onEverything }: ReportProps): preact.JSX.Element {
  const { report, trouble, waiting, again } = view;
  return (
    <section class="report" aria-label="How good the pre-labels are" aria-busy={waiting !== null}>
      {trouble && <Trouble text={trouble.text} away={trouble.away} again={again} old={report !== null} />}
      {waiting !== null && <Waiting seconds={waiting} first={report === null} />}
      {report && report.items === 0 && <Empty filtered={filtered} onEverything={onEverything} />}
      {report && report.items > 0 && <Filled report={report} again={again} busy={waiting !== null} />}
    </section>
  );
}

function Waiting({ seconds, first }: { seconds: number; first: boolean }): preact.JSX.Element | null {
  if (!first && seconds < 1) return null;
  return (
    <div class="waiting" role="status">
      <progress aria-label="Building the report" />
      <p>
        {seconds < 2
          ? "Comparing pre-labels with reviews …"
          : `Building the report … ${seconds} s. Thousands of items take a minute or two; you can leave this page open.`}
      </p>
    </div>
  );
}

function Trouble({
  text,
  away,
  again,
  old,
}: {
  text: string;
  away: boolean;
  again(): void;
  old: boolean;
}): preact.JSX.Element {
  return (
    <div class="note-box" role="alert">
      <p>
        <strong>{text}</strong> {old && "The numbers below are the last ones received. "}
        {away && "This page tries again every few seconds."}
      </p>
      <button type="button" onClick={again}>
        Try now
      </button>
    </div>
  );
}

function Empty({ filtered, onEverything }: { filtered: boolean; onEverything(): void }): preact.JSX.Element {
  return (
    <div class="lead-card empty">
      <h2 class="big">{filtered ? "No matching reviews" : "No pre-label has been reviewed yet"}</h2>
      <p>
        {filtered
          ? "No accepted review matches this study, model and day."
          : "As soon as the first reviews come in, this page shows how many of each model's pre-labels people accepted" +
            " unchanged, what they changed, and which names cost more time than they save."}
      </p>
      {filtered && (
        <p>
          <button type="button" onClick={onEverything}>
            Show everything
          </button>
        </p>
      )}
    </div>
  );
}

function Filled({ report, again, busy }: { report: PrelabelReport; again(): void; busy: boolean }): preact.JSX.Element {
  const parts = partsOf(report);
  return (
    <div class={busy ? "report-old" : ""}>
      <div class="report-head">
        <p>
          {plural(report.items, "reviewed capture")} with pre-labels, {report.random_items} of them from the random sample
          {report.unseen_items > 0 && <>, {report.unseen_items} without seeing these pre-labels</>}
          {report.blind_items > 0 && <> (of which {report.blind_items} by chance and without any)</>}. Counted{" "}
          {when(report.made_at)}.
        </p>
        <span class="actions">
          <button type="button" onClick={again} disabled={busy}>
            Build again
          </button>
          <button type="button" onClick={() => download(report)}>
            Download JSON
          </button>
        </span>
      </div>
      <Costs report={report} />
      {parts.map((part) => (
        <Model key={part.key} part={part} report={report} />
      ))}
    </div>
  );
}

/** What costs people time comes first, marked in words; the colour only underlines it. */
function Costs({ report }: { report: PrelabelReport }): preact.JSX.Element {
  const { costs_time: costs, classes } = report;
  const saves = classes.filter((c) => c.saved_seconds_per_100 >= 0);
  return (
    <section class="lead-card costs" aria-label="What pre-labels cost and save">
      {costs.length > 0 && (
        <>
          <h2 class="big">These pre-labels cost time</h2>
          <ul>
            {costs.map((c) => (
              <li key={`${c.model.name}/${c.kind}/${c.label}`} class="costs-row">
                <b class="costs-word">▲ costs time</b> <span>{c.text}</span>
              </li>
            ))}
          </ul>
          <p class="note">
            What helps: a higher <code>score</code> under <code>[thresholds]</code> in the model's <code>model.toml</code>,
            or another model. Run it again below and check here after more reviews.
          </p>
        </>
      )}
      {costs.length === 0 && classes.length > 0 && <h2 class="big">No pre-label costs time</h2>}
      {classes.length === 0 && (
        <p>
          There are too few pre-labels to show whether they save time. 20 per name are enough.
        </p>
      )}
      {saves.length > 0 && (
        <details open={costs.length === 0}>
          <summary>What saves time ({saves.length})</summary>
          <ul>
            {saves
              .slice()
              .reverse()
              .map((c) => (
                <li key={`${c.model.name}/${c.kind}/${c.label}`}>{c.text}</li>
              ))}
          </ul>
        </details>
      )}
      <Seconds report={report} />
    </section>
  );
}

function Seconds({ report }: { report: PrelabelReport }): preact.JSX.Element | null {
  if (report.unit_costs.length === 0) return null;
  return (
    <details>
      <summary>How the seconds are counted</summary>
      <p class="note">
        A pre-label saves the time to make a label and costs the time spent on changing it. From 200 reviews per kind the
        times are measured from the active time; until then they are typical values.
      </p>
      <div class="table-room" tabIndex={0} role="region" aria-label="Seconds per act">
        <table>
          <thead>
            <tr>
              {["kind", "accept", "move", "edit", "relabel", "delete", "make"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col">measured</th>
            </tr>
          </thead>
          <tbody>
            {report.unit_costs.map((c) => (
              <tr key={c.kind}>
                <th scope="row">{c.kind}</th>
                {[c.accept, c.move, c.edit, c.relabel, c.delete, c.draw].map((s, index) => (
                  <td key={index}>{s.toFixed(1)} s</td>
                ))}
                <td>{c.fitted?.length ? `${c.fitted.join(", ")} (${c.revisions} reviews)` : "typical values"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** The same report as the page shows, as a file. */
function download(report: PrelabelReport): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `prelabels-${report.made_at.slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

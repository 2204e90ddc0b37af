/** Today in numbers, for leads: what `gleaner collector report today` shows, and what was set aside. */
import { api } from "../api/client";
import type { SetAside, TodayReport } from "../api/types";
import type { Store } from "../state/store";
import { LEAD_PAGES, REVIEW, addressOf } from "./leadpages";
import { SetAsideLists } from "./setaside";
import { useRefreshed } from "./userefreshed";

const EVERY_MS = 10_000;

async function askToday(): Promise<{ report: TodayReport; aside: SetAside }> {
  const [report, aside] = await Promise.all([api.today(), api.setAside()]);
  return { report, aside };
}

export function Today({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble } = useRefreshed(store, askToday, EVERY_MS);
  return (
    <main class="card-page" data-state="today">
      <section class="card card-wide">
        <h1>Today{value ? `, ${value.report.day}` : ""}</h1>
        {trouble && (
          <p class="caveat" role="alert">
            {trouble} The numbers below are the last ones received.
          </p>
        )}
        {value && <Numbers report={value.report} />}
        {value && <SetAsideLists store={store} found={value.aside} />}
        <p class="actions">
          {[REVIEW, ...LEAD_PAGES]
            .filter(({ path }) => path !== "/today")
            .map((page) => (
              <a key={page.path} class="button" href={addressOf(page)}>
                {page.title}
              </a>
            ))}
        </p>
      </section>
    </main>
  );
}

function Numbers({ report }: { report: TodayReport }): preact.JSX.Element {
  const facts: [string, number][] = [
    ["takes", report.takes],
    ["captures", report.captures],
    ["uploading", report.uploads_pending],
    ["items done", report.tasks.done],
    ["items open", report.tasks.open],
    ["items skipped", report.tasks.skipped],
  ];
  return (
    <>
      <dl class="numbers">
        {facts.map(([what, count]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{count}</dd>
          </div>
        ))}
      </dl>
      <div class="people" tabIndex={0} role="region" aria-label="People">
      <table>
        <thead>
          <tr>
            <th scope="col">person</th>
            <th scope="col">done</th>
            <th scope="col">open</th>
            <th scope="col">active minutes</th>
          </tr>
        </thead>
        <tbody>
          {report.people.length === 0 && (
            <tr>
              <td colSpan={4}>No reviews yet today.</td>
            </tr>
          )}
          {report.people.map((p) => (
            <tr key={p.name}>
              <th scope="row">{p.name}</th>
              <td>{p.done}</td>
              <td>{p.open}</td>
              <td>{p.minutes.toFixed(1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      </div>
    </>
  );
}

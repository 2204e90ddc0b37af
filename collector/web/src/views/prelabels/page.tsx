/** Pre-labels, for leads: how good they are, and running a model again over what is here. */
import "../../ui/prelabels.css";
import { useState } from "preact/hooks";
import type { Store } from "../../state/store";
import { nextTheme, theme } from "../../ui/theme";
import { Filters } from "./filters";
import { Report } from "./report";
import { Runs } from "./runs";
import { filterOf, useReport, writeHash, type Filter } from "./usereport";

export function PreLabels({ store }: { store: Store }): preact.JSX.Element {
  const [filter, setFilter] = useState<Filter>(filterOf(location.hash));
  const report = useReport(store, filter);
  const choose = (next: Filter): void => {
    writeHash(next);
    setFilter(next);
  };
  return (
    <main class="lead" data-state="prelabels">
      <header class="lead-top">
        <h1>Pre-labels</h1>
        <nav aria-label="Other pages">
          <a class="button" href={location.pathname === "/" ? "#" : "/"}>
            review
          </a>
          <a class="button" href={location.pathname === "/today" ? "#" : "#today"}>
            today
          </a>
          <a class="button" href={location.pathname === "/installation" ? "#" : "#installation"}>
            installation
          </a>
          <button
            type="button"
            aria-label={`Theme: ${theme.value}`}
            title={`Theme: ${theme.value}`}
            onClick={() => void nextTheme()}
          >
            ◐
          </button>
        </nav>
      </header>
      <Filters filter={filter} models={report.models} onChoose={choose} />
      <Report view={report} filtered={Object.keys(filter).length > 0} onEverything={() => choose({})} />
      <Runs store={store} models={report.models} onFinished={report.again} />
    </main>
  );
}

/** Pre-labels, for leads: how good they are, and running a model again over what is here. */
import "../../ui/prelabels.css";
import { useState } from "preact/hooks";
import type { Store } from "../../state/store";
import { LeadTop } from "../leadtop";
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
      <LeadTop title="Pre-labels" page="/prelabels" />
      <Filters filter={filter} models={report.models} onChoose={choose} />
      <Report view={report} filtered={Object.keys(filter).length > 0} onEverything={() => choose({})} />
      <Runs store={store} models={report.models} onFinished={report.again} />
    </main>
  );
}

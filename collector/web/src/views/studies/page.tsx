/** The studies and what is set for each, for leads: media links, the share of items without pre-labels, versions. */
import "../../ui/prelabels.css";
import "../../ui/studies.css";
import { api } from "../../api/client";
import type { StudyRow } from "../../api/types";
import { when } from "../../model/quality";
import type { Store } from "../../state/store";
import { LeadCard, OLD_VALUE } from "../leadcard";
import { LeadTop } from "../leadtop";
import { useRefreshed } from "../userefreshed";
import { ControlShare } from "./controlshare";
import { MediaLinks } from "./medialinks";
import { Versions } from "./versions";

const EVERY_MS = 30_000;

export function StudiesPage({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble, refresh } = useRefreshed(store, api.studies, EVERY_MS);
  return (
    <main class="lead" data-state="studies">
      <LeadTop title="Studies" page="/studies" />
      {(trouble || !value || value.studies.length === 0) && (
        <LeadCard id="studies" title="Studies" trouble={trouble && (value ? `${trouble} ${OLD_VALUE}` : trouble)}>
          {!value && !trouble && (
            <p class="note" role="status">
              Loading the studies.
            </p>
          )}
          {value?.studies.length === 0 && (
            <p class="note">No study yet. The first session of one makes it, from the script that was recorded.</p>
          )}
        </LeadCard>
      )}
      {value?.studies.map((study) => (
        <Settings key={study.id} study={study} linksFrom={value.links_from ?? null} onChanged={refresh} />
      ))}
    </main>
  );
}

interface SettingsProps {
  study: StudyRow;
  linksFrom: string | null;
  onChanged(): void;
}

function Settings({ study, linksFrom, onChanged }: SettingsProps): preact.JSX.Element {
  return (
    <LeadCard id={`study-${study.id}`} title={study.id}>
      <p class="note">here since {when(study.created_at)}</p>
      <MediaLinks study={study} linksFrom={linksFrom} onChanged={onChanged} />
      <ControlShare study={study} onChanged={onChanged} />
      <Versions study={study.id} />
    </LeadCard>
  );
}

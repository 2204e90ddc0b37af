/** Whether people get media of a study from the S3 server by links. Allowing it is asked about; ending it is not. */
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { StudyRow } from "../../api/types";
import { Confirm } from "../confirm";
import { useChange } from "./usechange";

interface MediaLinksProps {
  study: StudyRow;
  /** Where links of this collector lead; null: it gives none. */
  linksFrom: string | null;
  onChanged(): void;
}

export function MediaLinks({ study, linksFrom, onChanged }: MediaLinksProps): preact.JSX.Element {
  const [asking, setAsking] = useState(false);
  const { said, setSaid, change } = useChange(study.id, onChanged);
  return (
    <section class="study-setting" aria-label={`Media links of ${study.id}`} data-links={study.media_links}>
      <h3>Media links</h3>
      <p>
        <b>{study.media_links ? "✓ allowed" : "✕ not allowed"}</b> <span>{whereFrom(study.media_links, linksFrom)}</span>
      </p>
      <p>
        <button
          type="button"
          aria-label={`${study.media_links ? "End links" : "Allow links"}: ${study.id}`}
          onClick={() => {
            setSaid("");
            if (study.media_links) void change({ media_links: false }, () => "Links that were given end within a minute.");
            else setAsking(true);
          }}
        >
          {study.media_links ? "End links" : "Allow links"}
        </button>{" "}
        <span class="note" role="status">
          {said}
        </span>
      </p>
      {asking && (
        <Confirm
          question={`Allow media links for ${study.id}?`}
          action="Allow links"
          refused="Links were not allowed"
          act={() => api.changeStudy(study.id, { media_links: true })}
          onClose={() => {
            setAsking(false);
            onChanged();
          }}
        >
          Recordings of this study then come from the S3 server by addresses that work for one minute. Whoever has such
          an address can open that recording within the minute, without signing in. The collector gives them only to
          people who may see the recording, and records each before it is given.
        </Confirm>
      )}
    </section>
  );
}

function whereFrom(isAllowed: boolean, linksFrom: string | null): string {
  if (!isAllowed) return "Recordings come through the collector, which checks who asks each time.";
  if (linksFrom) return `Recordings come by links that work for a minute, from ${linksFrom}.`;
  return "This collector gives none at present: its setting link_endpoint names no S3 server.";
}

/** What the scripts of a study said: words, instructions and consent text of each version, asked for when opened. */
import { useState } from "preact/hooks";
import { api, expectRefusal } from "../../api/client";
import type { StudyDetail, StudyVersion } from "../../api/types";
import { plural, when } from "../../model/quality";

export function Versions({ study }: { study: string }): preact.JSX.Element {
  const [found, setFound] = useState<StudyDetail | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const load = async (): Promise<void> => {
    setTrouble(null);
    try {
      setFound(await api.study(study));
    } catch (error) {
      expectRefusal(error);
      setTrouble(error.message);
    }
  };
  return (
    <details
      class="study-setting study-versions"
      onToggle={(event) => {
        if (event.currentTarget.open) void load();
      }}
    >
      <summary>Words, instructions and consent text of {study}</summary>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
      {!found && !trouble && (
        <p class="note" role="status">
          Loading the versions.
        </p>
      )}
      {found && (
        <p class="note">
          {plural(found.versions.length, "version")}. They come from the scripts of sessions: to change one, change the
          script, raise its version, and record with it.
        </p>
      )}
      {found?.versions.map((version) => <Version key={version.number} version={version} />)}
    </details>
  );
}

function Version({ version }: { version: StudyVersion }): preact.JSX.Element {
  return (
    <section class="study-version">
      <h4>
        Version {version.number} <span class="note">since {when(version.made_at)}</span>
      </h4>
      <dl>
        {Object.entries(version.label_schema).map(([type, words]) => (
          <div key={type}>
            <dt>{type}</dt>
            <dd>
              {words.length > 0 ? words.join(", ") : "any word"}
              {version.instructions
                .filter((one) => one.type === type)
                .map((one) => (
                  <p key={one.sha256} class="note">
                    {one.text}
                  </p>
                ))}
            </dd>
          </div>
        ))}
        <div>
          <dt>consent</dt>
          <dd class="study-consent">{version.consent_text ?? "Its text is not here: the device sends no scripts."}</dd>
        </div>
      </dl>
    </section>
  );
}

/** Captures that came with two manifests: what differs, and what to do about it. */
import { api } from "../../api/client";
import type { ManifestConflict } from "../../api/types";
import { differences } from "../../model/installation";
import { when } from "../../model/quality";
import type { Store } from "../../state/store";
import { useRefreshed } from "../userefreshed";
import { LeadCard, LeadTable } from "../leadcard";

const EVERY_MS = 60_000;

export function Conflicts({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble } = useRefreshed(store, api.manifestConflicts, EVERY_MS);
  const conflicts = value?.conflicts ?? [];
  return (
    <LeadCard id="conflicts" title="Manifest conflicts" trouble={trouble}>
      {value && conflicts.length === 0 && (
        <p class="note">None. A conflict is a capture that came a second time, with another manifest.</p>
      )}
      {conflicts.length > 0 && (
        <p class="note">
          The manifest that came first rules, and its recording is used. The device keeps the other one in the folder{" "}
          <code>aside</code> of its spool. Two devices in one row, or other bytes of the media: ask an engineer whether
          a device's storage was copied. Otherwise the recording is safe, and nothing has to be done.
        </p>
      )}
      <ol class="run-list">
        {conflicts.map((one) => (
          <Conflict key={one.id} one={one} />
        ))}
      </ol>
      {value?.next != null && <p class="note">GET /api/manifest-conflicts has older ones.</p>}
    </LeadCard>
  );
}

function Conflict({ one }: { one: ManifestConflict }): preact.JSX.Element {
  const rows = differences(one.kept_manifest, one.manifest);
  return (
    <li class="run">
      <h3>
        <code>{one.capture}</code>
      </h3>
      <p class="note">
        The one that rules came from <code>{one.kept_device}</code> on {when(one.kept_received_at)}, the other from{" "}
        <code>{one.device}</code> on {when(one.received_at)}.
      </p>
      <LeadTable name={`What differs in ${one.capture}`} columns={["member", "rules", "set aside"]}>
        {rows.length === 0 && (
          <tr>
            <td colSpan={3}>Only the writing differs, not the content.</td>
          </tr>
        )}
        {rows.map(([member, kept, other]) => (
          <tr key={member}>
            <th scope="row">{member}</th>
            <td class="why">{kept}</td>
            <td class="why">{other}</td>
          </tr>
        ))}
      </LeadTable>
      <details>
        <summary>Both as they were sent</summary>
        <pre tabIndex={0}>{one.kept_manifest}</pre>
        <pre tabIndex={0}>{one.manifest}</pre>
      </details>
    </li>
  );
}

/** How many bytes each study has. */
import { api } from "../../api/client";
import { ago, size } from "../../model/installation";
import { plural } from "../../model/quality";
import type { Store } from "../../state/store";
import { useRefreshed } from "../userefreshed";
import { LeadCard, LeadTable } from "../leadcard";

const EVERY_MS = 600_000;

export function StorageTable({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble } = useRefreshed(store, api.storage, EVERY_MS);
  return (
    <LeadCard id="storage" title="Storage by study" trouble={trouble}>
      {!value && !trouble && (
        <p class="note" role="status">
          Adding up the bytes of each study.
        </p>
      )}
      {value && (
        <>
          <p class="note">
            Added up {ago(value.at, Date.now())}, at most every ten minutes.{" "}
            {value.exports > 0 &&
              `${plural(value.exports, "export")} on the page Exports ${value.exports === 1 ? "takes" : "take"} ${size(value.export_bytes)} more.`}
          </p>
          <LeadTable name="Table of storage" columns={["study", "captures", "originals", "made from them", "on their way"]} of="numbers">
            {value.studies.length === 0 && (
              <tr>
                <td colSpan={5}>Nothing was received yet.</td>
              </tr>
            )}
            {value.studies.map((row) => (
              <tr key={row.study ?? ""}>
                <th scope="row">{row.study ?? "no session record yet"}</th>
                <td>{row.captures.toLocaleString("en")}</td>
                <td>{size(row.original_bytes)}</td>
                <td>{size(row.derived_bytes)}</td>
                <td>{size(row.staged_bytes)}</td>
              </tr>
            ))}
          </LeadTable>
        </>
      )}
    </LeadCard>
  );
}

/** What waits for a lead: skipped items with their reasons, and work that came after its item had gone to others. */
import { useState } from "preact/hooks";
import { api, expectRefusal } from "../api/client";
import type { LateWork, SetAside, SkippedItem } from "../api/types";
import type { Store } from "../state/store";
import { KINDS } from "../ui/words";

interface Props {
  store: Store;
  found: SetAside;
}

export function SetAsideLists({ store, found }: Props): preact.JSX.Element | null {
  const [trouble, setTrouble] = useState<string | null>(null);
  if (found.skipped.length + found.late.length === 0) return null;
  const open = (task: string, person: string | null): void => {
    setTrouble(null);
    openItem(store, task, person).catch((error: unknown) => {
      expectRefusal(error);
      setTrouble(error.message);
    });
  };
  return (
    <>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
      <List
        title="Skipped items"
        note="Open an item, then submit it, or release it (R) for the next person."
        what="reason"
        who="skipped by"
      >
        {found.skipped.map((item) => (
          <Row key={item.task} item={item} what={item.reason || "no reason given"} at={item.at} open={() => open(item.task, null)} />
        ))}
      </List>
      <List
        title="Work that came too late"
        note="Somebody else had the item when this work was sent. Open it to compare; submitting makes it the ground truth."
        what="labels"
        who="work of"
      >
        {found.late.map((item) => (
          <Row
            key={`${item.task}/${item.person}`}
            item={item}
            what={`${item.labels}`}
            at={item.saved_at}
            open={() => open(item.task, item.person)}
          />
        ))}
      </List>
    </>
  );
}

interface ListProps {
  title: string;
  note: string;
  what: string;
  who: string;
  children: preact.JSX.Element[];
}

/** A titled table of rows that can be opened; nothing without rows. */
function List({ title, note, what, who, children }: ListProps): preact.JSX.Element | null {
  if (children.length === 0) return null;
  return (
    <section class="aside-list">
      <h2>{title}</h2>
      <p class="note">{note}</p>
      <div class="aside-table" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">item</th>
              <th scope="col">{what}</th>
              <th scope="col">{who}</th>
              <th scope="col">at</th>
              <th scope="col">
                <span class="sr-only">open it</span>
              </th>
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  item: SkippedItem | LateWork;
  what: string;
  at: string;
  open(): void;
}

function Row({ item, what, at, open }: RowProps): preact.JSX.Element {
  return (
    <tr>
      <th scope="row">
        {item.study} · {item.step}
        {item.attempt > 1 && ` (attempt ${item.attempt})`} · {KINDS[item.type]}
      </th>
      <td>{what}</td>
      <td>{item.person}</td>
      <td>{new Date(at).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" })}</td>
      <td>
        <button type="button" onClick={open}>
          Open
        </button>
      </td>
    </tr>
  );
}

/** Opens an item for the lead; with a person's late work on it when one is named. */
async function openItem(store: Store, task: string, person: string | null): Promise<void> {
  const drafts = person === null ? [] : (await api.drafts(task)).drafts;
  const late = drafts.find((draft) => draft.person === person && draft.why === "lease-lost");
  await store.openItem(task, late?.documents ?? null);
  if (late) store.notify(`This is the work of ${person}. Press Enter to make it the ground truth.`);
  location.hash = "";
  if (location.pathname === "/today") history.replaceState(null, "", "/#");
}

/** Before signing out: what is only in this browser is sent first. The rest stays here, encrypted, or is deleted. */
import { useEffect, useState } from "preact/hooks";
import type { Store } from "../state/store";
import { Card } from "./states";

type Left = { answers: number; drafts: number } | "sending";

export function Leaving({ store }: { store: Store }): preact.JSX.Element {
  const [left, setLeft] = useState<Left>("sending");
  const send = (): void => {
    setLeft("sending");
    void store.unsent.sendAll().then(setLeft);
  };
  useEffect(send, [store]);
  const nothing = left !== "sending" && left.answers + left.drafts === 0;
  const enter = nothing ? () => void store.leave(false) : left === "sending" ? () => undefined : send;
  return (
    <Card title="Sign out?" name="leaving" keys={{ enter, escape: () => store.stay() }}>
      {left === "sending" && <p role="status">Sending your work …</p>}
      {nothing && (
        <p role="status">
          All your work is at the collector. Signing out deletes what this browser stores of it. To come back you need a new
          link from your lead.
        </p>
      )}
      {left !== "sending" && !nothing && (
        <p class="caveat" role="status">
          {[counted(left.answers, "answer"), counted(left.drafts, "draft")].filter(Boolean).join(" and ")} could not be sent:{" "}
          {store.outbox.trouble.value ?? "the collector does not answer"}. If you sign out, this browser can store them
          encrypted: nobody else can read them, and they are sent when you sign in here again. It deletes drafts after 14 days
          and answers after 90.
        </p>
      )}
      {store.notices.current.value?.kind === "care" && <p class="caveat">{store.notices.current.value.text}</p>}
      <p class="actions">
        {nothing && (
          <button type="button" class="primary" onClick={enter}>
            <kbd>Enter</kbd> sign out
          </button>
        )}
        {left !== "sending" && !nothing && (
          <button type="button" class="primary" onClick={enter}>
            <kbd>Enter</kbd> try again
          </button>
        )}
        <button type="button" onClick={() => store.stay()}>
          <kbd>Esc</kbd> stay signed in
        </button>
        {left !== "sending" && !nothing && (
          <>
            <button type="button" onClick={() => void store.leave(true)}>
              Store them here and sign out
            </button>
            <button type="button" onClick={() => void store.leave(false)}>
              Delete them and sign out
            </button>
          </>
        )}
      </p>
    </Card>
  );
}

const counted = (count: number, what: string): string => (count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`);

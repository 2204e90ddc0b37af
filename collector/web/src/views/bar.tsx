/** The bar below: where to, what mode, what was saved. Words appear in their place and never cover a control. */
import { acceptance } from "../model/diff";
import type { Store } from "../state/store";
import type { Keyboard } from "./keyboard";
import { Tools } from "./tools";

export function Bar({
  store,
  keyboard,
  status,
}: {
  store: Store;
  keyboard: Keyboard;
  status: string | null;
}): preact.JSX.Element {
  const item = store.current.value;
  const notice = store.notices.current.value;
  const word = notice?.kind === "care" ? notice.text : (status ?? notice?.text ?? null);
  return (
    <footer class="bar">
      <span class="bar-verbs">
        <button type="button" onClick={() => void store.back()}>
          <kbd>B</kbd> back
        </button>
        <button type="button" disabled={!item} onClick={() => (keyboard.dialog.value = "skip")}>
          <kbd>S</kbd> skip
        </button>
        <button type="button" disabled={!item} onClick={() => void store.release()}>
          <kbd>R</kbd> release
        </button>
      </span>
      <Tools task={item?.task} keyboard={keyboard} />
      <span class={`bar-word ${notice?.kind === "care" ? "bar-care" : ""}`} role="status" title={word ?? ""}>
        {word ?? (item ? acceptance(item.task.before, item.task.work.value) : "")}
      </span>
      <SavedWord store={store} />
      <button type="button" class="primary" disabled={!item} onClick={() => keyboard.submit()}>
        <kbd>⏎</kbd> {item?.task.reopened ? "submit again" : "accept and next"}
      </button>
    </footer>
  );
}

function SavedWord({ store }: { store: Store }): preact.JSX.Element {
  const waiting = store.outbox.waiting.value.length;
  const trouble = store.outbox.trouble.value;
  const saved = store.drafts.saved.value;
  if (trouble !== null && waiting > 0) {
    return (
      <span class="saved saved-care" data-saved="waiting">
        ⚠ {waiting} not sent: {trouble}. Saved here, will be sent automatically.
      </span>
    );
  }
  switch (saved.state) {
    case "here":
      return (
        <span class="saved saved-care" data-saved="here">
          ⚠ stored as a draft: {saved.why}
        </span>
      );
    case "failed":
      return (
        <span class="saved saved-care" data-saved="failed">
          ⚠ {saved.why}
        </span>
      );
    case "saving":
      return (
        <span class="saved" data-saved="saving">
          saving
        </span>
      );
    case "saved":
      return (
        <span class="saved" data-saved={waiting > 0 ? "sending" : "saved"}>
          {waiting > 0 ? "sending" : "saved ✓"}
        </span>
      );
  }
}

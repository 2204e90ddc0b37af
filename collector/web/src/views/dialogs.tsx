import { useEffect, useState } from "preact/hooks";
import { CORRECTIONS, SKIP_REASONS } from "../model/codes";
import { help, type Help, type Surface } from "../model/keys";
import { load, save } from "../state/storage";
import type { Store } from "../state/store";
import type { Keyboard } from "./keyboard";
import { Modal } from "./modal";

export function KeysDialog({ keyboard, on }: { keyboard: Keyboard; on: Surface }): preact.JSX.Element {
  const { everywhere, here } = help(on);
  return (
    <Modal name="All keys" onClose={() => (keyboard.dialog.value = null)}>
        <h2 class="dialog-title">
          All keys{" "}
          <span class="note">
            <kbd>Esc</kbd> or <kbd>?</kbd> closes, <kbd>↑ ↓</kbd> scroll
          </span>
        </h2>
        <div class="key-columns">
          <Keys title="This item" rows={here} />
          <Keys title="Everywhere" rows={everywhere} />
        </div>
        <p class="note">
          In a text field, keys type text: <kbd>Esc</kbd> leaves the field, <kbd>Tab</kbd> goes to the next one,{" "}
          <kbd>Ctrl Enter</kbd> submits. Elsewhere, <kbd>Tab</kbd> goes through the labels and then to the buttons.
        </p>
        <p class="actions">
          <button type="button" onClick={() => (keyboard.dialog.value = null)}>
            Close
          </button>
        </p>
    </Modal>
  );
}

function Keys({ title, rows }: { title: string; rows: Help[] }): preact.JSX.Element {
  return (
    <div>
      <h3>{title}</h3>
      <dl class="keys">
        {rows.map((row) => (
          <div key={row.shown}>
            <dt>
              <kbd>{row.shown}</kbd>
            </dt>
            <dd>{row.says}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

interface ReasonsProps {
  keyboard: Keyboard;
  name: string;
  question: string;
  reasons: readonly { code: string; text: string }[];
  choose: (number: number) => void;
  children: preact.ComponentChildren;
}

/** Asks for one of a few reasons; its number is its key. */
function ReasonDialog({ keyboard, name, question, reasons, choose, children }: ReasonsProps): preact.JSX.Element {
  return (
    <Modal name={name} small onClose={() => (keyboard.dialog.value = null)}>
        <h2 class="dialog-title">
          {question}{" "}
          <span class="note">
            <kbd>Esc</kbd> cancels
          </span>
        </h2>
        <ol class="reasons">
          {reasons.map((reason, index) => (
            <li key={reason.code}>
              <button type="button" onClick={() => choose(index + 1)}>
                <kbd>{index + 1}</kbd> {reason.text}
              </button>
            </li>
          ))}
        </ol>
        <p class="note">{children}</p>
        <p class="actions">
          <button type="button" onClick={() => (keyboard.dialog.value = null)}>
            Cancel
          </button>
        </p>
    </Modal>
  );
}

export function SkipDialog({ keyboard }: { keyboard: Keyboard }): preact.JSX.Element {
  return (
    <ReasonDialog
      keyboard={keyboard}
      name="Skip this item"
      question="Why skip this item?"
      reasons={SKIP_REASONS}
      choose={(number) => keyboard.skip(number)}
    >
      A lead sees the item and the reason. Press <kbd>B</kbd> to undo the skip.
    </ReasonDialog>
  );
}

export function CorrectionDialog({ keyboard, whose }: { keyboard: Keyboard; whose: string }): preact.JSX.Element {
  return (
    <ReasonDialog
      keyboard={keyboard}
      name="Submit a correction"
      question={`What was wrong with the work of ${whose}?`}
      reasons={CORRECTIONS}
      choose={(number) => keyboard.correct(number)}
    >
      Choose the main reason. It is stored with your version, which becomes the ground truth.
    </ReasonDialog>
  );
}

const SEEN = "hints-seen";
const LABELS = ["1 … 9", "rename the selected label, arrows move it, Delete rejects it, N makes a new one."];
const ENTER = "accepts all labels and shows the next item.";
const ENTER_DOUBTFUL = `${ENTER} The label with the lowest confidence is already selected.`;
const HINTS: Record<Surface, readonly string[][]> = {
  boxes: [["Enter", ENTER_DOUBTFUL], LABELS],
  tracks: [["Enter", ENTER_DOUBTFUL], LABELS],
  speech: [
    ["Enter", ENTER_DOUBTFUL],
    ["W", "starts writing what was said, E takes the expected text; arrows move an end, Delete rejects a region, N makes one."],
  ],
  text: [
    ["Enter", ENTER],
    ["W", "starts writing in the text, Esc leaves the field, L chooses the language. Delete: there is no usable answer."],
  ],
  spoken: [
    ["Enter", ENTER],
    ["Space", "plays, W starts writing what was said, Ctrl Space plays while you write. Delete: there is no usable answer."],
  ],
  reading: [
    ["Enter", ENTER_DOUBTFUL],
    ["W", "starts writing the text, ↑ ↓ move in reading order, Delete rejects a text, N marks one that was not found."],
  ],
};
const LAST = ["?", "shows all keys. U undoes a change, B takes back a submit, a skip or a release. Your work is saved, even without a network."];

/** First visit: three hints on the real task, gone with the first key that submits or when they are closed. */
export function Hints({ store, on }: { store: Store; on: Surface }): preact.JSX.Element | null {
  const [open, setOpen] = useState(() => load<boolean>(SEEN) !== true);
  const close = (): void => {
    setOpen(false);
    save(SEEN, true);
  };
  const worked = store.current.value !== null && store.canGoBack;
  useEffect(() => {
    if (open && worked) close();
  }, [open, worked]);
  if (!open || worked || !store.current.value) return null;
  return (
    <aside class="hints" aria-label="First hints">
      {[...HINTS[on], LAST].map(([key, text]) => (
        <p key={key}>
          <kbd>{key}</kbd> {text}
        </p>
      ))}
      <button type="button" onClick={close} aria-label="Close the hints">
        ✕
      </button>
    </aside>
  );
}

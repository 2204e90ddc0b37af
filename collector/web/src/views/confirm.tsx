/** A question before something that cannot be taken back; it stays open, with the reason, where that was refused. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { expectRefusal } from "../api/client";
import { Modal } from "./modal";

interface ConfirmProps {
  question: string;
  /** What the button says that does it. */
  action: string;
  /** How a sentence begins that says why it was refused. */
  refused: string;
  act(): Promise<unknown>;
  onClose(): void;
  children: ComponentChildren;
}

export function Confirm({ question, action, refused, act, onClose, children }: ConfirmProps): preact.JSX.Element {
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      await act();
      onClose();
    } catch (error) {
      expectRefusal(error);
      setTrouble(error.message);
      setBusy(false);
    }
  };
  return (
    <Modal name={question} small onClose={onClose}>
      <h2 class="big">{question}</h2>
      <p>{children}</p>
      {trouble && (
        <p class="caveat" role="alert">
          {refused}: {trouble}
        </p>
      )}
      <p class="actions">
        <button type="button" data-first onClick={onClose}>
          Leave it as it is
        </button>
        <button type="button" class="primary" disabled={busy} onClick={() => void run()}>
          {action}
        </button>
      </p>
    </Modal>
  );
}

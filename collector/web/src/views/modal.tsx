/** A dialog over the page: it takes the focus, holds it, scrolls by key and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { classNames } from "../ui/words";

interface ModalProps {
  name: string;
  small?: boolean;
  onClose(): void;
  children: ComponentChildren;
}

/** What carries `data-first` has the focus at the beginning, else the dialog itself, so that arrows scroll it. */
export function Modal({ name, small = false, onClose, children }: ModalProps): preact.JSX.Element {
  const host = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = host.current as HTMLDialogElement;
    dialog.showModal();
    (dialog.querySelector<HTMLElement>("[data-first]") ?? dialog).focus();
    return () => dialog.close();
  }, []);
  const outside = (event: MouseEvent): boolean => {
    const { left, right, top, bottom } = (host.current as HTMLDialogElement).getBoundingClientRect();
    return event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
  };
  return (
    <dialog
      ref={host}
      class={classNames("dialog", small && "dialog-small")}
      role="dialog"
      aria-modal="true"
      aria-label={name}
      tabIndex={-1}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === host.current && event.detail > 0 && outside(event)) onClose();
      }}
    >
      {children}
    </dialog>
  );
}

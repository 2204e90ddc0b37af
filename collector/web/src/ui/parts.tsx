/** Small things every view uses. */
import type { ReadonlySignal } from "@preact/signals";
import { Component, createRef } from "preact";
import { asStored } from "../model/spans";

interface ArrivingProps {
  what: string;
  /** How many bytes of it are here, of how many. */
  arrived?: ReadonlySignal<{ bytes: number; total: number }>;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** What is on its way, and how far it is. */
export function Arriving({ what, arrived }: ArrivingProps): preact.JSX.Element {
  const { bytes, total } = arrived?.value ?? { bytes: 0, total: 0 };
  return (
    <span class="arriving" role="status">
      Loading {what}
      {total > 0 && (
        <>
          {" "}
          <progress value={bytes} max={total} aria-label={`Loading ${what}`} /> {megabytes(bytes)} of {megabytes(total)}{" "}
          MB
        </>
      )}
    </span>
  );
}

export function Loading(props: ArrivingProps): preact.JSX.Element {
  return (
    <div class="quiet">
      <Arriving {...props} />
    </div>
  );
}

/** Something did not load: what, why, and the way on. */
export function Trouble({ what, why, retry }: { what: string; why: string; retry: () => void }): preact.JSX.Element {
  return (
    <div class="quiet trouble" role="alert">
      <p>
        <strong>{what} cannot be shown.</strong> {why}
      </p>
      <p>
        <button type="button" onClick={retry}>
          Try again
        </button>{" "}
        or press <kbd>S</kbd> to skip this item.
      </p>
    </div>
  );
}

interface UnreadyProps {
  shown: { state: "loading" } | { state: "failed"; why: string };
  /** As in "the sound". */
  what: string;
  retry(): void;
}

/** A medium that is on its way, or did not come. */
export function Unready({ shown, what, retry }: UnreadyProps): preact.JSX.Element {
  if (shown.state === "loading")
    return (
      <div class="medium">
        <Loading what={what} />
      </div>
    );
  const name = what.charAt(0).toUpperCase() + what.slice(1);
  return (
    <div class="medium">
      <Trouble what={name} why={shown.why} retry={retry} />
    </div>
  );
}

interface FieldProps {
  value: string;
  label: string;
  lang?: string;
  rows?: number;
  placeholder?: string;
  class?: string;
  /** Enter leaves a field of one line. */
  oneLine?: boolean;
  onText(text: string): void;
  onFocus?(): void;
  onLeave?(): void;
}

/**
 * A text field that stores NFC without moving the caret: what is typed stays as typed until the field is left,
 * and follows the stored text when that changes from outside (undo, "take what was expected").
 */
export class TextField extends Component<FieldProps> {
  private readonly field = createRef<HTMLTextAreaElement>();

  override componentDidMount(): void {
    this.follow();
  }

  override componentDidUpdate(): void {
    this.follow();
  }

  private follow(): void {
    const field = this.field.current;
    if (field && asStored(field.value) !== this.props.value) field.value = this.props.value;
  }

  override render(): preact.JSX.Element {
    const p = this.props;
    return (
      <textarea
        ref={this.field}
        class={p.class ?? "field"}
        rows={p.rows ?? 1}
        aria-label={p.label}
        lang={p.lang ?? ""}
        dir="auto"
        placeholder={p.placeholder ?? ""}
        spellcheck={true}
        autocomplete="off"
        onInput={(event) => p.onText(asStored(event.currentTarget.value))}
        onKeyDown={(event) => {
          if (p.oneLine && event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) {
            event.preventDefault();
            event.currentTarget.blur();
          }
        }}
        onFocus={() => p.onFocus?.()}
        onBlur={(event) => {
          event.currentTarget.value = p.value;
          p.onLeave?.();
        }}
      />
    );
  }
}

/** The beginning of a sentence with its first letter large. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

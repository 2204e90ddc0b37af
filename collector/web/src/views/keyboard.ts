/** The page's keyboard: the open dialog first, then the editor, then the page. */
import { signal } from "@preact/signals";
import { strokeFor, surfaceOf, type Command, type Stroke } from "../model/keys";
import { find, relabelled } from "../model/labels";
import type { Editor } from "../media/editor";
import type { Store } from "../state/store";
import { nextTheme } from "../ui/theme";

export type Dialog = "keys" | "skip" | null;

export const SKIP_REASONS = [
  "it cannot be seen or heard well enough",
  "the recording is broken",
  "the instructions do not say what to do",
  "I know this person",
] as const;

/** What ends the writing in a text field; everything else a key does there leaves the hand where it is. */
const LEAVES_FIELD: ReadonlySet<Command> = new Set(["leave", "submit", "next-label", "previous-label"]);
/** What a held key does once: an Enter would submit item after item unseen. */
const ONCE: ReadonlySet<Command> = new Set(["submit", "back", "skip", "play"]);

export class Keyboard {
  readonly dialog = signal<Dialog>(null);
  editor: Editor | null = null;

  constructor(private readonly store: Store) {}

  listen(): () => void {
    const press = (event: KeyboardEvent): void => this.press(event);
    const paste = (event: Event): void => {
      if (event.target instanceof Element && !isField(event.target)) event.preventDefault();
    };
    addEventListener("keydown", press);
    addEventListener("dragstart", paste);
    return () => {
      removeEventListener("keydown", press);
      removeEventListener("dragstart", paste);
    };
  }

  private press(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const task = this.store.current.value?.task ?? null;
    const inField = event.target instanceof Element && isField(event.target);
    const stroke = strokeFor(event, task ? surfaceOf(task.view) : null, inField);
    if (!stroke) return;
    event.preventDefault();
    if (this.dialog.value !== null) return this.inDialog(stroke);
    if (event.repeat && ONCE.has(stroke.command)) return;
    if (inField) return this.fromField(stroke, event.target as HTMLElement);
    this.run(stroke);
  }

  private inDialog(stroke: Stroke): void {
    if (this.dialog.value === "skip" && stroke.command === "digit") {
      const reason = SKIP_REASONS[stroke.digit - 1];
      if (reason === undefined) return;
      this.dialog.value = null;
      void this.store.skip(reason);
    } else if (["leave", "keys", "submit", "skip"].includes(stroke.command)) {
      this.dialog.value = null;
    }
  }

  private fromField(stroke: Stroke, field: HTMLElement): void {
    if (!LEAVES_FIELD.has(stroke.command)) return this.run(stroke);
    field.blur();
    if (stroke.command === "leave") return;
    this.run(stroke);
    if (stroke.command === "next-label" || stroke.command === "previous-label") {
      this.editor?.command({ command: "write", digit: 0, far: false });
    }
  }

  run(stroke: Stroke): void {
    if (this.editor?.command(stroke)) return;
    this.page(stroke);
  }

  private page(stroke: Stroke): void {
    const { store } = this;
    const task = store.current.value?.task;
    switch (stroke.command) {
      case "submit":
        return store.submit();
      case "back":
        return void store.back();
      case "skip":
        if (task) this.dialog.value = "skip";
        return;
      case "return":
        return void store.giveBack();
      case "take-again":
        return void store.takeAgain();
      case "keys":
        this.dialog.value = "keys";
        return;
      case "leave":
        return store.hush();
      case "theme":
        return store.say(`Colours: ${nextTheme()}.`);
      case "next-label":
        return task?.select(1);
      case "previous-label":
        return task?.select(-1);
      case "undo":
        if (task && !task.undo()) store.say("Nothing to undo.");
        return;
      case "redo":
        if (task && !task.redo()) store.say("Nothing to redo.");
        return;
      case "reject":
        if (task && !task.reject()) store.say("No label is selected.");
        return;
      case "digit":
        return this.relabel(stroke.digit);
      default:
        return;
    }
  }

  private relabel(digit: number): void {
    const task = this.store.current.value?.task;
    if (!task) return;
    const word = task.view.classes[digit - 1];
    if (word === undefined) return this.store.say(`There is no name ${digit}.`);
    const ref = task.selected.value;
    if (!ref || !find(task.work.value, ref)) return this.store.say("No label is selected.");
    task.settle();
    task.lastWord = word;
    task.change(relabelled(task.work.value, ref, word));
  }
}

function isField(element: Element): boolean {
  return (
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement ||
    (element instanceof HTMLInputElement && element.type !== "button" && element.type !== "checkbox")
  );
}

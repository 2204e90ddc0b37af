/** The page's keyboard: the open dialog first, then the editor, then the page. */
import { signal } from "@preact/signals";
import { CORRECTIONS, SKIP_REASONS } from "../model/codes";
import { strokeFor, surfaceOf, type Command, type Stroke } from "../model/keys";
import { find, relabelled, same, type Ref } from "../model/labels";
import type { Editor } from "../media/editor";
import type { Store } from "../state/store";
import type { OpenTask } from "../state/task";
import { tagsShown } from "../state/tags";
import { nextTheme } from "../ui/theme";

export type Dialog = "keys" | "skip" | "names" | "correction" | null;

/** What ends the writing in a text field; everything else a key does there leaves the hand where it is. */
const LEAVES_FIELD: ReadonlySet<Command> = new Set(["leave", "submit", "next-label", "previous-label"]);
/** What a held key does once: an Enter would submit item after item unseen. */
const ONCE: ReadonlySet<Command> = new Set(["submit", "back", "skip", "play"]);

export class Keyboard {
  readonly dialog = signal<Dialog>(null);
  editor: Editor | null = null;
  /** The labels that Tab went through: where it began and where it is. */
  private round: { task: OpenTask; way: Command; start: Ref | null; at: Ref | null } | null = null;

  constructor(private readonly store: Store) {}

  listen(): () => void {
    const press = (event: KeyboardEvent): void => this.press(event);
    const drag = (event: Event): void => {
      if (event.target instanceof Element && !isField(event.target)) event.preventDefault();
    };
    addEventListener("keydown", press);
    addEventListener("dragstart", drag);
    addEventListener("click", releaseButton);
    return () => {
      removeEventListener("keydown", press);
      removeEventListener("click", releaseButton);
      removeEventListener("dragstart", drag);
    };
  }

  private press(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const task = this.store.current.value?.task ?? null;
    const target = event.target instanceof Element ? event.target : document.body;
    const inField = isField(target);
    const stroke = strokeFor(event, task ? surfaceOf(task.view) : null, inField);
    if (!stroke) return;
    if (this.dialog.value !== null) {
      if (this.inDialog(stroke, target)) event.preventDefault();
      return;
    }
    if (this.isOfControl(stroke, target, event)) return;
    event.preventDefault();
    if (event.repeat && ONCE.has(stroke.command)) return;
    if (inField) return this.fromField(stroke, target as HTMLElement);
    this.run(stroke);
  }

  /** Whether the focused button, link or list gets this key from the browser. A held Enter presses nothing again. */
  private isOfControl(stroke: Stroke, target: Element, event: KeyboardEvent): boolean {
    if (!isControl(target)) return false;
    if (stroke.command === "next-label" || stroke.command === "previous-label") return true;
    if (target.getAttribute("role") === "listbox") return false;
    return (event.key === "Enter" || event.key === " ") && !event.ctrlKey && !event.metaKey && !event.repeat;
  }

  /** True: the key was for the dialog. Everything else scrolls it and moves the focus in it. */
  private inDialog(stroke: Stroke, target: Element): boolean {
    const dialog = this.dialog.value;
    if ((dialog === "skip" || dialog === "correction") && stroke.command === "digit") {
      if (dialog === "skip") this.skip(stroke.digit);
      else this.correct(stroke.digit);
      return true;
    }
    const closes = stroke.command === "leave" || stroke.command === dialog;
    if (!closes && (stroke.command !== "submit" || isControl(target))) return false;
    this.dialog.value = null;
    return true;
  }

  private fromField(stroke: Stroke, field: HTMLElement): void {
    if (!LEAVES_FIELD.has(stroke.command)) return this.run(stroke);
    field.blur();
    if (stroke.command === "leave") return;
    this.run(stroke);
    const walks = stroke.command === "next-label" || stroke.command === "previous-label";
    if (walks && !isControl(document.activeElement)) this.editor?.command({ command: "write", digit: 0, far: false });
  }

  run(stroke: Stroke): void {
    if (stroke.command === "next-label" || stroke.command === "previous-label") return this.walk(stroke);
    if (this.inList(stroke)) return;
    if (this.editor?.command(stroke)) return;
    this.page(stroke);
  }

  /** In the list of labels the arrows choose; everywhere else they move what is chosen. */
  private inList(stroke: Stroke): boolean {
    if (document.activeElement?.getAttribute("role") !== "listbox") return false;
    if (stroke.command !== "up" && stroke.command !== "down") return false;
    this.run({ ...stroke, command: stroke.command === "down" ? "next-label" : "previous-label" });
    return true;
  }

  /** Goes to the next label. Once all of them were passed the focus goes on to the buttons, first to "accept". */
  private walk(stroke: Stroke): void {
    const task = this.store.current.value?.task;
    const from = task?.selected.value ?? null;
    const way = stroke.command;
    const goesOn = this.round?.task === task && this.round?.way === way && same(this.round.at, from);
    if (task && !goesOn) this.round = { task, way, start: from, at: from };
    if (!this.editor?.command(stroke)) this.page(stroke);
    const at = task?.selected.value ?? null;
    if (this.round) this.round = { ...this.round, at };
    const passed = !this.round || same(this.round.start, at);
    if (passed && !isControl(document.activeElement)) document.querySelector<HTMLElement>(".bar .primary")?.focus();
  }

  private page(stroke: Stroke): void {
    const { store } = this;
    const task = store.current.value?.task;
    switch (stroke.command) {
      case "submit":
        return this.submit();
      case "back":
        return void store.back();
      case "skip":
        if (task) this.dialog.value = "skip";
        return;
      case "names":
        if (task) this.dialog.value = "names";
        return;
      case "return":
        return void store.release();
      case "take-again":
        return void store.takeAgain();
      case "keys":
        this.dialog.value = "keys";
        return;
      case "leave":
        this.toPage();
        return store.notices.dismiss();
      case "tags":
        tagsShown.value = !tagsShown.value;
        return store.notify(tagsShown.value ? "Names are shown." : "Names are hidden. Press T to show them.");
      case "theme":
        return store.notify(`Theme: ${nextTheme()}.`);
      case "next-label":
        return task?.select(1);
      case "previous-label":
        return task?.select(-1);
      case "undo":
        if (task && !task.undo()) store.notify("Nothing to undo.");
        return;
      case "redo":
        if (task && !task.redo()) store.notify("Nothing to redo.");
        return;
      case "reject":
        if (task && !task.reject()) store.notify("No label is selected.");
        return;
      case "digit":
        return this.relabel(stroke.digit);
      default:
        return;
    }
  }

  /** Submits; who corrects somebody else's work is asked first what was wrong with it. */
  submit(): void {
    if (this.store.acceptance.mayCorrect(this.store.current.value?.task)) this.dialog.value = "correction";
    else this.store.submit();
  }

  /** Skips for the reason with this number. */
  skip(number: number): void {
    const reason = SKIP_REASONS[number - 1];
    if (reason === undefined) return;
    this.dialog.value = null;
    void this.store.skip(reason);
  }

  /** Submits the correction, for the reason with this number. */
  correct(number: number): void {
    const reason = CORRECTIONS[number - 1];
    if (reason === undefined) return;
    this.dialog.value = null;
    this.store.submit(reason.code);
  }

  private relabel(digit: number): void {
    const task = this.store.current.value?.task;
    if (!task) return;
    const word = task.view.classes[digit - 1];
    if (word === undefined) return this.store.notify(`No name has the number ${digit}.`);
    this.name(word);
  }

  /** Gives this name to the label that is being drawn, else to the selected one. */
  name(word: string): void {
    const task = this.store.current.value?.task;
    if (!task || this.editor?.nameNew?.(word)) return;
    const ref = task.selected.value;
    if (!ref || !find(task.work.value, ref)) return this.store.notify("No label is selected.");
    task.commit();
    task.lastWord = word;
    task.change(relabelled(task.work.value, ref, word));
  }

  /** Takes the focus off a button, so that every key is the page's again. */
  toPage(): void {
    this.round = null;
    const active = document.activeElement;
    if (isControl(active)) (active as HTMLElement).blur();
  }
}

/** A button that was clicked does not stay focused: the next Enter accepts and presses nothing again. */
function releaseButton(event: MouseEvent): void {
  const button = event.target instanceof Element ? event.target.closest("button, a[href]") : null;
  if (event.detail > 0 && button && button === document.activeElement) (button as HTMLElement).blur();
}

function isControl(element: Element | null): boolean {
  return element?.closest("button, a[href], summary, [role=listbox]") != null;
}

function isField(element: Element): boolean {
  return (
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement ||
    (element instanceof HTMLInputElement && element.type !== "button" && element.type !== "checkbox")
  );
}

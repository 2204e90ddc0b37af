/** Text in a still: its places on the picture, one field for each in the order they are read. */
import { effect, signal } from "@preact/signals";
import type { CaptureView, Label, SpanLabel, TextLabel } from "../../api/types";
import type { Rect, Size } from "../../model/geometry";
import type { Stroke } from "../../model/keys";
import { neighbour, removed, replaced, same, type Work } from "../../model/labels";
import {
  doubtNext,
  pieceOf,
  piecesOf,
  readNext,
  rootOf,
  withPiece,
  withText,
  type Piece,
  type TextLike,
} from "../../model/pieces";
import { movedSpans } from "../../model/spans";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext } from "../editor";
import { BoxTool } from "../image/boxtool";
import type { TaskMedia } from "../load";
import { Loader, mediumUnready } from "../loading";

const WORD = "text";

export class ReadingEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly bitmap = new Loader<ImageBitmap>();
  readonly close = signal(false);
  readonly tool: BoxTool;
  private media: TaskMedia | null = null;
  private stop: (() => void) | null = null;

  constructor(private readonly context: EditorContext) {
    this.tool = new BoxTool({
      picture: () => this.picture(),
      selected: () => null,
      change: () => undefined,
      create: (rect) => this.create(rect),
      status: (text) => this.context.status(text),
    });
  }

  load(task: OpenTask, media: TaskMedia): void {
    this.stop?.();
    this.media = media;
    this.tool.reset();
    this.close.value = false;
    this.task.value = task;
    // A place and its text are one thing here: whichever is chosen, the text is what is selected.
    this.stop = effect(() => {
      const ref = task.selected.value;
      const piece = pieceOf(piecesOf(task.work.value[ref?.capture ?? ""] ?? []), ref?.id);
      if (ref && piece && piece.id !== ref.id) task.selected.value = { capture: ref.capture, id: piece.id };
    });
    this.open();
  }

  open(): void {
    this.bitmap.load(this.media, this.capture(), "image", (medium) => medium.bitmap);
  }

  capture(): CaptureView | undefined {
    return this.task.value?.view.captures.find((c) => c.medium === "image" && c.role === "labelled");
  }

  private picture(): Size | null {
    const bitmap = this.bitmap.ready;
    return bitmap && { width: bitmap.width, height: bitmap.height };
  }

  pieces(): Piece[] {
    return piecesOf(this.task.value?.work.value[this.capture()?.id ?? ""] ?? []);
  }

  /** The piece that is selected, or the one in whose text a selected span stands. */
  piece(): Piece | undefined {
    const pieces = this.pieces();
    return pieceOf(pieces, this.span()?.parent ?? this.task.value?.selected.value?.id);
  }

  private span(): SpanLabel | null {
    const label = this.task.value?.label();
    return label?.kind === "span" ? label : null;
  }

  select(piece: Piece | undefined): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    if (!task || !capture || !piece) return;
    const ref = { capture, id: piece.id };
    if (same(ref, task.selected.value)) return;
    task.commit();
    task.selected.value = ref;
  }

  setText(id: string, text: string): void {
    this.changeText(id, `text:${id}`, (label) => (label.text === text ? label : { ...label, text }));
  }

  setLanguage(language: string): void {
    const id = this.piece()?.text?.id;
    if (id) this.changeText(id, null, (label) => (label.language === language ? label : { ...label, language }));
  }

  private changeText(id: string, series: string | null, change: (label: TextLabel) => TextLabel): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    const label = this.pieces().find((p) => p.id === id)?.text;
    if (!task || !capture || !label) return;
    const next = change(label);
    let work: Work = replaced(task.work.value, { capture, id }, (): Label => next);
    if (next.text !== label.text) work = { ...work, [capture]: movedSpans(work[capture] ?? [], id, label.text, next.text) };
    task.change(work, series);
  }

  private like(task: OpenTask): TextLike {
    const { classes, language } = task.view;
    return { label: classes.length === 0 || classes.includes(WORD) ? WORD : task.lastWord, language };
  }

  private create(rect: Rect): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    if (!task || !capture) return;
    this.begin(task, capture, withPiece(task.work.value, task.before, capture, rect, this.like(task)));
  }

  /** A text for the place that is selected and has none. */
  writePlace(place: string): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    if (!task || !capture) return;
    this.begin(task, capture, withText(task.work.value, task.before, capture, place, this.like(task)));
  }

  private begin(task: OpenTask, capture: string, [work, id]: [Work, string]): void {
    task.change(work);
    task.selected.value = { capture, id };
    requestAnimationFrame(() => this.write());
  }

  unready(): string | null {
    return mediumUnready("The picture", [this.bitmap.state.value.state]);
  }

  command(stroke: Stroke): boolean {
    const piece = this.piece();
    if (stroke.command === "draw" && !this.tool.drawing.value && piece?.place && !piece.text) {
      this.writePlace(piece.place.id);
      return true;
    }
    if (this.tool.command(stroke)) return true;
    switch (stroke.command) {
      case "up":
      case "down":
        this.select(readNext(this.pieces(), piece, stroke.command === "down" ? 1 : -1));
        return true;
      case "next-label":
      case "previous-label":
        this.walk(stroke.command === "next-label" ? 1 : -1);
        return true;
      case "reject":
        return this.span() === null && this.reject(piece);
      case "write":
        this.write();
        return true;
      case "language":
        this.context.focus("language");
        return true;
      case "zoom":
        this.close.value = !this.close.value && Boolean(piece?.place);
        return true;
      default:
        return false;
    }
  }

  /** To the next least certain label: a place and its text are one, a span is one of its own. */
  private walk(step: 1 | -1): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    if (!task || !capture) return;
    const places = new Set(this.pieces().flatMap((p) => (p.text && p.place ? [p.place.id] : [])));
    const stops = (task.work.value[capture] ?? []).filter((l) => !places.has(l.id));
    const next = neighbour({ [capture]: stops }, task.selected.value, step);
    if (!next || same(next, task.selected.value)) return;
    task.commit();
    task.selected.value = next;
  }

  private write(): void {
    const piece = this.piece();
    if (!piece) return this.context.notify("No text is selected. Press N to mark one.");
    if (!piece.text) return this.context.notify("This place has no text yet. Press N to add one.");
    this.context.focus("text", piece.id);
  }

  /** Takes a place and its text away together; the next least certain one is selected. */
  private reject(piece: Piece | undefined): boolean {
    const task = this.task.value;
    const capture = this.capture()?.id;
    if (!task || !capture || !piece) return false;
    const follow = doubtNext(this.pieces(), piece, 1);
    task.change(removed(task.work.value, { capture, id: rootOf(piece) }));
    task.selected.value = follow && follow.id !== piece.id ? { capture, id: follow.id } : null;
    return true;
  }

  dispose(): void {
    this.stop?.();
    this.stop = null;
    this.bitmap.reset();
    this.task.value = null;
  }
}

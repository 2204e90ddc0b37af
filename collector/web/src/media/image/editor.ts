/** Stills with boxes. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { BoxLabel, CaptureView, Label } from "../../api/types";
import { clampedInside } from "../../model/bounds";
import type { Rect, Size } from "../../model/geometry";
import type { Stroke } from "../../model/keys";
import { isBox } from "../../model/kinds";
import { boundsOf, hullOf, outlineOf } from "../../model/outline";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext } from "../editor";
import type { Arrived, TaskMedia } from "../load";
import { Loader, mediumUnready, type LoadState } from "../loading";
import { BoxTool } from "./boxtool";

export const rectOf = (l: BoxLabel): Rect => ({ x: l.x, y: l.y, width: l.width, height: l.height });
/** What a label covers of the picture, null for kinds that are not drawn. */
export function placeOf(label: Label | undefined): Rect | null {
  if (isBox(label)) return hullOf(rectOf(label), label.rotation ?? 0);
  const outline = label ? outlineOf(label) : null;
  return outline && boundsOf(outline.points);
}

export class ImageEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  private readonly pictures = signal<ReadonlyMap<string, Loader<ImageBitmap>>>(new Map());
  readonly close = signal(false);
  readonly tool: BoxTool;
  /** The picture that N draws on: that of the selected label, or the one last clicked. */
  readonly active = signal<string>("");
  private media: TaskMedia | null = null;

  constructor(private readonly context: EditorContext) {
    this.tool = new BoxTool({
      picture: () => this.picture(),
      selected: () => {
        const label = this.task.value?.label();
        return isBox(label) ? rectOf(label) : null;
      },
      rotation: () => {
        const label = this.task.value?.label();
        return isBox(label) ? (label.rotation ?? 0) : 0;
      },
      change: (rect, series) => this.change(rect, series),
      create: (rect) => this.create(rect),
      status: (text) => this.context.status(text),
      word: () => this.task.value?.lastWord ?? "object",
    });
  }

  load(task: OpenTask, media: TaskMedia): void {
    this.media = media;
    this.tool.reset();
    this.close.value = false;
    this.active.value = task.selected.value?.capture ?? this.captures(task)[0]?.id ?? "";
    this.pictures.value = new Map(this.captures(task).map((c) => [c.id, new Loader<ImageBitmap>()]));
    this.task.value = task;
    for (const capture of this.captures(task)) this.open(capture);
  }

  open(capture: CaptureView): void {
    this.pictures.value.get(capture.id)?.load(this.media, capture, "image", (medium) => medium.bitmap);
  }

  shown(capture: string): LoadState<ImageBitmap> {
    return this.pictures.value.get(capture)?.state.value ?? { state: "loading" };
  }

  arrived(capture: string): ReadonlySignal<Arrived> | undefined {
    return this.media?.arrived(capture);
  }

  captures(task: OpenTask): CaptureView[] {
    return task.view.captures.filter((c) => c.medium === "image");
  }

  private picture(): Size | null {
    const bitmap = this.pictures.value.get(this.activeCapture())?.ready;
    return bitmap ? { width: bitmap.width, height: bitmap.height } : null;
  }

  activeCapture(): string {
    return this.task.value?.selected.value?.capture ?? this.active.value;
  }

  change(rect: Rect, series: string): void {
    const picture = this.picture();
    const change = (l: BoxLabel): Label => ({ ...l, ...(picture ? clampedInside(l, rect, l.rotation ?? 0, picture) : rect) });
    this.task.value?.edit((l) => (isBox(l) ? change(l) : l), series);
  }

  private create(rect: Rect): void {
    const task = this.task.value;
    if (!task) return;
    const capture =
      task.view.captures.find((c) => c.id === this.active.value && c.role === "labelled")?.id ??
      task.view.captures.find((c) => c.role === "labelled")?.id;
    if (capture) task.add(capture, (id) => ({ id, kind: "box", label: task.lastWord, score: null, ...rect }));
  }

  nameNew(word: string): boolean {
    const task = this.task.value;
    if (!task || !this.tool.drawing.value) return false;
    task.lastWord = word;
    this.tool.announce();
    return true;
  }

  unready(): string | null {
    const task = this.task.value;
    return mediumUnready("The picture", task ? this.captures(task).map((c) => this.shown(c.id).state) : []);
  }

  command(stroke: Stroke): boolean {
    if (stroke.command === "zoom") {
      this.close.value = !this.close.value && placeOf(this.task.value?.label()) !== null;
      return true;
    }
    if (stroke.command === "draw") this.active.value = this.activeCapture();
    return this.tool.command(stroke);
  }

  dispose(): void {
    this.task.value = null;
  }
}

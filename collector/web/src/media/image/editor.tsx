/** Stills with boxes. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { render } from "preact";
import type { BoxLabel, CaptureView, Label } from "../../api/types";
import { heldInside } from "../../model/bounds";
import type { Rect, Size } from "../../model/geometry";
import type { Stroke } from "../../model/keys";
import { same, type Ref } from "../../model/labels";
import { boundsOf, hullOf, outlineOf } from "../../model/outline";
import type { OpenTask } from "../../state/task";
import { lookOf } from "../../ui/words";
import { Loading, Trouble } from "../../ui/parts";
import { mediumUnready, type Editor, type EditorContext, type Mount } from "../editor";
import type { Arrived, MediaSet } from "../load";
import { BoxTool } from "./boxtool";
import type { Shape } from "./shapes";
import { Stage } from "./stage";
import { Stages } from "./stages";

type Shown = { state: "loading" } | { state: "failed"; why: string } | { state: "ready"; bitmap: ImageBitmap };

const rectOf = (l: BoxLabel): Rect => ({ x: l.x, y: l.y, width: l.width, height: l.height });
/** What a label covers of the picture, null for kinds that are not drawn. */
function placeOf(label: Label | undefined): Rect | null {
  if (isBox(label)) return hullOf(rectOf(label), label.rotation ?? 0);
  const outline = label ? outlineOf(label) : null;
  return outline && boundsOf(outline.points);
}
const isBox = (l: Label | undefined): l is BoxLabel => l?.kind === "box";

class ImageEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly shown = signal<Readonly<Record<string, Shown>>>({});
  readonly close = signal(false);
  readonly tool: BoxTool;
  /** The picture that N draws on: that of the selected label, or the one last clicked. */
  readonly active = signal<string>("");
  private media: MediaSet | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly context: EditorContext,
  ) {
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
    render(<ImageView editor={this} />, host);
  }

  load(task: OpenTask, media: MediaSet): void {
    this.media = media;
    this.tool.reset();
    this.close.value = false;
    this.active.value = task.selected.value?.capture ?? this.pictures(task)[0]?.id ?? "";
    this.shown.value = {};
    this.task.value = task;
    for (const capture of this.pictures(task)) this.open(task, capture);
  }

  open(task: OpenTask, capture: CaptureView): void {
    const set = (shown: Shown): void => {
      if (this.task.value === task) this.shown.value = { ...this.shown.value, [capture.id]: shown };
    };
    set({ state: "loading" });
    this.media?.of(capture).then(
      (m) =>
        set(
          m.kind === "image"
            ? { state: "ready", bitmap: m.bitmap }
            : { state: "failed", why: "This is not a picture." },
        ),
      (error: unknown) => set({ state: "failed", why: error instanceof Error ? error.message : String(error) }),
    );
  }

  arrived(capture: string): ReadonlySignal<Arrived> | undefined {
    return this.media?.arrived(capture);
  }

  pictures(task: OpenTask): CaptureView[] {
    return task.view.captures.filter((c) => c.medium === "image");
  }

  private picture(): Size | null {
    const shown = this.shown.value[this.activeCapture()];
    return shown?.state === "ready" ? { width: shown.bitmap.width, height: shown.bitmap.height } : null;
  }

  activeCapture(): string {
    return this.task.value?.selected.value?.capture ?? this.active.value;
  }

  change(rect: Rect, series: string): void {
    const picture = this.picture();
    const change = (l: BoxLabel): Label => ({ ...l, ...(picture ? heldInside(l, rect, l.rotation ?? 0, picture) : rect) });
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
    return mediumUnready("The picture", task ? this.pictures(task).map((c) => this.shown.value[c.id]?.state) : []);
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
    render(null, this.host);
  }
}

function shapesOf(task: OpenTask, capture: string): Shape[] {
  const { classes } = task.view;
  const selected = task.selected.value;
  const make = (label: Label, ghost: boolean): Shape[] => {
    const outline = outlineOf(label);
    const rect = isBox(label) ? rectOf(label) : placeOf(label);
    if (!rect) return [];
    const ref: Ref = { capture, id: label.id };
    return [
      {
        ref,
        rect,
        outline,
        rotation: isBox(label) ? (label.rotation ?? 0) : 0,
        // A box's keypoints stand inside it and would write its name over it once more.
        quiet: outline !== null && typeof label.parent === "string",
        look: lookOf(label, classes),
        selected: !ghost && same(ref, selected),
        ghost,
        absent: false,
        occluded: false,
      },
    ];
  };
  return [
    ...task.ghosts.value.filter((g) => g.ref.capture === capture).flatMap((g) => make(g.label, true)),
    ...(task.work.value[capture] ?? []).flatMap((label) => make(label, false)),
  ];
}

function ImageView({ editor }: { editor: ImageEditor }): preact.JSX.Element {
  const task = editor.task.value;
  if (!task) return <div class="medium" />;
  const pictures = editor.pictures(task);
  return (
    <div class="medium">
      <Stages captures={pictures}>
        {pictures.map((capture) => (
          <Picture key={capture.id} editor={editor} task={task} capture={capture} />
        ))}
      </Stages>
    </div>
  );
}

function Picture({
  editor,
  task,
  capture,
}: {
  editor: ImageEditor;
  task: OpenTask;
  capture: CaptureView;
}): preact.JSX.Element {
  const shown = editor.shown.value[capture.id];
  if (!shown || shown.state === "loading") {
    const arrived = editor.arrived(capture.id);
    return <Loading what="the picture" {...(arrived ? { arrived } : {})} />;
  }
  if (shown.state === "failed")
    return <Trouble what="The picture" why={shown.why} retry={() => editor.open(task, capture)} />;
  const label = task.label();
  const active = editor.activeCapture() === capture.id;
  return (
    <Stage
      picture={{ width: shown.bitmap.width, height: shown.bitmap.height }}
      source={shown.bitmap}
      version={0}
      title={`${capture.sensor}, still of step ${task.view.step_title}`}
      shapes={shapesOf(task, capture.id)}
      tool={editor.tool}
      active={active}
      close={editor.close.value && active ? placeOf(label) : null}
      note={editor.pictures(task).length > 1 ? capture.sensor : null}
      onSelect={(ref) => {
        task.settle();
        task.selected.value = ref;
      }}
      onChange={(_ref, rect, series) => editor.change(rect, series)}
      onSettle={() => task.settle()}
      onActivate={() => {
        editor.active.value = capture.id;
      }}
    />
  );
}

export const mount: Mount = (host, context) => new ImageEditor(host, context);

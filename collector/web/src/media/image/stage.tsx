/** A picture as large as the space allows, with labels on it; the pointer's half of editing boxes. */
import { Component, createRef } from "preact";
import {
  between,
  dragged,
  fit,
  insidePicture,
  inView,
  toPicture,
  toScreen,
  zoomedAt,
  zoomedTo,
  type Handle,
  type Point,
  type Rect,
  type Size,
  type View,
} from "../../model/geometry";
import { same, type Ref } from "../../model/labels";
import { hullOf } from "../../model/outline";
import type { BoxTool } from "./boxtool";
import { tagsShown } from "../../state/tags";
import { Boxes, Handles, TagPlaces, Tags, type Shape } from "./shapes";

type Source = ImageBitmap | HTMLCanvasElement | OffscreenCanvas | HTMLVideoElement;

export interface StageProps {
  picture: Size;
  source: Source;
  /** Another number: the source shows something else now. */
  version: number;
  /** What is said to a screen reader. */
  title: string;
  shapes: readonly Shape[];
  tool: BoxTool;
  /** False: another picture of the take is being worked on. */
  active: boolean;
  /** The box to look at closely, or null for the whole picture. */
  close: Rect | null;
  /** Which picture this is, where there are several. */
  note?: string | null;
  /** It shows another moment than the one that is looked at. */
  dim?: boolean;
  onSelect(ref: Ref): void;
  onChange(ref: Ref, rect: Rect, series: string): void;
  /** The hand let go: what comes next is a step of its own. */
  onCommit(): void;
  onActivate(): void;
}

type Gesture =
  | { kind: "change"; ref: Ref; handle: Handle; start: Point; rect: Rect; rotation: number; series: string }
  | { kind: "draw"; start: Point }
  | { kind: "pan"; screen: Point; view: View };

interface State {
  screen: Size;
  view: View | null;
}

/** Among more shapes than this nothing is animated: each frame of it would paint all of them. */
const MANY = 200;

let gestures = 0;

const chosenOf = (props: StageProps): Shape | undefined => props.shapes.find((s) => s.selected && !s.ghost);
const placeOf = (shape: Shape): Rect => hullOf(shape.rect, shape.rotation ?? 0);

export class Stage extends Component<StageProps, State> {
  override state: State = { screen: { width: 0, height: 0 }, view: null };
  private readonly host = createRef<HTMLDivElement>();
  private readonly canvas = createRef<HTMLCanvasElement>();
  private observer: ResizeObserver | null = null;
  private gesture: Gesture | null = null;
  private readonly tagPlaces = new TagPlaces();

  override componentDidMount(): void {
    const host = this.host.current as HTMLDivElement;
    this.observer = new ResizeObserver(() =>
      this.setState({ screen: { width: host.clientWidth, height: host.clientHeight }, view: null }),
    );
    this.observer.observe(host);
    this.setState({ screen: { width: host.clientWidth, height: host.clientHeight } });
    host.addEventListener("wheel", this.wheel, { passive: false });
    this.paint();
  }

  override componentDidUpdate(before: StageProps): void {
    if (before.source !== this.props.source || before.version !== this.props.version) this.paint();
    if (before.close !== this.props.close && (before.close === null) !== (this.props.close === null)) {
      this.setState({
        view: this.props.close ? zoomedTo(this.props.close, this.props.picture, this.state.screen) : null,
      });
    } else this.follow(before);
  }

  /** Where the picture is seen in part, the selected label is in that part, whichever it is and wherever it moves. */
  private follow(before: StageProps): void {
    const view = this.state.view;
    const chosen = chosenOf(this.props);
    const was = chosenOf(before);
    if (!view || !chosen || this.gesture || !this.props.active) return;
    const another = !was || !same(was.ref, chosen.ref);
    if (!another && was.rect.x === chosen.rect.x && was.rect.y === chosen.rect.y) return;
    const { picture } = this.props;
    const { screen } = this.state;
    if (another && this.props.close) return this.setState({ view: zoomedTo(placeOf(chosen), picture, screen) });
    const seen = inView(placeOf(chosen), view, screen);
    if (seen !== view) this.setState({ view: seen });
  }

  override componentWillUnmount(): void {
    this.observer?.disconnect();
    this.host.current?.removeEventListener("wheel", this.wheel);
  }

  private paint(): void {
    const canvas = this.canvas.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    const { picture, source } = this.props;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    context.drawImage(source, 0, 0, picture.width, picture.height);
  }

  private whole(): View {
    return fit(this.props.picture, this.state.screen, 2);
  }

  private view(): View {
    return this.state.view ?? this.whole();
  }

  private point(event: PointerEvent | WheelEvent): Point {
    const box = (this.host.current as HTMLDivElement).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const least = this.whole().scale;
    const view = zoomedAt(this.view(), this.point(event), Math.exp(-event.deltaY / 400), least);
    this.setState({ view: view.scale <= least * 1.001 ? null : view });
  };

  private readonly down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    (document.activeElement as HTMLElement | null)?.blur();
    this.props.onActivate();
    const screen = this.point(event);
    const start = toPicture(screen, this.view());
    (this.host.current as HTMLDivElement).setPointerCapture(event.pointerId);
    const target = event.target as Element;
    const series = `drag-${(gestures += 1)}`;
    const handle = target.getAttribute("data-handle") as Handle | null;
    const selected = this.props.shapes.find((s) => s.selected && !s.ghost);
    if (this.props.tool.drawing.value) {
      this.gesture = { kind: "draw", start: insidePicture(start, this.props.picture) };
    } else if (handle && selected) {
      this.gesture = { kind: "change", ref: selected.ref, handle, start, rect: selected.rect, rotation: selected.rotation ?? 0, series };
    } else {
      this.gesture = this.grab(target, start, series) ?? { kind: "pan", screen, view: this.view() };
    }
  };

  private grab(target: Element, start: Point, series: string): Gesture | null {
    const id = target.closest("[data-label]")?.getAttribute("data-label");
    const shape = this.props.shapes.find((s) => s.ref.id === id && !s.ghost);
    if (!shape) return null;
    this.props.onSelect(shape.ref);
    if (shape.outline) return null;
    return { kind: "change", ref: shape.ref, handle: "inside", start, rect: shape.rect, rotation: shape.rotation ?? 0, series };
  }

  private readonly move = (event: PointerEvent): void => {
    const gesture = this.gesture;
    if (!gesture) return;
    const screen = this.point(event);
    const at = toPicture(screen, this.view());
    if (gesture.kind === "draw") {
      this.props.tool.drawing.value = { first: gesture.start, at: insidePicture(at, this.props.picture) };
    } else if (gesture.kind === "pan") {
      if (this.state.view) {
        const view = gesture.view;
        this.setState({
          view: { ...view, dx: view.dx + screen.x - gesture.screen.x, dy: view.dy + screen.y - gesture.screen.y },
        });
      }
    } else {
      const by = { x: at.x - gesture.start.x, y: at.y - gesture.start.y };
      const rect = dragged(gesture.rect, gesture.handle, by.x, by.y, gesture.rotation);
      this.props.onChange(gesture.ref, rect, gesture.series);
    }
  };

  private readonly up = (event: PointerEvent): void => {
    const gesture = this.gesture;
    this.gesture = null;
    if (gesture?.kind === "draw") {
      const end = insidePicture(toPicture(this.point(event), this.view()), this.props.picture);
      this.props.tool.finish(between(gesture.start, end));
    }
    this.props.onCommit();
  };

  override render(): preact.JSX.Element {
    const { picture, title, tool, active } = this.props;
    const { screen } = this.state;
    const view = this.view();
    // Nothing is placed before there is a place: a thousand boxes are drawn once and not twice when their item opens.
    const shapes = screen.width > 0 ? this.props.shapes : [];
    // Small ones on top, so that a cup in front of a person can be clicked; the selected one above all.
    const rest = shapes
      .filter((s) => !s.selected)
      .sort((a, b) => b.rect.width * b.rect.height - a.rect.width * a.rect.height);
    const chosen = shapes.filter((s) => s.selected);
    // What moves is drawn apart from what does not: a thousand boxes are not painted again with it.
    const still = rest.filter((s) => !s.ghost);
    const ghosts = rest.filter((s) => s.ghost);
    const layer = { view, width: screen.width, height: screen.height };
    const places = this.tagPlaces.of({ shapes, ...layer });
    const on = toScreen({ x: 0, y: 0, ...picture }, view);
    const place = `left: ${on.x}px; top: ${on.y}px; width: ${on.width}px; height: ${on.height}px`;
    return (
      <div
        ref={this.host}
        class={`stage ${active ? "stage-active" : ""} ${tool.drawing.value && active ? "stage-drawing" : ""} ${this.props.dim ? "stage-dim" : ""} ${shapes.length > MANY ? "stage-many" : ""}`}
        onPointerDown={this.down}
        onPointerMove={this.move}
        onPointerUp={this.up}
        onPointerCancel={this.up}
      >
        <canvas ref={this.canvas} class="stage-picture" style={place} role="img" aria-label={title} />
        <svg class="stage-labels" width={screen.width} height={screen.height} aria-hidden="true">
          <Boxes shapes={still} {...layer} />
        </svg>
        <svg class="stage-labels stage-over" width={screen.width} height={screen.height} aria-hidden="true">
          <Boxes shapes={ghosts} {...layer} />
          <Boxes shapes={chosen} {...layer} />
          {chosen[0] && !chosen[0].outline && (
            <Handles rect={chosen[0].rect} rotation={chosen[0].rotation ?? 0} view={view} edge={tool.edge.value} />
          )}
          {active && <Cross tool={tool} view={view} picture={picture} />}
        </svg>
        <div class="stage-tags" aria-hidden="true">
          {tagsShown.value && <Tags shapes={rest} places={places} {...layer} />}
          {tagsShown.value && <Tags shapes={chosen} places={places} {...layer} />}
        </div>
        {this.props.note && <div class="stage-note">{this.props.note}</div>}
      </div>
    );
  }
}

/** The cross of drawing by keyboard, and the box that is being drawn. */
function Cross({ tool, view, picture }: { tool: BoxTool; view: View; picture: Size }): preact.JSX.Element | null {
  const drawing = tool.drawing.value;
  if (!drawing) return null;
  const frame = toScreen({ x: 0, y: 0, ...picture }, view);
  const at = toScreen({ ...drawing.at, width: 0, height: 0 }, view);
  const box = drawing.first ? toScreen(between(drawing.first, drawing.at), view) : null;
  return (
    <g class="cross">
      <line x1={frame.x} x2={frame.x + frame.width} y1={at.y} y2={at.y} />
      <line x1={at.x} x2={at.x} y1={frame.y} y2={frame.y + frame.height} />
      {box && <rect {...box} />}
    </g>
  );
}

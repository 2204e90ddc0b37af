/** Boxes and their tags on a picture, in screen pixels. */
import { Component } from "preact";
import type { Ref } from "../../model/labels";
import { hullOf, type Outline } from "../../model/outline";
import { inside, placeTags, type Wish } from "../../model/tags";
import type { Edge, Handle, Point, Rect, View } from "../../model/geometry";
import { HANDLES, toScreen } from "../../model/geometry";
import { Pure } from "../../ui/pure";
import { classNames, type Look } from "../../ui/words";

export interface Shape {
  ref: Ref;
  rect: Rect;
  look: Look;
  selected: boolean;
  ghost: boolean;
  /** Shown where it would be, on a frame where it is not. */
  absent: boolean;
  occluded: boolean;
  /** Nobody saw it on this frame: its place is filled in. */
  unseen?: boolean;
  /** A label that is no box: this is drawn, in picture pixels, and `rect` is what it covers. It has no handles. */
  outline?: Outline | null;
  /** Degrees by which the box is turned about its centre, clockwise. */
  rotation?: number;
  /** Another name for its tag than the label's word. */
  title?: string;
  /** Its tag is shown only while it is selected. */
  quiet?: boolean;
}

/** The SVG transform of a box that is turned about its centre. */
const turnOf = (on: Rect, rotation: number): string | undefined =>
  rotation === 0 ? undefined : `rotate(${rotation} ${on.x + on.width / 2} ${on.y + on.height / 2})`;

interface BoxProps {
  capture: string;
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  rotation: number;
  view: View | null;
  outline: Outline | null;
  colour: number;
  model: boolean;
  low: boolean;
  selected: boolean;
  ghost: boolean;
  absent: boolean;
  occluded: boolean;
  unseen: boolean;
}

class BoxShape extends Pure<BoxProps> {
  override render(): preact.JSX.Element {
    const p = this.props;
    const names = classNames(
      "box",
      p.model && "box-model",
      p.selected && "box-selected",
      p.ghost && "box-ghost",
      p.absent && "box-absent",
      p.low && "box-low",
      p.occluded && "box-occluded",
      p.unseen && "box-unseen",
      p.outline && "box-outline",
      p.outline?.shape === "mask" && "box-mask",
    );
    return (
      <g class={names} style={`--colour: var(--label-${p.colour})`} data-capture={p.capture} data-label={p.id}>
        {this.line("box-halo")}
        {this.line("box-line")}
      </g>
    );
  }

  private line(name: string): preact.JSX.Element {
    const { outline, view, x, y, width, height, rotation } = this.props;
    if (!outline || !view)
      return (
        <rect x={x} y={y} width={width} height={height} class={name} transform={turnOf({ x, y, width, height }, rotation)} />
      );
    if (outline.shape === "mask")
      return (
        <path
          d={outline.path}
          class={name}
          fill-rule="evenodd"
          vector-effect="non-scaling-stroke"
          transform={`translate(${view.dx} ${view.dy}) scale(${view.scale})`}
        />
      );
    const points = outline.points.map((p) => ({ x: p.x * view.scale + view.dx, y: p.y * view.scale + view.dy }));
    if (outline.shape === "dots")
      return (
        <>
          {points.map((p, index) => (
            <circle key={index} cx={p.x} cy={p.y} r={5} class={name} />
          ))}
        </>
      );
    const list = points.map((p) => `${p.x},${p.y}`).join(" ");
    return outline.shape === "line" ? (
      <polyline points={list} class={name} />
    ) : (
      <polygon points={list} class={name} />
    );
  }
}

interface TagProps {
  x: number;
  y: number;
  name: string;
  digit: number;
  score: string;
  colour: number;
  striped: boolean;
  low: boolean;
  selected: boolean;
  ghost: boolean;
  model: boolean;
}

class Tag extends Pure<TagProps> {
  override render(): preact.JSX.Element {
    const p = this.props;
    const names = classNames(
      "tag",
      p.selected && "tag-selected",
      p.ghost && "tag-ghost",
      p.low && "tag-low",
      p.striped && "tag-striped",
    );
    return (
      <div class={names} style={`--colour: var(--label-${p.colour}); left: ${p.x}px; top: ${p.y}px`}>
        {p.digit > 0 && <kbd>{p.digit}</kbd>}
        <span>{p.name}</span>
        {p.score && <b>{p.score}</b>}
        {p.ghost && <i>rejected</i>}
      </div>
    );
  }
}

/** Wide enough for what stands in it: a tag at the right edge is pushed in, not cut. */
const tagWidth = (name: string, look: Look, ghost: boolean): number =>
  30 + 8 * (name.length + (look.score ? 5 : 0) + (ghost ? 9 : 0));

interface LayerProps {
  shapes: readonly Shape[];
  view: View;
  width: number;
  height: number;
}

const sameRect = (a: Rect, b: Rect): boolean =>
  a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

const sameShape = (a: Shape, b: Shape): boolean =>
  a === b ||
  (a.ref.id === b.ref.id &&
    a.ref.capture === b.ref.capture &&
    a.look === b.look &&
    a.selected === b.selected &&
    a.ghost === b.ghost &&
    a.absent === b.absent &&
    a.occluded === b.occluded &&
    a.unseen === b.unseen &&
    a.outline === b.outline &&
    a.rotation === b.rotation &&
    a.title === b.title &&
    a.quiet === b.quiet &&
    sameRect(a.rect, b.rect));

const sameView = (a: LayerProps, b: LayerProps): boolean =>
  a.width === b.width &&
  a.height === b.height &&
  a.view.scale === b.view.scale &&
  a.view.dx === b.view.dx &&
  a.view.dy === b.view.dy;

/** A layer is drawn again only when one of its shapes or the view is another: a held arrow moves one box of a thousand. */
abstract class Layer<P extends LayerProps = LayerProps> extends Component<P> {
  override shouldComponentUpdate(next: Readonly<P>): boolean {
    const now = this.props;
    return (
      !sameView(now, next) ||
      now.shapes.length !== next.shapes.length ||
      now.shapes.some((shape, index) => !sameShape(shape, next.shapes[index] as Shape))
    );
  }
}

const keyOf = (shape: Shape): string => `${shape.ref.id}${shape.ghost ? "-ghost" : ""}`;

export class Boxes extends Layer {
  override render(): preact.JSX.Element {
    const { shapes, view } = this.props;
    return (
      <g>
        {shapes.map((shape) => (
          <BoxShape
            key={keyOf(shape)}
            capture={shape.ref.capture}
            id={shape.ref.id}
            {...toScreen(shape.rect, view)}
            rotation={shape.rotation ?? 0}
            colour={shape.look.colour}
            model={shape.look.model}
            low={shape.look.low}
            selected={shape.selected}
            ghost={shape.ghost}
            absent={shape.absent}
            occluded={shape.occluded}
            unseen={shape.unseen === true}
            outline={shape.outline ?? null}
            // Only what has points is drawn in the view itself; a box of a thousand stays as it is.
            view={shape.outline ? view : null}
          />
        ))}
      </g>
    );
  }
}

/** Where each shape's name stands; the same as long as no shape, name or view is another, whatever is selected. */
export class TagPlaces {
  private for: LayerProps | null = null;
  private places = new Map<string, Point>();

  of(layer: LayerProps): ReadonlyMap<string, Point> {
    if (this.for && !this.differs(this.for, layer)) return this.places;
    this.for = layer;
    const { view, width, height } = layer;
    const named = layer.shapes.filter((shape) => !shape.quiet).sort(byGhostAndArea);
    const found = placeTags(
      named.map((shape) => wishOf(shape, view)),
      { width, height },
    );
    this.places = new Map(
      named.flatMap((shape, index): [string, Point][] => {
        const at = found[index];
        return at ? [[keyOf(shape), at]] : [];
      }),
    );
    return this.places;
  }

  private differs(was: LayerProps, now: LayerProps): boolean {
    return (
      !sameView(was, now) ||
      was.shapes.length !== now.shapes.length ||
      was.shapes.some((shape, index) => !sameName(shape, now.shapes[index] as Shape))
    );
  }
}

const byGhostAndArea = (a: Shape, b: Shape): number =>
  Number(a.ghost) - Number(b.ghost) || b.rect.width * b.rect.height - a.rect.width * a.rect.height;

const sameName = (a: Shape, b: Shape): boolean =>
  a === b ||
  (a.ref.id === b.ref.id &&
    a.ref.capture === b.ref.capture &&
    a.look === b.look &&
    a.ghost === b.ghost &&
    a.quiet === b.quiet &&
    a.title === b.title &&
    a.rotation === b.rotation &&
    sameRect(a.rect, b.rect));

const wishOf = (shape: Shape, view: View): Wish => ({
  on: toScreen(hullOf(shape.rect, shape.rotation ?? 0), view),
  width: tagWidth(shape.title ?? shape.look.name, shape.look, shape.ghost),
});

interface TagsProps extends LayerProps {
  places: ReadonlyMap<string, Point>;
}

export class Tags extends Layer<TagsProps> {
  override shouldComponentUpdate(next: Readonly<TagsProps>): boolean {
    return next.places !== this.props.places || super.shouldComponentUpdate(next);
  }

  override render(): preact.JSX.Element {
    return <div class="tags">{this.props.shapes.map((shape) => this.tag(shape))}</div>;
  }

  private tag(shape: Shape): preact.JSX.Element | null {
    const { view, width, height, places } = this.props;
    const { look, ghost, selected } = shape;
    const known = places.get(keyOf(shape));
    // The selected one has its name in any case.
    const at = known ?? (selected ? inside(wishOf(shape, view), { width, height }) : null);
    if (!at) return null;
    return (
      <Tag
        key={keyOf(shape)}
        x={at.x}
        y={at.y}
        name={shape.title ?? look.name}
        digit={look.digit}
        score={look.score}
        colour={look.colour}
        striped={look.striped}
        low={look.low}
        selected={selected}
        ghost={ghost}
        model={look.model}
      />
    );
  }
}

const CURSORS: Record<Handle, string> = {
  "top-left": "nwse-resize",
  "bottom-right": "nwse-resize",
  "top-right": "nesw-resize",
  "bottom-left": "nesw-resize",
  left: "ew-resize",
  right: "ew-resize",
  top: "ns-resize",
  bottom: "ns-resize",
  inside: "move",
};

/** The eight handles of the selected box, and the edge that arrows move. */
export function Handles({
  rect,
  rotation,
  view,
  edge,
}: {
  rect: Rect;
  rotation: number;
  view: View;
  edge: Edge | "choose" | null;
}): preact.JSX.Element {
  const on = toScreen(rect, view);
  const x = { left: on.x, middle: on.x + on.width / 2, right: on.x + on.width };
  const y = { top: on.y, middle: on.y + on.height / 2, bottom: on.y + on.height };
  const lines: Record<Edge, [number, number, number, number]> = {
    left: [x.left, y.top, x.left, y.bottom],
    right: [x.right, y.top, x.right, y.bottom],
    top: [x.left, y.top, x.right, y.top],
    bottom: [x.left, y.bottom, x.right, y.bottom],
  };
  const chosen: Edge[] = edge === null ? [] : edge === "choose" ? ["left", "right", "top", "bottom"] : [edge];
  return (
    <g transform={turnOf(on, rotation)}>
      {chosen.map((name) => {
        const [x1, y1, x2, y2] = lines[name];
        return (
          <line
            key={name}
            class={classNames("edge", edge === "choose" && "edge-asked")}
            x1={x1}
            y1={y1}
            x2={x2}
            y2={y2}
          />
        );
      })}
      {HANDLES.map((handle) => (
        <rect
          key={handle}
          class="handle"
          data-handle={handle}
          style={{ cursor: CURSORS[handle] }}
          width={9}
          height={9}
          x={(handle.includes("left") ? x.left : handle.includes("right") ? x.right : x.middle) - 4.5}
          y={(handle.includes("top") ? y.top : handle.includes("bottom") ? y.bottom : y.middle) - 4.5}
        />
      ))}
    </g>
  );
}

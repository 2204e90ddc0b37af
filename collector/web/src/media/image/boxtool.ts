/** Drawing and changing one box by keyboard: modes, steps, and the words about them. */
import { signal } from "@preact/signals";
import {
  between,
  edgeMoved,
  insidePicture,
  turnedInPlace,
  moved,
  type Edge,
  type Point,
  type Rect,
  type Size,
} from "../../model/geometry";
import type { Stroke } from "../../model/keys";

export interface Drawing {
  first: Point | null;
  at: Point;
}

export interface BoxTarget {
  /** The picture that is worked on; null while there is none. */
  picture(): Size | null;
  /** The selected box, where arrows would move it; null when there is none. */
  selected(): Rect | null;
  /** Degrees by which the selected box is turned, clockwise; 0 when it is upright. */
  rotation?(): number;
  /** The name that a new box will have, where it has one. */
  word?(): string;
  change(rect: Rect, series: string): void;
  create(rect: Rect): void;
  status(text: string | null): void;
}

const STEP = 1;
const FAR = 10;
const DRAW_STEP = 10;
const DRAW_FAR = 50;
/** A smaller one is a slip of the hand. */
const MIN_DRAWN = 3;

const directions: Partial<Record<Stroke["command"], { edge: Edge; x: number; y: number }>> = {
  left: { edge: "left", x: -1, y: 0 },
  right: { edge: "right", x: 1, y: 0 },
  up: { edge: "top", x: 0, y: -1 },
  down: { edge: "bottom", x: 0, y: 1 },
};

export class BoxTool {
  /** The edge arrows move; "choose" while one is being asked for; null: the whole box. */
  readonly edge = signal<Edge | "choose" | null>(null);
  readonly drawing = signal<Drawing | null>(null);

  constructor(private readonly target: BoxTarget) {}

  reset(): void {
    this.edge.value = null;
    this.drawing.value = null;
    this.target.status(null);
  }

  command(stroke: Stroke): boolean {
    if (this.drawing.value) return this.draw(stroke, this.drawing.value);
    const direction = directions[stroke.command];
    if (direction) return this.arrow(direction, stroke.far);
    switch (stroke.command) {
      case "draw":
        return this.start();
      case "edge":
        if (!this.target.selected()) return true;
        this.setEdge(this.edge.value === null ? "choose" : null);
        return true;
      case "leave":
        if (this.edge.value === null) return false;
        this.setEdge(null);
        return true;
      case "next-label":
      case "previous-label":
        this.setEdge(null);
        return false;
      default:
        return false;
    }
  }

  private start(): boolean {
    const picture = this.target.picture();
    if (!picture) return true;
    this.setEdge(null);
    this.drawing.value = { first: null, at: { x: Math.round(picture.width / 2), y: Math.round(picture.height / 2) } };
    this.announce();
    return true;
  }

  /** What is drawn, under which name, and what comes next. */
  announce(): void {
    const drawing = this.drawing.value;
    if (!drawing) return;
    const word = this.target.word?.();
    const what = word === undefined ? "New box" : `New box “${word}”`;
    const rename = word === undefined ? "" : " 1 … 9 or 0: another name.";
    const next =
      drawing.first === null
        ? "drag, or move the cross with the arrows and press Space"
        : "now the opposite corner: arrows, then Space";
    this.target.status(`${what}: ${next}. Esc cancels.${rename}`);
  }

  private setEdge(edge: Edge | "choose" | null): void {
    this.edge.value = edge;
    if (edge === null) this.target.status(null);
    else if (edge === "choose") this.target.status("Which edge? Press ← ↑ → or ↓. E again: the whole box.");
    else this.target.status(`Arrows move the ${edge} edge. E: the whole box.`);
  }

  private arrow(to: { edge: Edge; x: number; y: number }, far: boolean): boolean {
    const edge = this.edge.value;
    if (edge === "choose") {
      this.setEdge(to.edge);
      return true;
    }
    const rect = this.target.selected();
    if (!rect) return false;
    const step = far ? FAR : STEP;
    if (edge === null) {
      this.target.change(moved(rect, to.x * step, to.y * step), "nudge");
      return true;
    }
    const along = edge === "left" || edge === "right" ? to.x : to.y;
    // An arrow across the edge chooses the other pair of edges: four keys reach all four.
    if (along === 0) this.setEdge(to.edge);
    else
      this.target.change(
        turnedInPlace(rect, edgeMoved(rect, edge, along * step), this.target.rotation?.() ?? 0),
        "nudge-edge",
      );
    return true;
  }

  private draw(stroke: Stroke, drawing: Drawing): boolean {
    const direction = directions[stroke.command];
    const picture = this.target.picture();
    if (!picture) return true;
    if (direction) {
      const step = stroke.far ? DRAW_FAR : DRAW_STEP;
      const at = insidePicture({ x: drawing.at.x + direction.x * step, y: drawing.at.y + direction.y * step }, picture);
      this.drawing.value = { ...drawing, at };
      return true;
    }
    switch (stroke.command) {
      case "confirm":
      case "play":
      case "submit":
        this.corner(drawing);
        return true;
      case "leave":
      case "draw":
        this.reset();
        return true;
      case "keys":
      case "theme":
      case "digit":
      case "names":
        return false;
      default:
        // Any other key would do something to labels that are not looked at now.
        return true;
    }
  }

  private corner(drawing: Drawing): void {
    if (drawing.first === null) {
      this.drawing.value = { first: drawing.at, at: drawing.at };
      this.announce();
      return;
    }
    this.finish(between(drawing.first, drawing.at));
  }

  /** A pointer or the second corner ended the drawing. */
  finish(rect: Rect): void {
    if (rect.width < MIN_DRAWN || rect.height < MIN_DRAWN) {
      this.target.status("The box is too small. Move the cross further, or drag.");
      return;
    }
    this.reset();
    this.target.create(rect);
  }
}

/** What is drawn for labels that are no boxes: polygons, lines, keypoints and masks. All functions are pure. */
import type { Label } from "../api/types";
import { turned, type Point, type Rect } from "./geometry";
import { maskShape } from "./masks";

export interface Outline {
  shape: "area" | "line" | "dots" | "mask";
  /** Of a mask: the corners of the box around it. */
  points: readonly Point[];
  /** Of a mask: SVG path data in picture pixels. */
  path?: string;
  /** Of a mask: its number of pixels. */
  area?: number;
}

const outlines = new WeakMap<Label, Outline | null>();

/**
 * Null for kinds that have no outline, for keypoints of which none is labelled, and for a mask that is empty or cannot
 * be read; the same object for the same label.
 */
export function outlineOf(label: Label): Outline | null {
  const known = outlines.get(label);
  if (known !== undefined) return known;
  const made = makeOutline(label);
  outlines.set(label, made);
  return made;
}

function makeOutline(label: Label): Outline | null {
  switch (label.kind) {
    case "polygon":
    case "polyline":
      return { shape: label.kind === "polygon" ? "area" : "line", points: label.points.map(([x, y]) => ({ x, y })) };
    case "keypoints": {
      // COCO's v: 0 is not labelled, and its numbers mean nothing (contracts.md).
      const points = label.points.filter(([, , v]) => v > 0).map(([x, y]) => ({ x, y }));
      return points.length > 0 ? { shape: "dots", points } : null;
    }
    case "mask": {
      const mask = maskShape(label.rle);
      if (mask === null) return null;
      const points = cornersOf(mask.bounds).map(([x, y]) => ({ x, y }));
      return { shape: "mask", points, path: mask.path, area: mask.area };
    }
    default:
      return null;
  }
}

/** The upright box around a box that is turned about its centre by degrees, clockwise. */
export function hullOf(r: Rect, degrees: number): Rect {
  if (degrees === 0) return r;
  const centre = { x: r.x + r.width / 2, y: r.y + r.height / 2 };
  const corners = cornersOf(r).map(([x, y]) => turned({ x: x - centre.x, y: y - centre.y }, degrees));
  return boundsOf(corners.map((p) => ({ x: p.x + centre.x, y: p.y + centre.y })));
}

/** The smallest upright box around points. */
export function boundsOf(points: readonly Point[]): Rect {
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** The four corners of a box, clockwise from the top left, as a polygon's points. */
export const cornersOf = (r: Rect): [number, number][] => [
  [r.x, r.y],
  [r.x + r.width, r.y],
  [r.x + r.width, r.y + r.height],
  [r.x, r.y + r.height],
];

/** Boxes that can be seen: one may pass the edge of the picture, but neither leave it nor be empty. Pure. */
import type { Label, TaskView } from "../api/types";
import type { Rect, Size } from "./geometry";
import type { Ref, Work } from "./labels";
import { hullOf } from "./outline";

/** What stays in the picture of a box that is pushed out, in pixels of the picture. */
const MIN_INSIDE_PX = 1;

/** How far a stretch from `from` to `to` has to go to have a pixel in 0 … `size`; 0 when it has one. */
function shift(from: number, to: number, size: number): number {
  const inside = Math.min(MIN_INSIDE_PX, to - from);
  if (to < inside) return inside - to;
  return from > size - inside ? size - inside - from : 0;
}

/** `after`, or where that has left the picture: as far out as it may be moved; `before` when its edge went too far. */
export function clampedInside(before: Rect, after: Rect, rotation: number, picture: Size): Rect {
  const hull = hullOf(after, rotation);
  const dx = shift(hull.x, hull.x + hull.width, picture.width);
  const dy = shift(hull.y, hull.y + hull.height, picture.height);
  if (dx === 0 && dy === 0) return after;
  const isMove = before.width === after.width && before.height === after.height;
  return isMove ? { ...after, x: after.x + dx, y: after.y + dy } : before;
}

/** The same rule as prelabel/geometry/validity.py: what no reader takes. The end of a sentence, null where nothing is wrong. */
function faultOf(label: Label, picture: Size | null): string | null {
  if (label.kind === "box") return empty(label) ?? outside(hullOf(label, label.rotation ?? 0), picture);
  if (label.kind !== "track") return null;
  const seen = label.keyframes.filter((k) => k.visible);
  const fault = seen.map((k) => empty(k)).find((f) => f !== null);
  if (fault || seen.length === 0) return fault ?? null;
  return seen.every((k) => outside(k, picture) !== null) ? "is outside the picture" : null;
}

const empty = (r: Rect): string | null => (r.width > 0 && r.height > 0 ? null : "has no width or no height");

function outside(r: Rect, picture: Size | null): string | null {
  if (!picture) return null;
  const out = r.x + r.width <= 0 || r.y + r.height <= 0 || r.x >= picture.width || r.y >= picture.height;
  return out ? "is outside the picture" : null;
}

/** The first label that would not be taken, and why, in a sentence; null when all of them would be. */
export function misplaced(view: TaskView, work: Work): { ref: Ref; why: string } | null {
  for (const [capture, labels] of Object.entries(work)) {
    const format = view.captures.find((c) => c.id === capture)?.format;
    const picture = format?.width && format.height ? { width: format.width, height: format.height } : null;
    for (const label of labels) {
      const fault = faultOf(label, picture);
      if (fault)
        return { ref: { capture, id: label.id }, why: `“${label.label}” ${fault}. Move it, redraw it or reject it (X).` };
    }
  }
  return null;
}

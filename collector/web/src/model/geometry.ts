/** Boxes in float pixels of the stored image: origin top-left, x right, y down (contracts.md, Geometry). */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Size {
  width: number;
  height: number;
}
export interface Point {
  x: number;
  y: number;
}

export type Edge = "left" | "right" | "top" | "bottom";
export type Handle = Edge | "top-left" | "top-right" | "bottom-left" | "bottom-right" | "inside";
export const HANDLES: readonly Handle[] = [
  "top-left",
  "top",
  "top-right",
  "right",
  "bottom-right",
  "bottom",
  "bottom-left",
  "left",
];

/** Boxes smaller than this cannot be seen or grabbed. */
export const MIN_SIDE = 1;

export const moved = (r: Rect, dx: number, dy: number): Rect => ({ ...r, x: r.x + dx, y: r.y + dy });

/** The box with one edge moved by `delta` pixels (right and down positive); an edge never passes its opposite. */
export function edgeMoved(r: Rect, edge: Edge, delta: number): Rect {
  switch (edge) {
    case "left": {
      const x = Math.min(r.x + delta, r.x + r.width - MIN_SIDE);
      return { ...r, x, width: r.x + r.width - x };
    }
    case "right":
      return { ...r, width: Math.max(MIN_SIDE, r.width + delta) };
    case "top": {
      const y = Math.min(r.y + delta, r.y + r.height - MIN_SIDE);
      return { ...r, y, height: r.y + r.height - y };
    }
    case "bottom":
      return { ...r, height: Math.max(MIN_SIDE, r.height + delta) };
  }
}

/** What dragging a handle by (dx, dy) does. */
export function dragged(r: Rect, handle: Handle, dx: number, dy: number, rotation = 0): Rect {
  if (handle === "inside") return moved(r, dx, dy);
  const by = turned({ x: dx, y: dy }, -rotation);
  let out = r;
  if (handle.includes("left")) out = edgeMoved(out, "left", by.x);
  if (handle.includes("right")) out = edgeMoved(out, "right", by.x);
  if (handle.includes("top")) out = edgeMoved(out, "top", by.y);
  if (handle.includes("bottom")) out = edgeMoved(out, "bottom", by.y);
  return turnedInPlace(r, out, rotation);
}

/** A vector turned by degrees, clockwise (y points down). */
export function turned(p: Point, degrees: number): Point {
  const angle = (degrees * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return { x: p.x * cos - p.y * sin, y: p.x * sin + p.y * cos };
}

/**
 * What a change of the upright box means for a box that is turned about its centre: a moved edge must not swing the
 * others around, so the centre moves along the turned axes.
 */
export function turnedInPlace(before: Rect, after: Rect, degrees: number): Rect {
  if (degrees === 0 || (before.width === after.width && before.height === after.height)) return after;
  const centre = { x: before.x + before.width / 2, y: before.y + before.height / 2 };
  const by = turned(
    { x: after.x + after.width / 2 - centre.x, y: after.y + after.height / 2 - centre.y },
    degrees,
  );
  return { ...after, x: centre.x + by.x - after.width / 2, y: centre.y + by.y - after.height / 2 };
}

/** The box between two corners, in any order, at least MIN_SIDE in both directions. */
export function between(a: Point, b: Point): Rect {
  return {
    x: Math.min(a.x, b.x),
    y: Math.min(a.y, b.y),
    width: Math.max(MIN_SIDE, Math.abs(a.x - b.x)),
    height: Math.max(MIN_SIDE, Math.abs(a.y - b.y)),
  };
}

/** Keeps a point in the picture. A box may pass the edge (contracts.md); a pointer that draws one may not. */
export const insidePicture = (p: Point, size: Size): Point => ({
  x: Math.min(Math.max(p.x, 0), size.width),
  y: Math.min(Math.max(p.y, 0), size.height),
});

export function iou(a: Rect, b: Rect): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const common = width * height;
  return common / (a.width * a.height + b.width * b.height - common);
}

/** Screen = picture * scale + (dx, dy). */
export interface View {
  scale: number;
  dx: number;
  dy: number;
}

/** The view that shows the whole picture, centred, with `margin` pixels of screen around it. */
export function fit(picture: Size, screen: Size, margin = 0): View {
  const space = { width: Math.max(1, screen.width - 2 * margin), height: Math.max(1, screen.height - 2 * margin) };
  const scale = Math.min(space.width / picture.width, space.height / picture.height);
  return {
    scale,
    dx: (screen.width - picture.width * scale) / 2,
    dy: (screen.height - picture.height * scale) / 2,
  };
}

/** The view that shows `r` as large as is useful: with half its size around it, at most 8 screen pixels a pixel. */
export function zoomedTo(r: Rect, picture: Size, screen: Size): View {
  const around = { x: r.x - r.width / 2, y: r.y - r.height / 2, width: 2 * r.width, height: 2 * r.height };
  const least = fit(picture, screen).scale;
  const scale = Math.min(8, Math.max(least, Math.min(screen.width / around.width, screen.height / around.height)));
  return {
    scale,
    dx: screen.width / 2 - (r.x + r.width / 2) * scale,
    dy: screen.height / 2 - (r.y + r.height / 2) * scale,
  };
}

/** This view, or where the box would not be seen whole in it though it could be, the same scale with the box in the middle. */
export function inView(r: Rect, view: View, screen: Size): View {
  const on = toScreen(r, view);
  const hidden = (from: number, size: number, space: number): boolean =>
    size <= space ? from < 0 || from + size > space : from > space / 2 || from + size < space / 2;
  const across = hidden(on.x, on.width, screen.width);
  const down = hidden(on.y, on.height, screen.height);
  if (!across && !down) return view;
  return {
    scale: view.scale,
    dx: across ? screen.width / 2 - (r.x + r.width / 2) * view.scale : view.dx,
    dy: down ? screen.height / 2 - (r.y + r.height / 2) * view.scale : view.dy,
  };
}

export const toScreen = (r: Rect, v: View): Rect => ({
  x: r.x * v.scale + v.dx,
  y: r.y * v.scale + v.dy,
  width: r.width * v.scale,
  height: r.height * v.scale,
});

export const toPicture = (p: Point, v: View): Point => ({ x: (p.x - v.dx) / v.scale, y: (p.y - v.dy) / v.scale });

/** The view after zooming by `factor` around a point of the screen that stays where it is. */
export function zoomedAt(v: View, at: Point, factor: number, least: number): View {
  const scale = Math.min(16, Math.max(least, v.scale * factor));
  const change = scale / v.scale;
  return { scale, dx: at.x - (at.x - v.dx) * change, dy: at.y - (at.y - v.dy) * change };
}

/** In how many columns pictures of these sizes are seen largest, side by side or one under the other, all in equal cells. */
export function bestColumns(pictures: readonly Size[], screen: Size): number {
  const covered = (columns: number): number => {
    const cell = { width: screen.width / columns, height: screen.height / Math.ceil(pictures.length / columns) };
    return pictures.reduce((sum, p) => sum + p.width * p.height * fit(p, cell).scale ** 2, 0);
  };
  let best = pictures.length;
  for (let columns = pictures.length - 1; columns > 0; columns -= 1) if (covered(columns) > covered(best)) best = columns;
  return Math.max(1, best);
}

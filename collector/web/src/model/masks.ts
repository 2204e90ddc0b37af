/** Masks as COCO's run lengths (prelabel/geometry/rle.py writes them): where they are and their outline. All functions are pure. */
import type { Rect } from "./geometry";

export interface MaskRle {
  /** Height and width of the picture. */
  size: readonly [number, number] | readonly number[];
  counts: string;
}

const FIRST = 48;

/** The counts of 0 and 1 in turns, down the columns. Null: they are damaged or do not add up to the picture's size. */
export function runsOf(rle: MaskRle): number[] | null {
  const [height = 0, width = 0] = rle.size;
  const counts: number[] = [];
  let value = 0;
  let weight = 1;
  let total = 0;
  for (let at = 0; at < rle.counts.length; at += 1) {
    const symbol = rle.counts.charCodeAt(at) - FIRST;
    if (symbol < 0 || symbol > 63) return null;
    value += (symbol & 31) * weight;
    weight *= 32;
    if (symbol & 32) continue;
    if (symbol & 16) value -= weight;
    // From the fourth count on it is the difference to the one before the last.
    if (counts.length > 2) value += counts[counts.length - 2] as number;
    if (value < 0) return null;
    counts.push(value);
    total += value;
    value = 0;
    weight = 1;
  }
  return weight === 1 && total === height * width ? counts : null;
}

export interface MaskShape {
  bounds: Rect;
  /** Number of pixels. */
  area: number;
  /** SVG path data along the edges of the pixels, in picture pixels; holes are loops of their own. */
  path: string;
}

/** The pixels of a mask as an outline; null where it has none or cannot be read. */
export function maskShape(rle: MaskRle): MaskShape | null {
  const counts = runsOf(rle);
  const height = rle.size[0] ?? 0;
  if (counts === null) return null;
  const runs = runsDown(counts, height);
  if (runs.length === 0) return null;
  const left = (runs[0] as Run).column;
  const right = (runs[runs.length - 1] as Run).column + 1;
  const top = runs.reduce((least, run) => Math.min(least, run.from), Infinity);
  const bottom = runs.reduce((most, run) => Math.max(most, run.to), 0);
  const bounds = { x: left, y: top, width: right - left, height: bottom - top };
  const grid = new Grid(bounds, runs);
  return { bounds, area: runs.reduce((sum, run) => sum + run.to - run.from, 0), path: outlinePath(grid) };
}

/** The rows [from, to) of one column that are in the mask. */
interface Run {
  column: number;
  from: number;
  to: number;
}

function runsDown(counts: readonly number[], height: number): Run[] {
  const runs: Run[] = [];
  let at = 0;
  counts.forEach((count, index) => {
    const end = at + count;
    while (index % 2 === 1 && at < end) {
      const column = Math.floor(at / height);
      const to = Math.min(end, (column + 1) * height);
      runs.push({ column, from: at - column * height, to: to - column * height });
      at = to;
    }
    at = end;
  });
  return runs;
}

/** The pixels of a mask's bounds. Outside of them there are none. */
class Grid {
  private readonly bits: Uint8Array;

  constructor(
    readonly bounds: Rect,
    runs: readonly Run[],
  ) {
    this.bits = new Uint8Array(bounds.width * bounds.height);
    for (const { column, from, to } of runs)
      for (let row = from; row < to; row += 1) this.bits[(row - bounds.y) * bounds.width + column - bounds.x] = 1;
  }

  has(x: number, y: number): boolean {
    const { width, height } = this.bounds;
    return x >= 0 && y >= 0 && x < width && y < height && this.bits[y * width + x] === 1;
  }
}

type Step = readonly [number, number];
const RIGHT = 0;
const STEPS: readonly Step[] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];
/** The pixels ahead of a corner, seen in each direction: the one to the left and the one to the right of it. */
const AHEAD: readonly (readonly [Step, Step])[] = [
  [[0, -1], [0, 0]],
  [[0, 0], [-1, 0]],
  [[-1, 0], [-1, -1]],
  [[-1, -1], [0, -1]],
];

/** Walks around every area with its inside to the right; pixels that touch at a corner are one area. */
function outlinePath(grid: Grid): string {
  const { x: left, y: top, width, height } = grid.bounds;
  const seen = new Uint8Array(width * height);
  const parts: string[] = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (seen[y * width + x] === 1 || !grid.has(x, y) || grid.has(x, y - 1)) continue;
      parts.push(`M${left + x} ${top + y}${loopFrom(grid, seen, x, y)}Z`);
    }
  }
  return parts.join("");
}

/** The corners of the loop that begins to the right along the upper edge of this pixel. */
function loopFrom(grid: Grid, seen: Uint8Array, x0: number, y0: number): string {
  const { x: left, y: top, width } = grid.bounds;
  let [x, y, way] = [x0, y0, RIGHT];
  let out = "";
  do {
    if (way === RIGHT) seen[y * width + x] = 1;
    const [dx, dy] = STEPS[way] as Step;
    x += dx;
    y += dy;
    const [onLeft, onRight] = AHEAD[way] as readonly [Step, Step];
    const turn = grid.has(x + onLeft[0], y + onLeft[1]) ? 3 : grid.has(x + onRight[0], y + onRight[1]) ? 0 : 1;
    if (turn === 0) continue;
    out += dx !== 0 ? `H${left + x}` : `V${top + y}`;
    way = (way + turn) % 4;
  } while (x !== x0 || y !== y0 || way !== RIGHT);
  return out;
}

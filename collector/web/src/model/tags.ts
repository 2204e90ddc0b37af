/** Where the names of boxes stand on a picture: beside what they name, on nothing else. Pure. */
import type { Point, Rect, Size } from "./geometry";

export interface Wish {
  /** What is named, upright and on screen. */
  on: Rect;
  width: number;
}

export const TAG_HEIGHT = 20;
/** No name hides more of another thing than this. */
const MAX_COVERED = 0.35;
/** Among more things than this a name that has no space is left out: it is in the list, and on the one that is selected. */
const FEW = 60;
const CELL = 64;

const overlap = (a: Rect, b: Rect): number => {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
};

/** Rectangles by where they are, so that each is compared with its neighbours only. */
class Places {
  private readonly cells = new Map<number, { rect: Rect; owner: number }[]>();

  private each(rect: Rect, visit: (key: number) => void): void {
    const right = Math.floor((rect.x + rect.width) / CELL);
    const bottom = Math.floor((rect.y + rect.height) / CELL);
    for (let x = Math.floor(rect.x / CELL); x <= right; x += 1)
      for (let y = Math.floor(rect.y / CELL); y <= bottom; y += 1) visit(x * 4096 + y);
  }

  add(rect: Rect, owner: number): void {
    this.each(rect, (key) => {
      const cell = this.cells.get(key);
      if (cell) cell.push({ rect, owner });
      else this.cells.set(key, [{ rect, owner }]);
    });
  }

  some(rect: Rect, test: (rect: Rect, owner: number) => boolean): boolean {
    let found = false;
    this.each(rect, (key) => {
      found ||= this.cells.get(key)?.some((row) => test(row.rect, row.owner)) ?? false;
    });
    return found;
  }
}

/** Where a name may stand, best first: above, below, above from the right, beside, and inside what is large. */
function candidates({ on, width }: Wish): Point[] {
  const right = on.x + on.width;
  const bottom = on.y + on.height;
  const rows: Point[] = [
    { x: on.x, y: on.y - TAG_HEIGHT },
    { x: on.x, y: bottom },
    { x: right - width, y: on.y - TAG_HEIGHT },
    { x: right - width, y: bottom },
    { x: right, y: on.y },
    { x: on.x - width, y: on.y },
  ];
  if (on.width > 1.5 * width && on.height > 3 * TAG_HEIGHT) rows.push({ x: on.x, y: on.y });
  return rows;
}

/** A place on the screen for each name, null where it has none; the first in the list chooses first. */
export function placeTags(wishes: readonly Wish[], screen: Size): (Point | null)[] {
  const small = new Places();
  const taken = new Places();
  wishes.forEach(({ on, width }, owner) => {
    if (on.width * on.height < (width * TAG_HEIGHT) / MAX_COVERED) small.add(on, owner);
  });
  const few = wishes.length <= FEW;
  return wishes.map((wish, owner) => {
    const { width } = wish;
    const isFree = (at: Point): boolean => {
      const tag = { ...at, width, height: TAG_HEIGHT };
      return (
        at.x >= 0 &&
        at.y >= 0 &&
        at.x + width <= screen.width &&
        at.y + TAG_HEIGHT <= screen.height &&
        !taken.some(tag, (other) => overlap(tag, other) > 0) &&
        !small.some(tag, (other, of) => of !== owner && overlap(tag, other) > MAX_COVERED * other.width * other.height)
      );
    };
    const at = candidates(wish).find(isFree) ?? (few ? inside(wish, screen) : null);
    if (at) taken.add({ ...at, width, height: TAG_HEIGHT }, owner);
    return at;
  });
}

/** Above what is named, pushed into the screen. Null: all of it is out of sight. */
export function inside({ on, width }: Wish, screen: Size): Point | null {
  if (on.x > screen.width || on.y > screen.height || on.x + on.width < 0 || on.y + on.height < 0) return null;
  const y = on.y < TAG_HEIGHT ? on.y : on.y - TAG_HEIGHT;
  return {
    x: Math.min(Math.max(0, on.x), Math.max(0, screen.width - width)),
    y: Math.min(Math.max(0, y), Math.max(0, screen.height - TAG_HEIGHT)),
  };
}

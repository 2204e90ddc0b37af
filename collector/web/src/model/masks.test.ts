import { describe, expect, test } from "vitest";
import { maskShape, runsOf } from "./masks";

/** COCO's counts of a picture given in rows of `.` and `#` (maskApi.c, rleEncode and rleToString). */
function encoded(rows: readonly string[]): { size: [number, number]; counts: string } {
  const height = rows.length;
  const width = rows[0]?.length ?? 0;
  const runs: number[] = [];
  let last = ".";
  let length = 0;
  for (let x = 0; x < width; x += 1)
    for (let y = 0; y < height; y += 1) {
      const pixel = rows[y]?.[x] as string;
      if (pixel !== last) {
        runs.push(length);
        length = 0;
        last = pixel;
      }
      length += 1;
    }
  runs.push(length);
  let counts = "";
  runs.forEach((run, index) => {
    let value = index > 2 ? run - (runs[index - 2] as number) : run;
    for (let more = true; more; ) {
      let symbol = value & 31;
      value >>= 5;
      more = symbol & 16 ? value !== -1 : value !== 0;
      if (more) symbol |= 32;
      counts += String.fromCharCode(symbol + 48);
    }
  });
  return { size: [height, width], counts };
}

/** The pixels whose centre is inside a path of M, H, V and Z, by the even-odd rule. */
function filled(path: string, rows: number, columns: number): string[] {
  const edges: { x: number; from: number; to: number }[] = [];
  let [x, y, x0, y0] = [0, 0, 0, 0];
  for (const [, command, a, b] of path.matchAll(/([MHVZ])(-?\d+)?(?: (-?\d+))?/g)) {
    const to = command === "V" ? Number(a) : command === "Z" ? y0 : y;
    if (to !== y) edges.push({ x, from: Math.min(y, to), to: Math.max(y, to) });
    if (command === "M") [x, y, x0, y0] = [Number(a), Number(b), Number(a), Number(b)];
    else if (command === "H") x = Number(a);
    else [x, y] = [command === "Z" ? x0 : x, to];
  }
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const crossed = edges.filter((e) => e.x <= column && e.from <= row && row < e.to).length;
      return crossed % 2 === 1 ? "#" : ".";
    }).join(""),
  );
}

describe("masks", () => {
  const pictures: Record<string, string[]> = {
    "one pixel": ["...", ".#.", "..."],
    "a ring with a dot in it": [".......", ".#####.", ".#...#.", ".#.#.#.", ".#...#.", ".#####.", "......."],
    "corners that touch": ["#..", ".#.", "#.#"],
    "a foot and the next head": [".#", ".#", "#."],
    "all of it": ["####", "####"],
    "at the far corner": ["....", "....", "...#"],
  };
  test.each(Object.entries(pictures))("%s: the outline holds exactly its pixels", (_name, rows) => {
    const shape = maskShape(encoded(rows));
    expect(filled(shape?.path ?? "", rows.length, rows[0]?.length ?? 0)).toEqual(rows);
    expect(shape?.area).toBe(rows.join("").replaceAll(".", "").length);
  });

  test("a picture by chance, larger than five bits can count", () => {
    let seed = 7;
    const chance = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const rows = Array.from({ length: 90 }, (_, y) =>
      Array.from({ length: 130 }, (_, x) => ((x - 60) ** 2 + (y - 40) ** 2 < 900 || chance() < 0.02 ? "#" : ".")).join(""),
    );
    expect(filled(maskShape(encoded(rows))?.path ?? "", 90, 130)).toEqual(rows);
  });

  test("a string of the reference encoder", () => {
    // A 6 x 4 picture whose rows 1 to 3 of the columns 1 and 2 are set, as prelabel/geometry/rle.py writes it.
    expect(runsOf({ size: [6, 4], counts: "733" + "0" + "5" })).toEqual([7, 3, 3, 3, 8]);
    expect(maskShape({ size: [6, 4], counts: "73305" })?.bounds).toEqual({ x: 1, y: 1, width: 2, height: 3 });
  });

  test("what is damaged, of another size or empty has no outline", () => {
    const { counts } = encoded(["##", ".#"]);
    expect(maskShape({ size: [2, 3], counts })).toBeNull();
    expect(maskShape({ size: [2, 2], counts: `${counts}o` })).toBeNull();
    expect(maskShape({ size: [2, 2], counts: "\u007f" })).toBeNull();
    expect(maskShape({ size: [2, 2], counts: "4" })).toBeNull();
  });
});

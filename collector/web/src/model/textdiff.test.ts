import { describe, expect, test } from "vitest";
import { textDiff } from "./textdiff";

/** [-what went out-] and {+what came in+}, as wdiff writes it. */
const told = (before: string, after: string): string =>
  textDiff(before, after)
    .map(({ kind, text }) => (kind === "same" ? text : kind === "out" ? `[-${text}-]` : `{+${text}+}`))
    .join("");

describe("what a correction changed", () => {
  test.each([
    ["nothing", "a red cup", "a red cup", "a red cup"],
    ["one word", "ein Löfel da", "ein Löffel da", "ein [-Löfel -]{+Löffel +}da"],
    ["a word more", "turn on light", "turn on the light", "turn on {+the +}light"],
    ["a word less", "turn on on light", "turn on light", "turn on [-on -]light"],
    ["two places", "I has a dog and a cats", "I have a dog and a cat", "I [-has -]{+have +}a dog and a [-cats-]{+cat+}"],
    ["all", "yes", "no", "[-yes-]{+no+}"],
    ["from nothing", "", "yes", "{+yes+}"],
    ["to nothing", "yes", "", "[-yes-]"],
    ["signs without spaces", "打开灯吧", "打开那灯吧", "打开{+那+}灯吧"],
    ["right to left", "שלום עולם טוב", "שלום לעולם טוב", "שלום [-עולם -]{+לעולם +}טוב"],
  ])("%s", (_name, before, after, wanted) => expect(told(before, after)).toBe(wanted));

  test("both texts can be read out of it, however long they are", () => {
    const words = Array.from({ length: 40_000 }, (_, n) => `w${(n * 7919) % 997} `);
    const other = words.map((word, n) => (n % 50 === 7 ? "x " : word)).filter((_, n) => n % 91 !== 5);
    for (const size of [300, 40_000]) {
      const [before, after] = [words.slice(0, size).join(""), other.slice(0, size).join("")];
      const pieces = textDiff(before, after);
      expect(pieces.filter((p) => p.kind !== "in").map((p) => p.text).join("")).toBe(before);
      expect(pieces.filter((p) => p.kind !== "out").map((p) => p.text).join("")).toBe(after);
    }
  });
});

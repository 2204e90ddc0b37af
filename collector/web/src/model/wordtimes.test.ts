import { describe, expect, test } from "vitest";
import { wordsAfter, type Word } from "./wordtimes";

const timed = (...texts: string[]): Word[] =>
  texts.map((text, at) => ({ text, start_us: at * 100_000, end_us: at * 100_000 + 90_000, score: 0.9 }));

/** The words with the tenth of a second at which each begins. */
const told = (words: readonly Word[]): string => words.map((w) => `${w.text}@${w.start_us / 100_000}`).join(" ");

/** Types one letter after the other, as a person does. */
function typed(words: Word[], ...texts: string[]): string {
  let [rows, before] = [words, texts[0] as string];
  for (const after of texts.slice(1)) {
    rows = wordsAfter(rows, before, after);
    before = after;
  }
  return told(rows);
}

describe("word times", () => {
  const words = timed("turn", "on", "teh", "light");
  test.each([
    ["a letter in a word", "turn on the light", "turn@0 on@1 the@2 light@3"],
    ["a letter behind the last", "turn on teh lights", "turn@0 on@1 teh@2 lights@3"],
    ["a sign before the first", "“turn on teh light", "“turn@0 on@1 teh@2 light@3"],
    ["a word more has no times", "turn on now teh light", "turn@0 on@1 teh@2 light@3"],
    ["a word less", "turn on light", "turn@0 on@1 light@3"],
    ["two words joined", "turnon teh light", "teh@2 light@3"],
    ["one word cut in two", "turn on t eh light", "turn@0 on@1 light@3"],
    ["two words spelt anew", "turn of the light", "turn@0 of@1 the@2 light@3"],
    ["nothing left", "", ""],
    ["nothing changed", "turn on teh light", "turn@0 on@1 teh@2 light@3"],
  ])("%s", (_name, after, wanted) => expect(told(wordsAfter(words, "turn on teh light", after))).toBe(wanted));

  test("a word that is typed letter by letter", () =>
    expect(typed(timed("on", "light"), "on light", "on light ", "on light n", "on light no", "on light now")).toBe(
      "on@0 light@1",
    ));
  test("a word that is written over", () =>
    expect(typed(timed("on", "light"), "on light", "on k", "on ki", "on kit")).toBe("on@0 kit@1"));
  test("words that no space parts", () => {
    expect(typed(timed("打开", "灯"), "打开灯", "打开了灯")).toBe("打开了@0 灯@1");
    expect(typed(timed("打开", "灯"), "打开灯", "打灯")).toBe("打@0 灯@1");
  });
  test("words with signs beside them in the text", () =>
    expect(typed(timed("Hello", "you"), "Hello, you!", "Hullo, you!", "Hullo, you")).toBe("Hullo@0 you@1"));
  test("words of another text stay as they are", () =>
    expect(told(wordsAfter(words, "something else", "something"))).toBe("turn@0 on@1 teh@2 light@3"));
});

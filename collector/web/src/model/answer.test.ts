import { describe, expect, test } from "vitest";
import type { Label, TextLabel } from "../api/types";
import { answerOf, answerWord, inLanguage, rejectedAnswer, written } from "./answer";
import type { Work } from "./labels";

const MODEL = { kind: "model", name: "ears", version: "1", sha256: "ab" } as const;
const heard: Label = {
  id: "a1",
  kind: "text",
  label: "answer",
  score: 0.7,
  text: "toast and jam",
  language: "en",
  source: MODEL,
};
const span: Label = { id: "s1", kind: "span", label: "food", score: null, parent: "a1", start: 10, end: 13 };
const before: Work = { c: [heard] };
const none: Work = { c: [] };
const like = { label: "answer", language: "de" };
const one = (work: Work): TextLabel | null => answerOf(work, "c", null);

describe("the one text of a take", () => {
  test("writing where nothing was makes one label, and more of it changes that one", () => {
    const [first, id] = written(none, none, { capture: "c", id: null }, "t", like);
    expect(first["c"]).toEqual([{ id: "p1", kind: "text", label: "answer", score: null, text: "t", language: "de" }]);
    const [second] = written(first, none, { capture: "c", id: id as string }, "tea", like);
    expect(second["c"]).toHaveLength(1);
    expect(one(second)).toMatchObject({ id: "p1", text: "tea" });
  });
  test.each(["", "  ", "\n"])("blanks (%j) are no answer", (blank) => {
    expect(written(none, none, { capture: "c", id: null }, blank, like)).toEqual([none, null]);
    expect(written(before, before, { capture: "c", id: "a1" }, blank, like)).toEqual([none, null]);
  });
  test("a pre-label that went and is written again is corrected, not made twice", () => {
    expect(rejectedAnswer(none, before, "c")?.id).toBe("a1");
    const [work, id] = written(none, before, { capture: "c", id: null }, "toast", like);
    expect(id).toBe("a1");
    expect(work["c"]).toEqual([{ ...heard, text: "toast", language: "de", edited: true }]);
    expect(rejectedAnswer(work, before, "c")).toBeNull();
  });
  test("marked words move with the text, and go with it", () => {
    const work: Work = { c: [heard, span] };
    const [longer] = written(work, work, { capture: "c", id: "a1" }, "some toast and jam", like);
    expect(longer["c"]?.[1]).toEqual({ ...span, start: 15, end: 18 });
    expect(written(work, work, { capture: "c", id: "a1" }, "", like)[0]).toEqual(none);
  });
  test("the same text is no change", () => {
    expect(written(before, before, { capture: "c", id: "a1" }, "toast and jam", like)[0]).toBe(before);
    expect(inLanguage(before, { capture: "c", id: "a1" }, "en")).toBe(before);
    expect(one(inLanguage(before, { capture: "c", id: "a1" }, "tr"))).toMatchObject({ language: "tr", edited: true });
  });
  test("of several the selected one", () => {
    const work: Work = { c: [heard, { ...heard, id: "a2" }] };
    expect(answerOf(work, "c", { capture: "c", id: "a2" })?.id).toBe("a2");
    expect(answerOf(work, "c", { capture: "other", id: "a2" })?.id).toBe("a1");
  });
  test("it is called what the study calls it", () => {
    expect(answerWord([], "object")).toBe("answer");
    expect(answerWord(["said", "answer"], "said")).toBe("answer");
    expect(answerWord(["said", "unclear"], "unclear")).toBe("unclear");
  });
});

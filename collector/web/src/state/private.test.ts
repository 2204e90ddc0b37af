import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { MemoryBrowser, settled } from "../testing/browser";
import { MemoryCollector } from "../testing/collector";
import { MemoryPage } from "../testing/page";
import { keyOf, privateOf, storeOf } from "../testing/private";
import { box, taskView } from "../testing/tasks";
import { bytesOf, textOf } from "./base64";
import { haveChanged } from "./instructions";
import { PrivateStorage } from "./private";
import { load, save } from "./storage";

let browser: MemoryBrowser;
beforeEach(() => (browser = new MemoryBrowser()));
afterEach(() => browser.close());

const raw = (name: string): string => localStorage.getItem(`gleaner.${name}`) as string;

describe("an entry", () => {
  test("comes back for its person, and says nothing to others", () => {
    const mine = privateOf("ada");
    const value = { text: "a kettle, ünï \u{1f600}", many: Array.from({ length: 20_000 }, (_, n) => n) };
    expect(mine.save("draft", "t1", value)).toBe(true);
    expect(privateOf("ada").load("draft", "t1")).toEqual(value);
    expect([mine.ids("draft"), mine.ids("steps"), privateOf("boris").ids("draft")]).toEqual([["t1"], [], []]);
    expect(JSON.stringify(browser.storage)).not.toMatch(/\.ada\b|kettle|12345,/);
    // The name of the store alone opens nothing.
    const thief = new PrivateStorage({ name: "eve", store: storeOf("ada"), key: keyOf("eve") });
    expect(thief.load("draft", "t1")).toBeNull();
  });

  test("is XChaCha20-Poly1305 over its form's number, time and name, with a new nonce each time", () => {
    const mine = privateOf("ada");
    mine.save("draft", "t1", ["x"]);
    const [version, time, body] = raw(`draft.${storeOf("ada")}.t1`).split(".") as [string, string, string];
    expect([version, Number(time)]).toEqual(["1", Date.now()]);
    const key = Uint8Array.from({ length: 32 }, (_, n) => parseInt(keyOf("ada").slice(2 * n, 2 * n + 2), 16));
    const bytes = bytesOf(body);
    const name = new TextEncoder().encode(`1.${time}.draft.${storeOf("ada")}.t1`);
    const opened = xchacha20poly1305(key, bytes.subarray(0, 24), name).decrypt(bytes.subarray(24));
    expect(new TextDecoder().decode(opened)).toBe('["x"]');
    mine.save("draft", "t1", ["x"]);
    expect(raw(`draft.${storeOf("ada")}.t1`).split(".")[2]).not.toBe(body);
  });

  test("counts in its own place, as it was written, and in a form that is known", () => {
    const mine = privateOf("ada");
    mine.save("draft", "t1", 1);
    const name = `draft.${storeOf("ada")}.t1`;
    const whole = raw(name);
    localStorage.setItem(`gleaner.draft.${storeOf("ada")}.t2`, whole);
    const [, time, body] = whole.split(".") as [string, string, string];
    const bytes = bytesOf(body);
    bytes[30] = (bytes[30] as number) ^ 1;
    expect(mine.load("draft", "t2")).toBeNull();
    for (const bad of [`2.${time}.${body}`, `1.${Number(time) + 1}.${body}`, `1.${time}.${textOf(bytes)}`, "1.1.%", "", "{"]) {
      localStorage.setItem(`gleaner.${name}`, bad);
      expect(mine.load("draft", "t1")).toBeNull();
    }
    localStorage.setItem(`gleaner.${name}`, whole);
    expect(mine.load("draft", "t1")).toBe(1);
  });

  test("cannot be read or written after the session", () => {
    const mine = privateOf("ada");
    mine.save("letter", "a", 1);
    mine.lock();
    expect([mine.load("letter", "a"), mine.save("letter", "b", 1), mine.ids("letter")]).toEqual([null, false, ["a"]]);
  });

  test("is deleted when it is old, whoever's it is: a draft after two weeks, an answer after ninety days", async () => {
    privateOf("ada").save("draft", "t1", 1);
    privateOf("ada").save("letter", "a", 1);
    await settled(15 * 86_400_000);
    const other = privateOf("boris");
    expect([browser.stored("draft."), browser.stored("letter.").length]).toEqual([[], 1]);
    await settled(76 * 86_400_000);
    expect([other.ids("letter"), privateOf("boris"), browser.stored("letter.")]).toMatchObject([[], {}, []]);
  });
});

test("base64 is that of everybody, for any length", () => {
  for (const length of [0, 1, 2, 3, 24_573, 24_574, 60_001]) {
    const bytes = Uint8Array.from({ length }, (_, n) => (n * 7) % 256);
    expect(textOf(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    expect(bytesOf(textOf(bytes))).toEqual(bytes);
  }
});

describe("what earlier versions stored in the clear", () => {
  const answer = (submit: string): object => ({ task: "t9", title: "Step", body: { submit, documents: [] }, at: 5 });

  test("is stored encrypted when its person opens the page; another's stays", () => {
    save("draft.ada.t1", { at: Date.now(), work: "kettle" });
    save("steps.ada.t1", { at: Date.now(), mark: 1 });
    save("letter.ada.u1", answer("u1"));
    save("outbox.ada", [answer("u2"), answer("u3")]);
    save("submitted.ada", ["t7"]);
    save("draft.ada.b.t1", { at: Date.now(), work: "of ada.b" });
    const mine = privateOf("ada");
    expect([mine.load("draft", "t1"), mine.load("steps", "t1")]).toMatchObject([{ work: "kettle" }, { mark: 1 }]);
    expect(["u1", "u2", "u3"].map((id) => mine.load<{ at: number }>("letter", id)?.at)).toEqual([5, 5, 5]);
    expect(mine.load("submitted", "all")).toEqual(["t7"]);
    const plain = Object.keys(localStorage).filter((name) => /\.ada\b/.test(name));
    expect([plain, load("draft.ada.b.t1")]).toEqual([["gleaner.draft.ada.b.t1"], { at: Date.now(), work: "of ada.b" }]);
    expect(privateOf("ada.b").load("draft", "t1")).toMatchObject({ work: "of ada.b" });
  });

  test("which instructions were seen names no study any more", () => {
    save("instructions.kitchen.boxes", 3);
    const mine = privateOf("ada");
    expect([haveChanged(mine, "kitchen", "boxes", 3), haveChanged(mine, "kitchen", "boxes", 3)]).toEqual([false, false]);
    expect([haveChanged(mine, "kitchen", "boxes", 4), haveChanged(privateOf("ada"), "kitchen", "boxes", 4)]).toEqual([true, false]);
    expect(Object.keys(localStorage).filter((name) => name.includes("kitchen"))).toEqual([]);
  });

  test("stays where the browser has no space for it, and is deleted when nobody comes back for it", async () => {
    save("draft.ada.t1", { at: Date.now(), work: "kettle" });
    browser.storage.fill();
    expect([privateOf("ada").load("draft", "t1"), browser.stored("draft.")]).toEqual([null, ["gleaner.draft.ada.t1"]]);
    await settled(15 * 86_400_000);
    privateOf("boris");
    expect(browser.stored("draft.")).toEqual([]);
  });

  test("is opened with its item, and its answers are sent", async () => {
    const collector = new MemoryCollector();
    collector.add(taskView("t1", { labels: [box("b1")] }), taskView("t2", { labels: [box("b1")] }));
    const before = await MemoryPage.open(collector);
    await before.edit(5);
    const mine = privateOf("ada");
    const draft = mine.load("draft", "t1");
    mine.remove("draft", "t1");
    save("draft.ada.t1", draft);
    const row = collector.row("t1");
    row.state = "open";
    browser.openTab();
    expect((await MemoryPage.open(collector)).x).toBe(105);
    expect(browser.stored("draft.")).toEqual([`gleaner.draft.${storeOf("ada")}.t1`]);
  });
});

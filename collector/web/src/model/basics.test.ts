import { describe, expect, test } from "vitest";
import type { Label, TaskView } from "../api/types";
import * as geometry from "./geometry";
import { maskedWord } from "./masked";
import { BINDINGS, help, strokeFor, surfaceOf, type Pressed } from "./keys";
import * as spans from "./spans";
import * as undo from "./undo";

describe("keys of other keyboards", () => {
  const on = (key: string, code: string, held: Partial<Pressed> = {}): Pressed => ({
    key,
    code,
    shiftKey: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    ...held,
  });
  test("signs made with AltGr or Option, digits and letters of other layouts", () => {
    const command = (press: Pressed): unknown => strokeFor(press, "tracks", false)?.command;
    expect(command(on("[", "Digit8", { altKey: true, ctrlKey: true }))).toBe("keyframe-before");
    expect(command(on("{", "Digit7", { altKey: true }))).toBe("keyframe-earlier");
    expect(command(on("n", "KeyN", { altKey: true }))).toBeUndefined();
    expect(strokeFor(on("é", "Digit2"), "tracks", false)?.digit).toBe(2);
    expect(strokeFor(on("2", "Digit2", { shiftKey: true }), "tracks", false)?.digit).toBe(2);
    expect(strokeFor(on("é", "Digit2"), "tracks", true)).toBeNull();
    for (const [key, code, wanted] of [
      ["т", "KeyN", "draw"],
      ["Г", "KeyU", "redo"],
      ["χ", "KeyX", "reject"],
      ["ا", "KeyH", "hidden"],
    ] as const)
      expect(command(on(key, code, { shiftKey: key === "Г" }))).toBe(wanted);
    expect(command(on("z", "KeyY"))).toBe("zoom");
  });
});

describe("geometry", () => {
  const r = { x: 10, y: 20, width: 30, height: 40 };
  test("a view moves just as far as it must to show a box", () => {
    const screen = { width: 800, height: 600 };
    const view = { scale: 4, dx: 0, dy: 0 };
    expect(geometry.inView({ x: 10, y: 10, width: 20, height: 20 }, view, screen)).toBe(view);
    const below = geometry.inView({ x: 10, y: 900, width: 20, height: 20 }, view, screen);
    expect(geometry.toScreen({ x: 10, y: 900, width: 20, height: 20 }, below)).toEqual({ x: 40, y: 260, width: 80, height: 80 });
    const half = { x: 195, y: 0, width: 20, height: 20 };
    expect(geometry.toScreen(half, geometry.inView(half, view, screen)).x).toBe(360);
    const large = { x: 0, y: 0, width: 400, height: 400 };
    expect(geometry.inView(large, view, screen), "larger than the screen, its middle is seen").toBe(view);
  });
  test("an edge never passes its opposite", () => {
    expect(geometry.edgeMoved(r, "left", 100)).toEqual({ x: 39, y: 20, width: 1, height: 40 });
    expect(geometry.edgeMoved(r, "right", -100)).toEqual({ ...r, width: 1 });
    expect(geometry.edgeMoved(r, "top", -5)).toEqual({ x: 10, y: 15, width: 30, height: 45 });
  });
  test("a corner moves two edges", () => {
    expect(geometry.dragged(r, "top-left", 1, 2)).toEqual({ x: 11, y: 22, width: 29, height: 38 });
    expect(geometry.dragged(r, "inside", 1, 2)).toEqual({ ...r, x: 11, y: 22 });
  });
  test("an edge of a turned box moves along the turned axis, the opposite edge stays", () => {
    // Turned by 90 degrees the right edge points down: dragging it down widens the box.
    const wider = geometry.dragged(r, "right", 0, 10, 90);
    expect(wider.width).toBeCloseTo(40, 9);
    const ends = (b: geometry.Rect, degrees: number): geometry.Point[] =>
      [-1, 1].map((side) => {
        const by = geometry.turned({ x: (side * b.width) / 2, y: 0 }, degrees);
        return { x: b.x + b.width / 2 + by.x, y: b.y + b.height / 2 + by.y };
      });
    for (const degrees of [0, 30, 90, -145]) {
      const [left, right] = ends(r, degrees) as [geometry.Point, geometry.Point];
      const grown = geometry.turnedInPlace(r, geometry.edgeMoved(r, "right", 7), degrees);
      const [stays, moves] = ends(grown, degrees) as [geometry.Point, geometry.Point];
      expect(stays.x).toBeCloseTo(left.x, 9);
      expect(stays.y).toBeCloseTo(left.y, 9);
      expect(Math.hypot(moves.x - right.x, moves.y - right.y)).toBeCloseTo(7, 9);
    }
    expect(geometry.turnedInPlace(r, geometry.moved(r, 3, 4), 30)).toEqual(geometry.moved(r, 3, 4));
  });
  test("there and back through a view", () => {
    const view = geometry.fit({ width: 1280, height: 720 }, { width: 1000, height: 700 }, 10);
    const on = geometry.toScreen(r, view);
    expect(geometry.toPicture(on, view).x).toBeCloseTo(10, 9);
    expect(geometry.toPicture(on, view).y).toBeCloseTo(20, 9);
    const zoomed = geometry.zoomedAt(view, { x: 300, y: 200 }, 3, view.scale);
    expect(geometry.toPicture({ x: 300, y: 200 }, zoomed).x).toBeCloseTo(
      geometry.toPicture({ x: 300, y: 200 }, view).x,
      9,
    );
  });
  test("overlap", () => {
    expect(geometry.iou(r, r)).toBe(1);
    expect(geometry.iou(r, geometry.moved(r, 100, 0))).toBe(0);
  });
  test("two corners in any order", () => {
    expect(geometry.between({ x: 9, y: 9 }, { x: 4, y: 11 })).toEqual({ x: 4, y: 9, width: 5, height: 2 });
  });
});

describe("text offsets count code points", () => {
  const texts = ["kettle", "a👩‍🍳b", "e\u0301a", "שלום עולם", "مرحبا", "👍🏽!", ""];
  test.each(texts)("there and back in %j", (text) => {
    for (let n = 0; n <= spans.codePointLength(text); n += 1)
      expect(spans.toCodePoints(text, spans.toUnits(text, n))).toBe(n);
  });
  test("an offset inside a pair counts as before it", () => expect(spans.toCodePoints("👍x", 1)).toBe(0));
  test("what is stored is NFC", () => expect(spans.asStored("e\u0301")).toBe("\u00e9"));

  test("a span is drawn over whole signs, and beside those it shares text with", () => {
    const text = "👨‍👩‍👧 e\u0323\u0302 שלום";
    const span = (id: string, start: number, end: number): Label => ({
      id,
      kind: "span",
      label: "place",
      score: 0.5,
      parent: "t",
      start,
      end,
    });
    const rows = [span("whole", 0, 14), span("half", 2, 3), span("mark", 7, 8), span("word", 10, 14)];
    const marks = spans.marksOf(text, "t", [...rows, { ...span("other", 0, 1), parent: "u" } as Label]);
    expect(marks.map((m) => [m.span.id, text.slice(m.from, m.to), m.lane])).toEqual([
      ["whole", text, 0],
      ["half", "👨‍👩‍👧", 1],
      ["mark", "e\u0323\u0302", 1],
      ["word", "שלום", 1],
    ]);
    expect(spans.marksOf(text, "none", rows)).toEqual([]);
  });
  test("spans move with their text, or go when their words changed", () => {
    const span = (id: string, start: number, end: number): Label => ({
      id,
      kind: "span",
      label: "x",
      score: null,
      parent: "t",
      start,
      end,
    });
    const text: Label = { id: "t", kind: "text", label: "answer", score: null, text: "👍 red cup here" };
    const rows = [text, span("red", 2, 5), span("cup", 6, 9), span("here", 10, 14)];
    const after = spans.movedSpans(rows, "t", "👍 red cup here", "👍 red mugs here");
    expect(after.map((l) => (l.kind === "span" ? [l.id, l.start, l.end] : l.id))).toEqual([
      "t",
      ["red", 2, 5],
      ["here", 11, 15],
    ]);
  });
});

describe("undo", () => {
  test("there and back, and a series is one step", () => {
    let h = undo.started(0);
    h = undo.changed(h, 1);
    h = undo.changed(h, 2, "nudge");
    h = undo.changed(h, 3, "nudge");
    h = undo.undone(h);
    expect(h.now).toBe(1);
    expect(undo.redone(h).now).toBe(3);
    expect(undo.undone(undo.undone(h)).now).toBe(0);
    h = undo.changed(undo.ended(undo.changed(h, 5, "nudge")), 6, "nudge");
    expect(undo.undone(h).now).toBe(5);
    expect(undo.redone(h)).toBe(h);
  });
});

describe("keys", () => {
  const press = (key: string, mods: Partial<Pressed> = {}): Pressed => ({
    key,
    shiftKey: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    ...mods,
  });
  test("in a text field plain keys type", () => {
    for (const key of ["n", "u", "1", "Delete", "Enter", "?", "ArrowLeft", " ", "s"])
      expect(strokeFor(press(key), "speech", true)).toBeNull();
    expect(strokeFor(press("Escape"), "speech", true)?.command).toBe("leave");
    expect(strokeFor(press("Enter", { ctrlKey: true }), "text", true)?.command).toBe("submit");
    expect(strokeFor(press("Tab"), "text", true)?.command).toBe("next-label");
    expect(strokeFor(press("Tab", { shiftKey: true }), "text", true)?.command).toBe("previous-label");
  });
  test.each(["speech", "spoken"] as const)("in a field of %s, Ctrl keys play", (surface) => {
    const command = (key: string): string | undefined =>
      strokeFor(press(key, { ctrlKey: true }), surface, true)?.command;
    expect([" ", ",", "."].map(command)).toEqual(["play", "second-back", "second-on"]);
    expect(strokeFor(press(" ", { ctrlKey: true }), "text", true)).toBeNull();
    expect(strokeFor(press("z", { ctrlKey: true }), surface, true), "the field's own undo").toBeNull();
  });
  test("a text task's keys follow where its text stands", () => {
    const view = (type: string, ...media: string[]): TaskView =>
      ({ type, captures: media.map((medium) => ({ medium, role: "labelled" })) }) as unknown as TaskView;
    expect(surfaceOf(view("text", "text"))).toBe("text");
    expect(surfaceOf(view("text", "audio"))).toBe("spoken");
    expect(surfaceOf(view("text", "image"))).toBe("reading");
    expect(surfaceOf(view("speech", "audio"))).toBe("speech");
    const beside = { type: "text", captures: [{ medium: "text", role: "labelled" }, { medium: "audio", role: "beside" }] };
    expect(surfaceOf(beside as unknown as TaskView)).toBe("text");
  });
  test.each([
    [press("Enter"), "boxes", "submit"],
    [press("N"), "boxes", "draw"],
    [press("U", { shiftKey: true }), "boxes", "redo"],
    [press("z", { ctrlKey: true }), "boxes", "undo"],
    [press("e"), "boxes", "edge"],
    [press("e"), "speech", "take-expected"],
    [press(" "), "tracks", "play"],
    [press("<", { shiftKey: true }), "tracks", "frames-back"],
    [press("["), "speech", "edge-start"],
    [press("?", { shiftKey: true }), "text", "keys"],
    [press("ArrowLeft", { shiftKey: true }), "boxes", "left"],
    [press(" "), "reading", "confirm"],
    [press("z"), "reading", "zoom"],
    [press("w"), "reading", "write"],
    [press(" "), "spoken", "play"],
    [press(" ", { shiftKey: true }), "spoken", "play-all"],
    [press("ArrowLeft"), "spoken", "left"],
    [press("<", { shiftKey: true }), "spoken", "slower"],
    [press(">", { shiftKey: true }), "speech", "faster"],
    [press("l"), "spoken", "language"],
  ] as const)("%o in %s", (key, type, command) => expect(strokeFor(key, type, false)?.command).toBe(command));
  test("what the browser owns stays with it", () => {
    expect(strokeFor(press(" "), "text", false)).toBeNull();
    for (const key of [press("r", { ctrlKey: true }), press("ArrowLeft", { altKey: true }), press("F5"), press("k")]) {
      expect(strokeFor(key, "boxes", false)).toBeNull();
    }
  });
  test("no key means two things in one task", () => {
    for (const type of ["boxes", "tracks", "speech", "text", "reading", "spoken"] as const) {
      const seen = new Set<string>();
      for (const b of BINDINGS.filter((row) => row.on?.includes(type) ?? true)) {
        const name = `${b.ctrl ? "ctrl " : ""}${b.shift ? "shift " : ""}${b.key}`;
        expect(seen.has(name), `${name} twice in ${type}`).toBe(false);
        seen.add(name);
      }
      expect(help(type).everywhere.length).toBeGreaterThan(8);
    }
  });
  test("the help shows the keys of what is open, and no others", () => {
    const here = help("spoken").here.map((row) => row.says);
    for (const words of ["play from the start", "choose the language", "write the text", "slower"])
      expect(here).toContain(words);
    expect(here.join()).not.toContain("split the region");
  });
});

describe("what was masked on the device", () => {
  test.each([
    ["video", null, null],
    ["video", { faces: 3, speech_us: 0 }, "faces masked (3)"],
    ["image", { faces: 0, speech_us: 0 }, "no faces to mask"],
    ["video", { faces: null, speech_us: null }, "faces masked"],
    ["audio", { faces: 0, speech_us: 1_240_000 }, "sound muted outside prompts (1.2 s)"],
    ["audio", { faces: 0, speech_us: 0 }, "no speech to mute outside prompts"],
    ["audio", { faces: null, speech_us: null }, "sound muted outside prompts"],
  ] as const)("%s %o is “%s”", (medium, redaction, word) => expect(maskedWord({ medium, redaction })).toBe(word));
});
